/* Every form of forms/: what is accepted is accepted and makes a lab, what is refused is refused in the words it
 * expects, and each rule has both. */
#include "activation/example.h"

#include "activation/rules.h"
#include "fixture.h"
#include "model/requirements.h"

TestSuite(example, .init = folder_open, .fini = folder_close);

Test(example, every_form_does_what_its_folder_says)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_examples *examples = vc_examples_read(ctx, VCLAB_SOURCE_DIR);

    cr_assert_gt(examples->count, 40);
    for (size_t i = 0; i < examples->count; i++) {
        const struct vc_example *e = &examples->list[i];
        cr_expect(e->good, "%s: %s", e->file, e->said ? e->said : "was accepted");
    }
}

Test(example, each_rule_has_an_accepted_and_a_refused_form)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_examples *examples = vc_examples_read(ctx, VCLAB_SOURCE_DIR);

    for (unsigned n = 1; n <= VC_REQUIREMENT_LAST; n++) {
        const struct vc_requirement *r = vc_requirement(n);
        size_t shown[2] = {0};

        for (size_t i = 0; i < examples->count; i++)
            shown[examples->list[i].accepts] += vc_example_shows(&examples->list[i], r->id);
        cr_expect_eq((bool)shown[0], r->activation, "%s: %zu refused forms", r->id, shown[0]);
        cr_expect_eq((bool)shown[1], r->activation, "%s: %zu accepted forms", r->id, shown[1]);
        cr_expect_eq(vc_rule_exists(r->id), r->activation, "%s", r->id);
    }
}

/* A refusal names the rule, the place and the form. */
Test(example, a_refusal_points_at_the_form)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_examples *examples = vc_examples_read(ctx, VCLAB_SOURCE_DIR);

    for (size_t i = 0; i < examples->count; i++) {
        const struct vc_example *e = &examples->list[i];
        size_t length = strlen(e->file);

        if (e->accepts)
            continue;
        cr_expect(e->said && !strncmp(e->said, e->file, length) && e->said[length] == ':' &&
                      strtoul(e->said + length + 1, NULL, 10) > 1,
                  "%s: %s", e->file, e->said);
        for (size_t k = 0; k < e->form->example.requirement_count; k++) {
            VC_AUTO_TALLOC char *cited = talloc_asprintf(NULL, "(%s)", e->form->example.requirements[k]);
            cr_expect(strstr(e->said, cited), "%s: %s", e->file, e->said);
        }
    }
}

/* A form that counts for a rule has to show it. */
Test(example, an_accepted_form_shows_what_it_cites)
{
    static const struct {
        const char *requirements, *more, *said;
    } cases[] = {
        {"[R8, R9]", "", "cites R9 and does not show it"},
        {"[R13]", "", "cites R13 and does not show it"},
        {"[R13]", "asn: 65000\n", NULL},
        {"[R14]", "", "cites R14 and does not show it"},
        {"[R15]", "", "cites R15 and does not show it"},
        {"[R15]", "role: full-admin\n", NULL},
        {"[R8, R10, R11, R12, R16, R17, R18]", "", NULL},
    };
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    cr_assert(!mkdir(in_top(ctx, "forms"), 0755) && !mkdir(in_top(ctx, "forms/accepted"), 0755));
    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        put_file(in_top(ctx, "forms/accepted/f.yaml"),
                 talloc_asprintf(ctx,
                                 "form: f\ncustomer: acme\norder: o1\nregions: [eu]\nregion: eu\n"
                                 "dedicated_instance: active\nlan: [10.10.0.0/16]\ncpes:\n  cpe1: {ipsec: 8.8.8.10, "
                                 "transport: {dc1: 10.200.0.1, dc2: 10.200.0.2}}\n%sexample: {requirements: %s}\n",
                                 cases[i].more, cases[i].requirements));
        const struct vc_examples *examples = vc_examples_read(ctx, top);
        cr_assert_eq(examples->count, 1);
        const struct vc_example *e = &examples->list[0];
        cr_expect_eq(e->good, !cases[i].said, "%s: %s", cases[i].requirements, e->said);
        cr_expect(!cases[i].said || (e->said && strstr(e->said, cases[i].said)), "%s: %s", cases[i].requirements,
                  e->said);
    }
}

/* R17: what the views tell of Cisco's security is what the lab has. */
static void check_settings(void *ctx, const struct vc_topology *t)
{
    struct vc_settings told;
    const struct vc_settings *s = &t->settings;

    vc_settings_default(ctx, &told);
    cr_expect_str_eq(s->ike_proposal, told.ike_proposal);
    cr_expect_str_eq(s->esp_proposal, told.esp_proposal);
    told.ike_proposal = s->ike_proposal;
    told.esp_proposal = s->esp_proposal;
    cr_expect(!memcmp(s, &told, sizeof told));
}

/* What was accepted is a topology that every other command takes, and with its keys, too. */
Test(example, every_accepted_form_makes_a_lab)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_examples *examples = vc_examples_read(ctx, VCLAB_SOURCE_DIR);
    static const char *const endings[] = {"", "-keys"};

    for (size_t i = 0; i < examples->count && examples->list[i].accepts; i++) {
        VC_AUTO_ERROR *err = NULL;
        const char *name = examples->list[i].name;
        struct vc_ledger *ledger = vc_ledger_open(ctx, VC_LEDGER_MEMORY, VC_LEDGER_WRITE, &err);
        const struct vc_activation_options options = {.seed = &fixture_seed, .out = top};
        const struct vc_order *order = vc_activate(ctx, ledger, examples->list[i].file, &options, &err);

        cr_assert(order, "%s", err ? err->message : "");
        cr_expect_str_eq(order->status, VC_ORDER_ACTIVATED);
        for (size_t k = 0; k < VC_COUNT(endings); k++) {
            const char *file = talloc_asprintf(ctx, "%s/%s%s.yaml", top, name, endings[k]);
            const struct vc_topology *t = vc_topology_load(ctx, file, VCLAB_SOURCE_DIR "/nodes", &err);

            cr_assert(t, "%s", err ? err->message : "");
            cr_expect_eq(t->tunnel_count, 2);
            check_settings(ctx, t);
            cr_expect_eq(t->tunnels[0].psk != NULL, k == 1, "keys are in the document of keys only");
            cr_expect_eq(t->nodes[t->tunnels[1].cpe].asn, order->allocation.asn);
        }
    }
}
