/* Scenarios, topologies and faults on a terminal. */
#include <string.h>

#include "report/catalogue_private.h"

enum { CITATIONS_WIDTH = 12 };

static int widest(const json_t *array, const char *name)
{
    const json_t *item;
    int width = 0;
    size_t i;

    json_array_foreach(array, i, item) width = larger(width, vc_table_width(vc_member_text(item, name)));
    return width;
}

static bool has(const json_t *array, const char *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach(array, i, item) if (!strcmp(json_string_value(item), text)) return true;
    return false;
}

/* "R4 R40; fault R1": what it shows holding and what broken. */
static char *citations(void *ctx, const json_t *scenario)
{
    const json_t *faults = json_object_get(scenario, "fault_of"), *item;
    char *text = talloc_strdup(ctx, "");
    size_t i;

    json_array_foreach(json_object_get(scenario, "requirements"), i, item) if (!has(faults, json_string_value(item)))
        text = talloc_asprintf_append(text, "%s%s", *text ? " " : "", json_string_value(item));
    json_array_foreach(faults, i, item) text =
        talloc_asprintf_append(text, "%s%s", i ? " " : (*text ? "; fault " : "fault "), json_string_value(item));
    return text;
}

/* "scenarios/failover" of "scenarios/failover/x.yaml" */
static char *folder_of(void *ctx, const char *file)
{
    const char *slash = strrchr(file, '/');

    return talloc_strndup(ctx, file, slash ? (size_t)(slash - file) : 0);
}

/* Whole, as it is what `vclab run` wants: a longer one has a line of its own. */
static void print_name(const struct vc_table *t, const char *name, int width)
{
    fprintf(t->out, "  %-*s", width, name);
    if ((int)strlen(name) > width)
        fprintf(t->out, "\n  %*s", width, "");
}

static void print_scenarios(const struct vc_table *t, const json_t *scenarios)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    int timers_width = larger(6, widest(scenarios, "timers")), longest = widest(scenarios, "name");
    int room = (int)t->style.columns - timers_width - t->verdict_width - CITATIONS_WIDTH - 8;
    int name_width = longest < room ? longest : room;
    const char *folder = NULL;
    const json_t *item;
    size_t i;

    json_array_foreach(scenarios, i, item)
    {
        const char *own = folder_of(scratch, vc_member_text(item, "file"));
        const json_t *last = json_object_get(item, "last");

        if (!folder || strcmp(folder, own) != 0) {
            folder = own;
            putc('\n', t->out);
            vc_table_coloured(t, vc_table_bold, folder, 0);
            putc('\n', t->out);
        }
        print_name(t, vc_member_text(item, "name"), name_width);
        fprintf(t->out, "  %-*s  ", timers_width, vc_member_text(item, "timers"));
        vc_table_coloured(t, vc_table_vote(last), vc_table_verdict(last), t->verdict_width);
        fputs("  ", t->out);
        vc_table_wrapped(t, 2 + name_width + 2 + timers_width + 2 + t->verdict_width + 2, citations(scratch, item));
    }
}

static void print_topologies(const struct vc_table *t, const json_t *topologies)
{
    int width = larger(8, widest(topologies, "name"));
    const json_t *item;
    size_t i;

    fprintf(t->out, "\n%-*s  %5s  %5s  %7s\n", width, "TOPOLOGY", "NODES", "LINKS", "TUNNELS");
    json_array_foreach(topologies, i, item)
        fprintf(t->out, "%-*s  %5lld  %5lld  %7lld\n", width, vc_member_text(item, "name"),
                (long long)vc_member_int(item, "nodes"), (long long)vc_member_int(item, "links"),
                (long long)vc_member_int(item, "tunnels"));
}

/* "link, [end]": a member in brackets may be left out. */
static char *fault_members(void *ctx, const json_t *fault)
{
    char *text = talloc_strdup(ctx, "");
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(fault, "members"), i, item)
    {
        bool required = json_is_true(json_object_get(item, "required"));

        text = talloc_asprintf_append(text, required ? "%s%s" : "%s[%s]", i ? " " : "", vc_member_text(item, "name"));
    }
    return text;
}

static void print_faults(const struct vc_table *t, const json_t *faults)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    int width = widest(faults, "kind");
    const json_t *item;
    size_t i;

    fprintf(t->out, "\n%-*s  %s\n", width, "FAULT", "EFFECT, MEMBERS");
    json_array_foreach(faults, i, item)
    {
        const char *members = fault_members(scratch, item);

        fprintf(t->out, "%-*s  ", width, vc_member_text(item, "kind"));
        vc_table_wrapped(t, width + 2, vc_member_text(item, "effect"));
        if (*members) {
            fprintf(t->out, "%*s", width + 2, "");
            vc_table_wrapped(t, width + 2, members);
        }
    }
}

void vc_table_lists(const struct vc_table *t, const json_t *document)
{
    print_scenarios(t, json_object_get(document, "scenarios"));
    print_topologies(t, json_object_get(document, "topologies"));
    print_faults(t, json_object_get(document, "faults"));
}
