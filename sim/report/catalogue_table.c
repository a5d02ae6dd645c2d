/* The requirements on a terminal: 80 to 120 columns, names shortened and the last column dropped to its date where
 * there is no room. */
#include <string.h>

#include "report/catalogue_private.h"

enum { INDENT = 5, SHOWS_WIDTH = 7 };

/* ---- text ---- */

int vc_table_width(const char *text)
{
    int width = 0;

    for (; *text; text++)
        width += (*text & 0xc0) != 0x80;
    return width;
}

void vc_table_wrapped(const struct vc_table *t, int at, const char *text)
{
    VC_AUTO_TALLOC char *words = talloc_strdup(NULL, text);
    int column = at;
    char *rest = NULL;

    for (const char *word = strtok_r(words, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        int width = vc_table_width(word);

        if (column > at && column + 1 + width > (int)t->style.columns) {
            fprintf(t->out, "\n%*s", at, "");
            column = at;
        }
        fprintf(t->out, "%s%s", column > at ? " " : "", word);
        column += width + (column > at);
    }
    putc('\n', t->out);
}

/* Names are ASCII. A long one loses its end. */
static void padded(const struct vc_table *t, const char *text, int width)
{
    int length = (int)strlen(text);

    if (length <= width)
        fprintf(t->out, "%-*s", width, text);
    else
        fprintf(t->out, "%.*s…", width - 1, text);
}

void vc_table_coloured(const struct vc_table *t, const char *code, const char *text, int width)
{
    fprintf(t->out, "%s%s%s%*s", t->style.colour ? code : "", text, t->style.colour ? "\033[0m" : "",
            larger(0, width - vc_table_width(text)), "");
}

const char vc_table_bold[] = "\033[1m";
static const char red[] = "\033[31m", green[] = "\033[32m", yellow[] = "\033[33m";

/* ---- verdicts ---- */

static const struct vote {
    const char *verdict, *colour;
    int rank; /* the lowest one speaks for many */
} votes[] = {{"pass", green, 2}, {"inconclusive", yellow, 1}, {"", yellow, 3}, {NULL, red, 0}};

static const struct vote *vote_of(const json_t *row)
{
    const struct vote *vote = votes;

    while (vote->verdict && strcmp(vote->verdict, vc_member_text(row, "verdict")) != 0)
        vote++;
    return vote;
}

const char *vc_table_vote(const json_t *row)
{
    return vote_of(row)->colour;
}

const char *vc_table_verdict(const json_t *row)
{
    return *vc_member_text(row, "verdict") ? vc_member_text(row, "verdict") : "not run";
}

/* "2026-01-31 12:00 sealed seed 0" and shorter ones: {letters of the time, width, with mode and seed} */
static const struct last_form {
    int when_length, width;
    bool rest;
} last_forms[] = {{16, 30, true}, {16, 16, false}, {10, 10, false}};

static void print_last(const struct vc_table *t, const json_t *row)
{
    const struct last_form *form = &last_forms[t->last_form];
    const char *when = vc_member_text(row, "when");

    if (*when) {
        fprintf(t->out, "  %.10s", when);
        if (form->when_length > 10)
            fprintf(t->out, " %.5s", when + 11);
        if (form->rest)
            fprintf(t->out, " %-6s seed %lld", vc_member_text(row, "mode"), (long long)vc_member_int(row, "seed"));
    }
    putc('\n', t->out);
}

/* ---- requirements ---- */

struct tally {
    const json_t *speaker; /* a failed one before an undecided before the newest pass before one that was never run */
    int passed, total;
};

static bool speaks_before(const json_t *a, const json_t *b)
{
    int difference = vote_of(a)->rank - vote_of(b)->rank;

    return difference < 0 || (difference == 0 && strcmp(vc_member_text(a, "when"), vc_member_text(b, "when")) > 0);
}

static struct tally tally_of(const json_t *requirement, const char *list, const char *shows)
{
    struct tally tally = {0};
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(requirement, list), i, row)
    {
        if (strcmp(vc_member_text(row, "shows"), shows) != 0)
            continue;
        tally.total++;
        tally.passed += !strcmp(vc_member_text(row, "verdict"), "pass");
        if (!tally.speaker || speaks_before(row, tally.speaker))
            tally.speaker = row;
    }
    return tally;
}

static void print_row(const struct vc_table *t, const char *shows, const char *count, const json_t *row)
{
    fprintf(t->out, "%*s%-*s%-*s  ", INDENT, "", SHOWS_WIDTH, shows, t->count_width, count);
    padded(t, vc_member_text(row, "name"), t->name_width);
    fputs("  ", t->out);
    vc_table_coloured(t, vote_of(row)->colour, vc_table_verdict(row),
                      *vc_member_text(row, "when") ? t->verdict_width : 0);
    print_last(t, row);
}

/* Two of a scenario, and the same two of a form. */
static const struct aspect {
    const char *list, *shows, *title, *none;
    bool positive;
} aspects[] = {
    {"scenarios", "holds", "holds", "no scenario", true},
    {"forms", "accepts", "accept", "no form", true},
    {"scenarios", "fault", "fault", "no scenario", false},
    {"forms", "refuses", "refuse", "no form", false},
};

static bool is_activation(const json_t *requirement)
{
    return json_is_true(json_object_get(requirement, "activation"));
}

/* A requirement of the order is shown by forms, any other by scenarios; what else there is comes as well. */
static bool is_due(const json_t *requirement, const struct aspect *aspect)
{
    return is_activation(requirement) == !strcmp(aspect->list, "forms");
}

static void print_tally(const struct vc_table *t, const json_t *requirement, const struct aspect *aspect)
{
    struct tally tally = tally_of(requirement, aspect->list, aspect->shows);
    VC_AUTO_TALLOC char *count = talloc_asprintf(NULL, "%d/%d", tally.passed, tally.total);

    if (tally.speaker) {
        print_row(t, aspect->title, count, tally.speaker);
        return;
    }
    if (!is_due(requirement, aspect))
        return;
    fprintf(t->out, "%*s%-*s%-*s  ", INDENT, "", SHOWS_WIDTH, aspect->title, t->count_width, "-");
    vc_table_coloured(t, red, aspect->none, 0);
    putc('\n', t->out);
}

static void print_head(const struct vc_table *t, const json_t *requirement)
{
    vc_table_coloured(t, vc_table_bold, vc_member_text(requirement, "id"), INDENT);
    vc_table_wrapped(t, INDENT, vc_member_text(requirement, "title"));
}

static void print_requirement(const struct vc_table *t, const json_t *requirement)
{
    print_head(t, requirement);
    for (size_t i = 0; i < VC_COUNT(aspects); i++)
        print_tally(t, requirement, &aspects[i]);
}

/* Is it shown by a scenario that passed, or by a form? */
static bool is_met(const json_t *requirement, bool positive)
{
    bool met = false;

    for (size_t i = 0; i < VC_COUNT(aspects); i++)
        met =
            met || (aspects[i].positive == positive && tally_of(requirement, aspects[i].list, aspects[i].shows).passed);
    return met;
}

static const char scenario_head[] = "SCENARIO (a failed one, else the newest)";

/* How wide the columns are when every name is shown whole, and what of the last column then has room. */
static void measure(struct vc_table *t, const json_t *requirements, const json_t *scenarios)
{
    const json_t *requirement, *row;
    int longest = (int)strlen(scenario_head), room;
    size_t i, j;

    t->count_width = 4;
    t->verdict_width = 4;
    json_array_foreach(requirements, i, requirement)
    {
        VC_AUTO_TALLOC char *most =
            talloc_asprintf(NULL, "%zu", json_array_size(json_object_get(requirement, "scenarios")));

        t->count_width = larger(t->count_width, 2 * vc_table_width(most) + 1);
        json_array_foreach(json_object_get(requirement, "scenarios"), j, row)
        {
            longest = larger(longest, (int)strlen(vc_member_text(row, "name")));
        }
    }
    json_array_foreach(scenarios, i, row) t->verdict_width =
        larger(t->verdict_width, vc_table_width(vc_table_verdict(json_object_get(row, "last"))));
    room = (int)t->style.columns - INDENT - SHOWS_WIDTH - t->count_width - 2 - 2 - t->verdict_width - 2;
    while (t->last_form < (int)VC_COUNT(last_forms) - 1 && room - last_forms[t->last_form].width < longest)
        t->last_form++;
    room -= last_forms[t->last_form].width;
    t->name_width = longest < room ? longest : room;
}

static struct vc_table table_of(FILE *out, const json_t *document, struct vc_catalogue_style style)
{
    struct vc_table t = {.out = out, .style = style};

    t.style.columns = style.columns < 80 ? 80 : style.columns > 120 ? 120 : style.columns;
    measure(&t, json_object_get(document, "requirements"), json_object_get(document, "scenarios"));
    return t;
}

static void print_requirements(const struct vc_table *t, const json_t *requirements)
{
    int met[2] = {0};
    const char *chapter = "";
    const json_t *requirement;
    size_t i;

    fprintf(t->out, "%*s%-*s%-*s  ", INDENT, "", SHOWS_WIDTH, "SHOWS", t->count_width, "PASS");
    padded(t, scenario_head, t->name_width);
    fprintf(t->out, "  %-*s  WHEN\n", t->verdict_width, "LAST");
    json_array_foreach(requirements, i, requirement)
    {
        if (strcmp(chapter, vc_member_text(requirement, "chapter")) != 0) {
            chapter = vc_member_text(requirement, "chapter");
            putc('\n', t->out);
            vc_table_coloured(t, vc_table_bold, chapter, 0);
            putc('\n', t->out);
        }
        print_requirement(t, requirement);
        met[0] += is_met(requirement, false);
        met[1] += is_met(requirement, true);
    }
    fprintf(t->out,
            "\n%zu requirements: %d hold in a scenario that passed or in an accepted form,\n"
            "of %d the fault is seen in a scenario that passed or in a refused form.\n"
            "vclab list R1 names all scenarios and forms of R1 and their results.\n",
            json_array_size(requirements), met[1], met[0]);
}

/* The folder of a scenario's result; what is said of a form. */
static void print_source(const struct vc_table *t, const json_t *row)
{
    int at = INDENT + SHOWS_WIDTH + t->count_width + 2;

    if (*vc_member_text(row, "result"))
        fprintf(t->out, "%*s%s\n", at, "", vc_member_text(row, "result"));
    if (!*vc_member_text(row, "file"))
        return;
    fprintf(t->out, "%*s", at, "");
    vc_table_wrapped(t, at, *vc_member_text(row, "said") ? vc_member_text(row, "said") : vc_member_text(row, "file"));
}

bool vc_catalogue_print_requirement(FILE *out, const json_t *document, const char *id, struct vc_catalogue_style style)
{
    struct vc_table t = table_of(out, document, style);
    const json_t *requirement, *row;
    size_t i, j;

    json_array_foreach(json_object_get(document, "requirements"), i, requirement)
    {
        if (strcmp(vc_member_text(requirement, "id"), id) != 0)
            continue;
        print_head(&t, requirement);
        if (!json_array_size(json_object_get(requirement, "scenarios")) &&
            !json_array_size(json_object_get(requirement, "forms")))
            fprintf(out, "%*sno scenario\n", INDENT, "");
        for (size_t a = 0; a < VC_COUNT(aspects); a++)
            json_array_foreach(json_object_get(requirement, aspects[a].list), j, row)
            {
                if (strcmp(vc_member_text(row, "shows"), aspects[a].shows) != 0)
                    continue;
                print_row(&t, aspects[a].title, "", row);
                print_source(&t, row);
            }
        return true;
    }
    return false;
}

void vc_catalogue_print(FILE *out, const json_t *document, struct vc_catalogue_style style)
{
    struct vc_table t = table_of(out, document, style);

    print_requirements(&t, json_object_get(document, "requirements"));
    vc_table_lists(&t, document);
}
