/* Cases: which there are, what their scenario files say. */
#include "fixture.h"

#include <stdio.h>

/* ---- golden files: one case of each kind. What the oracle gives as a reason is its own affair. ---- */

static char *without_comments(void *ctx, const char *text)
{
    char *out = talloc_strdup(ctx, "");

    while (*text) {
        size_t line = strcspn(text, "\n"), blank = strspn(text, " ");
        if (text[blank] != '#')
            out = talloc_asprintf_append(out, "%.*s\n", (int)line, text);
        text += line + (text[line] == '\n');
    }
    return out;
}

static void check_golden(const char *name, const char *text)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, VCLAB_SOURCE_DIR "/tests/sweep/golden/%s.yaml", name);
    VC_AUTO_TALLOC char *plain = without_comments(NULL, text);
    const char *update = getenv("VCLAB_GOLDEN");
    VC_AUTO_FREE char *golden = NULL;
    size_t size = 0;

    if (update && !strcmp(update, "update")) {
        VC_AUTO_FILE *file = fopen(path, "we");
        cr_assert(file && fputs(plain, file) >= 0);
        return;
    }
    VC_AUTO_FILE *file = fopen(path, "re");
    cr_assert(file && getdelim(&golden, &size, 0, file) > 0, "%s: %s", path, strerror(errno));
    cr_assert_str_eq(plain, golden, "%s differs; VCLAB_GOLDEN=update writes it anew", path);
}

Test(golden, one_case_of_each_kind)
{
    static const char *const elements[] = {"link/inet-dc1", "end/lan1/cpe1", "daemon/cpe1/bgpd", "node/cpe1",
                                           "drop/esp/inet-dc1"};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");

    for (size_t i = 0; i < VC_COUNT(elements); i++) {
        size_t element = element_of(sweep, elements[i]), count;
        struct vc_schedule schedule = vc_schedule_of_set(sweep, &element, 1);
        struct vc_sweep_case *cases = vc_sweep_cases(ctx, sweep, 1, elements[i], &count);
        cr_assert_eq(count, 1);
        check_golden(cases[0].name, vc_schedule_text(ctx, sweep, &schedule, cases[0].name));
    }
}

Test(golden, a_pair_with_bfd)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "one-cpe", "bfd");
    size_t set[] = {element_of(sweep, "drop/esp/inet-dc1"), element_of(sweep, "node/dc2-router")};
    struct vc_schedule schedule = vc_schedule_of_set(sweep, set, 2);

    check_golden("pair-with-bfd", vc_schedule_text(ctx, sweep, &schedule, "pair-with-bfd"));
}

/* ---- flows ---- */

Test(flows, are_all_pairs_of_hosts_with_a_tunnel_or_wan_between_them)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");

    cr_assert_eq(sweep->flow_count, 3);
    cr_assert_str_eq(sweep->flows[0].name, "phone-dc1-srv");
    cr_assert_str_eq(sweep->flows[1].name, "phone-dc2-srv");
    cr_assert_str_eq(sweep->flows[2].name, "dc1-srv-dc2-srv");
}

/* ---- an oracle of the test's own ---- */

static struct vc_oracle_path ask_crooked(void *ctx, const struct vc_oracle *oracle VC_UNUSED,
                                         const struct vc_oracle_step *steps, size_t count, size_t from, size_t to)
{
    static const char *const tunnel = "dc1", *const wan = "wan";
    struct vc_oracle_path path = {.reachable = true, .via = talloc_array(ctx, const char *, 2), .count = 2};
    bool failed = count && !steps[count - 1].heal;

    if (failed && from > to)
        return (struct vc_oracle_path){.reachable = false};
    path.via[0] = failed ? wan : tunnel;
    path.via[1] = failed ? tunnel : wan;
    if (failed && count == 2)
        path.count = 0;
    return path;
}

static void has(const char *text, const char *part)
{
    cr_assert(strstr(text, part), "\"%s\" is missing in\n%s", part, text);
}

Test(text, tells_directions_apart_where_they_differ)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");
    size_t set[] = {element_of(sweep, "link/peer"), element_of(sweep, "link/lan1")};
    struct vc_schedule schedule = vc_schedule_of_set(sweep, set, 1);

    sweep->flow_count = 1;
    sweep->ask = ask_crooked;
    bool forward_up = sweep->flows[0].from < sweep->flows[0].to;
    cr_assert(forward_up);
    const char *text = vc_schedule_text(ctx, sweep, &schedule, "x");
    has(text, "via: [wan, dc1], direction: forward,");
    has(text, "via: none, direction: return,");
    /* The healthy return path is dc1, wan in its own direction: told the forward way it is wan, dc1. */
    has(text, "via: [dc1, wan], direction: forward,");
    has(text, "via: [wan, dc1], direction: return,");
    schedule = vc_schedule_of_set(sweep, set, 2);
    has(vc_schedule_text(ctx, sweep, &schedule, "x"), "by neither tunnel nor WAN link");
}

/* ---- validity ---- */

static void check_names(const struct vc_sweep_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cr_assert_leq(strlen(cases[i].name), 63, "%s", cases[i].name);
        cr_assert_eq(strspn(cases[i].name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(cases[i].name), "%s",
                     cases[i].name);
        for (size_t k = 0; k < i; k++)
            cr_assert_str_neq(cases[i].name, cases[k].name);
    }
}

static void check_all(const char *topology, const char *timers)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, topology, timers);
    char *folder = temporary_folder(ctx);
    size_t count;
    struct vc_sweep_case *cases = vc_sweep_cases(ctx, sweep, 1, NULL, &count);

    cr_assert_eq(count, vc_oracle_count(sweep->oracle));
    cr_assert_gt(count, 40);
    check_names(cases, count);
    for (size_t i = 0; i < count; i++) {
        VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
        struct vc_schedule schedule = vc_schedule_of_set(sweep, cases[i].set, cases[i].count);
        struct vc_scenario *scenario = load_written(scratch, sweep, &schedule, folder, cases[i].name);
        cr_assert_str_eq(scenario->timers->name, timers);
        cr_assert_str_eq(scenario->capture, "control");
    }
    remove_folder(folder);
}

Test(cases, of_one_cpe_are_valid_scenarios)
{
    check_all("one-cpe", "tuned");
}

Test(cases, of_two_cpe_are_valid_scenarios)
{
    check_all("two-cpe", "tuned");
}

Test(cases, with_bfd_are_valid_scenarios)
{
    check_all("two-cpe", "bfd");
}

Test(cases, of_depth_two_are_all_pairs_with_names_of_their_own)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");
    size_t count, n = vc_oracle_count(sweep->oracle);
    struct vc_sweep_case *cases = vc_sweep_cases(ctx, sweep, 2, NULL, &count);

    cr_assert_eq(count, n + n * (n - 1) / 2);
    check_names(cases, count);
}

/* All names as long as they may be: pairs of ends are too long for a scenario's name then. */
Test(cases, with_long_names_are_cut_and_told_apart)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    struct vc_topology *t = vc_topology_load(ctx, TOPOLOGIES "/two-cpe.yaml", KINDS, &err);
    size_t count, cut = 0;

    cr_assert(t, "%s", err ? err->message : "");
    for (size_t i = 0; i < t->node_count; i++)
        t->nodes[i].name = talloc_asprintf(t, "long-node-%05zu", i);
    for (size_t i = 0; i < t->link_count; i++)
        t->links[i].name = talloc_asprintf(t, "long-link-%05zu", i);
    struct vc_sweep *sweep = vc_sweep_new(ctx, t, vc_topology_timers(t, "tuned"), "two-cpe", &err);
    cr_assert(sweep, "%s", err ? err->message : "");
    struct vc_sweep_case *cases = vc_sweep_cases(ctx, sweep, 2, "end/*", &count);
    check_names(cases, count);
    for (size_t i = 0; i < count; i++)
        cut += strlen(cases[i].name) == 59 && cases[i].name[50] == '-'; /* 50 letters, a hyphen, eight digits */
    cr_assert_gt(cut, 100);
    for (size_t i = 0; i < vc_oracle_count(sweep->oracle); i++)
        cr_assert_leq(strlen(vc_sweep_fault_name(ctx, sweep, i, 0)), 31);
    for (size_t i = 0; i < sweep->flow_count; i++)
        cr_assert_leq(strlen(sweep->flows[i].name), 31);
}

/* ---- rules ---- */

Test(rules, what_contains_what)
{
    static const struct {
        const char *a, *b;
        const char *reason; /* NULL: a case of its own */
    } rules[] = {
        {"node/cpe1", "daemon/cpe1/bgpd", "node/cpe1 contains daemon/cpe1/bgpd"},
        {"daemon/cpe1/bgpd", "node/cpe1", "node/cpe1 contains daemon/cpe1/bgpd"},
        {"node/cpe1", "link/lan1", "node/cpe1 contains link/lan1"},
        {"node/cpe1", "end/lan1/lan", "node/cpe1 contains end/lan1/lan"},
        {"node/isp", "drop/esp/inet-dc1", "node/isp contains drop/esp/inet-dc1"},
        {"node/dc1-router", "drop/bgp/dc1", "node/dc1-router contains drop/bgp/dc1"},
        {"node/cpe1", "drop/bgp/dc1", "node/cpe1 contains drop/bgp/dc1"},
        {"end/lan1/cpe1", "end/lan1/lan", "end/lan1/cpe1 contains end/lan1/lan"},
        {"link/lan1", "end/lan1/lan", "end/lan1/lan contains link/lan1"},
        {"link/inet-dc1", "drop/esp/inet-dc1", "link/inet-dc1 contains drop/esp/inet-dc1"},
        {"node/cpe1", "daemon/cpe2/bgpd", NULL},
        {"node/cpe1", "node/cpe2", NULL},
        {"node/cpe1", "link/lan2", NULL},
        {"node/cpe2", "drop/bgp/dc1", NULL},
        {"daemon/cpe1/bgpd", "daemon/cpe1/zebra", NULL},
        {"link/lan1", "link/lan2", NULL},
        {"drop/esp/inet-dc1", "drop/ike/inet-dc1", NULL},
        {"drop/esp/inet-dc1", "drop/esp/inet-cpe1", NULL},
    };
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");

    for (size_t i = 0; i < VC_COUNT(rules); i++) {
        const char *reason =
            vc_sweep_contained(ctx, sweep, element_of(sweep, rules[i].a), element_of(sweep, rules[i].b));
        if (rules[i].reason)
            cr_assert_str_eq(reason ? reason : "(none)", rules[i].reason);
        else
            cr_assert_null(reason, "%s", reason);
    }
}

Test(rules, what_needs_packets_fails_first)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "bfd");
    size_t count, seen = 0;
    struct vc_sweep_case *cases = vc_sweep_cases(ctx, sweep, 2, NULL, &count);

    for (size_t i = 0; i < count; i++) {
        if (cases[i].count < 2 || cases[i].contained)
            continue;
        const struct vc_element *first = vc_oracle_element(sweep->oracle, cases[i].set[0]);
        const struct vc_element *second = vc_oracle_element(sweep->oracle, cases[i].set[1]);
        bool drops = first->kind == VC_ELEMENT_DROP && second->kind == VC_ELEMENT_DROP;
        cr_assert(second->kind != VC_ELEMENT_DROP || drops, "%s", cases[i].name);
        cr_assert(!drops || !strstr(first->name, "/esp/") || !strstr(second->name, "/bgp/"), "%s", cases[i].name);
        seen += drops;
    }
    cr_assert_gt(seen, 0);
}

Test(rules, nothing_settles_between_two_that_leave_nothing_behind)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");
    size_t wires[] = {element_of(sweep, "link/lan1"), element_of(sweep, "end/wan/dc1-router")};
    size_t daemons[] = {element_of(sweep, "link/lan1"), element_of(sweep, "daemon/cpe1/zebra")};
    struct vc_schedule quick = vc_schedule_of_set(sweep, wires, 2), slow = vc_schedule_of_set(sweep, daemons, 2);

    cr_assert_eq(quick.steps[1].kind, VC_SWEEP_FAULT);
    cr_assert_eq(slow.steps[1].kind, VC_SWEEP_SETTLE);
    cr_assert_eq(slow.steps[2].kind, VC_SWEEP_FAULT);
    cr_assert_eq(slow.count, quick.count + 1);
}

Test(rules, a_daemon_starts_after_its_zebra)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");
    size_t zebra = element_of(sweep, "daemon/cpe1/zebra"), bgpd = element_of(sweep, "daemon/cpe1/bgpd");
    size_t charon = element_of(sweep, "daemon/cpe1/charon"), elsewhere = element_of(sweep, "daemon/cpe2/bgpd");

    cr_assert(vc_sweep_starts_after(sweep, bgpd, zebra) && !vc_sweep_starts_after(sweep, zebra, bgpd));
    cr_assert(!vc_sweep_starts_after(sweep, charon, zebra) && !vc_sweep_starts_after(sweep, elsewhere, zebra));
    cr_assert(!vc_sweep_starts_after(sweep, bgpd, element_of(sweep, "node/cpe2")));
    for (unsigned turned = 0; turned < 2; turned++) {
        struct vc_schedule schedule =
            vc_schedule_of_set(sweep, turned ? (size_t[]){bgpd, zebra} : (size_t[]){zebra, bgpd}, 2);
        size_t healed[2], count = 0;

        for (size_t i = 0; i < schedule.count; i++)
            if (schedule.steps[i].kind == VC_SWEEP_HEAL)
                healed[count++] = schedule.steps[i].element;
        cr_assert(count == 2 && healed[0] == zebra && healed[1] == bgpd);
    }
}

Test(text, waits_only_for_what_still_runs)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");
    size_t set[] = {element_of(sweep, "link/lan1"), element_of(sweep, "daemon/cpe1/zebra")};
    struct vc_schedule schedule = vc_schedule_of_set(sweep, set, 2);
    const char *text = vc_schedule_text(ctx, sweep, &schedule, "x");

    /* iBGP's hold time runs in the first; in the second all that is left is the margin. */
    has(text, "link: lan1}\n  # every timer runs out\n  - wait: 35000ms\n  - fault:");
    has(text, "daemon: zebra}\n  # every timer runs out\n  - wait: 5000ms\n  - expect:");
    cr_assert_eq(vc_schedule_waits_ns(sweep, &schedule), 44500 * VC_NS_PER_MS); /* two holds, a look */
    /* Deadlines run from the second fault: a pause before the check is in them. */
    schedule = (struct vc_schedule){.count = 0};
    vc_schedule_add(&schedule, VC_SWEEP_FAULT, set[0], 0);
    vc_schedule_add(&schedule, VC_SWEEP_PAUSE, VC_NONE, 3000);
    vc_schedule_add(&schedule, VC_SWEEP_CHECK, VC_NONE, 0);
    text = vc_schedule_text(ctx, sweep, &schedule, "x");
    has(text, "  - wait: 3000ms\n  # every timer runs out\n  - wait: 32000ms\n");
    has(text, "within: 45000ms}");
}

/* ---- chains ---- */

Test(chain, is_a_valid_scenario_whose_faults_have_the_numbers_of_their_parts)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");
    char *folder = temporary_folder(ctx);
    size_t pair[] = {element_of(sweep, "link/lan1"), element_of(sweep, "daemon/dc1-headend/charon")};
    struct vc_schedule one = vc_schedule_of_set(sweep, pair, 1), two = vc_schedule_of_set(sweep, pair, 2);
    struct vc_chain chain = {.parts = (const struct vc_schedule *[]){&one, &two, &one},
                             .names = (const char *[]){"a", "b", "c"},
                             .count = 3};
    char *file = vc_chain_write(ctx, sweep, &chain, folder, "chain-1", &err);

    cr_assert(file, "%s", err ? err->message : "");
    struct vc_scenario *scenario = vc_scenario_load(ctx, file, TOPOLOGIES, KINDS, &err);
    cr_assert(scenario, "%s", err ? err->message : "");
    const char *text = vc_chain_text(ctx, sweep, &chain, "chain-1");
    has(text, "# ---- b\n  - fault: {name: link-lan1-2,");
    has(text, "- heal: daemon-dc1-headend-charon-2\n  - heal: link-lan1-2\n");
    has(text, "# ---- c\n  - fault: {name: link-lan1-3,");
    /* Each part begins with nothing failed: its oracle knows nothing of those before. */
    const char *first = strstr(text, "# ---- a\n"), *last = strstr(text, "# ---- c\n");
    size_t length = (size_t)(strstr(text, "# ---- b\n") - first);
    VC_AUTO_TALLOC char *part = talloc_strndup(NULL, first + 9, length - 11);
    for (char *digit = part; (digit = strstr(digit, "lan1-1"));)
        digit[5] = '3';
    cr_assert(!strncmp(last + 9, part, strlen(part)), "%s\n%s", part, last);
    remove_folder(folder);
}

Test(chain, names_too_long_get_numbers_instead)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");

    for (size_t i = 0; i < vc_oracle_count(sweep->oracle); i++)
        for (size_t k = 0; k < i; k++) {
            char *a = vc_sweep_fault_name(ctx, sweep, i, 999), *b = vc_sweep_fault_name(ctx, sweep, k, 999);
            cr_assert_leq(strlen(a), 31);
            cr_assert_str_neq(a, b);
        }
}
