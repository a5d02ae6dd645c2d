/* vclab list [--json]: the scenarios and topologies that are here, and the faults that can be put in. */
#include <string.h>

#include "base/home.h"
#include "cli/commands.h"
#include "model/files.h"
#include "model/scenario.h"

enum { FOLDER_DEPTH = 6 };

struct listing {
    const char *topologies_dir, *kinds_dir;
    json_t *scenarios, *topologies; /* borrowed from the document */
    bool broken;                    /* something could not be read; stderr said what */
};

/* "." would only lengthen every line; a file's path works from where vclab was called. */
static char *home_path(void *ctx, const char *folder)
{
    return strcmp(vc_home(), ".") ? talloc_asprintf(ctx, "%s/%s", vc_home(), folder) : talloc_strdup(ctx, folder);
}

static void say_broken(struct listing *list, const vc_error *err)
{
    fprintf(stderr, "%s\n", err->message);
    list->broken = true;
}

static void add_scenario(struct listing *list, const char *file)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_scenario *s = vc_scenario_load(scratch, file, list->topologies_dir, list->kinds_dir, &err);

    if (!s) {
        say_broken(list, err);
        return;
    }
    json_t *requirements = json_array();
    for (size_t i = 0; i < s->requirement_count; i++)
        json_array_append_new(requirements, json_string(s->requirements[i]));
    json_array_append_new(list->scenarios, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "file", file, "name", s->name,
                                                     "description", s->description, "topology", s->topology->name,
                                                     "timers", s->timers->name, "requirements", requirements));
}

static void add_topology(struct listing *list, const char *file)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_topology *t = vc_topology_load(scratch, file, list->kinds_dir, &err);

    if (!t) {
        say_broken(list, err);
        return;
    }
    json_array_append_new(list->topologies, json_pack("{s:s, s:s, s:s, s:i, s:i, s:i}", "file", file, "name", t->name,
                                                      "description", t->description, "nodes", (int)t->node_count,
                                                      "links", (int)t->link_count, "tunnels", (int)t->tunnel_count));
}

/* `depth` ends a walk round a link that points upwards. */
static void add_folder(struct listing *list, const char *folder, unsigned depth,
                       void (*add)(struct listing *, const char *))
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_names files = vc_documents(scratch, folder), folders = vc_folders(scratch, folder);

    for (size_t i = 0; i < files.count; i++)
        add(list, talloc_asprintf(scratch, "%s/%s.yaml", folder, vc_names_at(files, i)));
    for (size_t i = 0; depth && i < folders.count; i++)
        add_folder(list, talloc_asprintf(scratch, "%s/%s", folder, vc_names_at(folders, i)), depth - 1, add);
}

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static char *joined(void *ctx, const json_t *array)
{
    char *text = talloc_strdup(ctx, "");
    const json_t *item;
    size_t i;

    json_array_foreach(array, i, item) text =
        talloc_asprintf_append(text, "%s%s", i ? " " : "", json_string_value(item));
    return text;
}

static int widest(const json_t *array, const char *name)
{
    const json_t *item;
    size_t i, width = 0;

    json_array_foreach(array, i, item) if (strlen(member(item, name)) > width) width = strlen(member(item, name));
    return (int)width;
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

        text = talloc_asprintf_append(text, "%s%s%s%s", i ? " " : "", required ? "" : "[", member(item, "name"),
                                      required ? "" : "]");
    }
    return text;
}

static void print_table(const json_t *document)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const json_t *scenarios = json_object_get(document, "scenarios"), *item;
    const json_t *topologies = json_object_get(document, "topologies"), *faults = json_object_get(document, "faults");
    int width = widest(scenarios, "file");
    size_t i;

    printf("%-*s  %-9s  %-9s  %s\n", width, "SCENARIO", "TOPOLOGY", "TIMERS", "REQUIREMENTS");
    json_array_foreach(scenarios, i, item)
        printf("%-*s  %-9s  %-9s  %s\n", width, member(item, "file"), member(item, "topology"), member(item, "timers"),
               joined(scratch, json_object_get(item, "requirements")));
    printf("\n%-*s  %-9s  %-9s  %s\n", width, "TOPOLOGY", "NODES", "LINKS", "TUNNELS");
    json_array_foreach(topologies, i, item) printf("%-*s  %-9lld  %-9lld  %lld\n", width, member(item, "file"),
                                                   (long long)json_integer_value(json_object_get(item, "nodes")),
                                                   (long long)json_integer_value(json_object_get(item, "links")),
                                                   (long long)json_integer_value(json_object_get(item, "tunnels")));
    width = widest(faults, "kind");
    printf("\n%-*s  %-34s  %s\n", width, "FAULT", "MEMBERS", "EFFECT");
    json_array_foreach(faults, i, item)
        printf("%-*s  %-34s  %s\n", width, member(item, "kind"), fault_members(scratch, item), member(item, "effect"));
}

int vc_cmd_list(int argc, char **argv)
{
    bool json = argc == 2 && !strcmp(argv[1], "--json");
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct listing list = {
        .topologies_dir = home_path(scratch, "topologies"),
        .kinds_dir = home_path(scratch, "nodes"),
        .scenarios = json_array(),
        .topologies = json_array(),
    };
    VC_AUTO_JSON *document = json_pack("{s:o, s:o, s:o}", "scenarios", list.scenarios, "topologies", list.topologies,
                                       "faults", vc_fault_catalogue());

    if (argc > 1 && !json) {
        fprintf(stderr, "usage: vclab list [--json]\n");
        return VC_EXIT_USAGE;
    }
    add_folder(&list, home_path(scratch, "scenarios"), FOLDER_DEPTH, add_scenario);
    add_folder(&list, list.topologies_dir, 0, add_topology);
    if (!list.broken && !json_array_size(list.scenarios) && !json_array_size(list.topologies)) {
        fprintf(stderr,
                "%s has no scenarios/ and no topologies/: call vclab from its checkout or set VCLAB_HOME to it\n",
                vc_home());
        list.broken = true;
    }
    if (json) {
        json_dumpf(document, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_table(document);
    }
    return list.broken ? VC_EXIT_USAGE : VC_EXIT_PASS;
}
