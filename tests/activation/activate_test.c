/* Between the form and the status Activated: what others do meanwhile, what may be corrected, whose files are whose,
 * and that every order that is allocated has a lab. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>

TestSuite(activate, .init = folder_open, .fini = folder_close);

static char *contents(void *ctx, const char *path)
{
    VC_AUTO_FILE *file = fopen(path, "re");
    char *text = talloc_zero_size(ctx, 65536);

    cr_assert(file && fread(text, 1, 65535, file) > 0, "%s", path);
    return text;
}

static bool is_there(void *ctx, const char *name)
{
    return access(in_top(ctx, name), F_OK) == 0;
}

/* R16: what the customer gets says what the ledger says. */
Test(activate, the_files_have_the_status_that_the_ledger_has)
{
    static const char *const names[] = {"out/f1.settings", "out/f1.export"};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    const struct vc_activation_options options = {.out = in_top(ctx, "out")};
    const struct vc_order *order = vc_activate(ctx, ledger, put_form(ctx, "acme", 1, ""), &options, NULL);

    cr_assert(order);
    const char *wanted = talloc_asprintf(ctx, "\nActivated since %s: Cisco's side is done", order->since);
    for (size_t i = 0; i < VC_COUNT(names); i++) {
        const char *text = contents(ctx, in_top(ctx, names[i]));

        cr_expect(strstr(text, wanted), "%s:\n%s", names[i], text);
    }
    cr_assert_str_eq(vc_ledger_order(ctx, ledger, "o1", NULL)->since, order->since);
}

/* Another process deactivates between the allocation and the files. */
Test(activate, who_was_deactivated_meanwhile_gets_no_files)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger"), *other = open_ledger(ctx, "ledger");
    const struct vc_order *half = allocate(ctx, ledger, make_form(ctx, "acme", "eu", 1));
    const char *out = in_top(ctx, "out");
    VC_AUTO_ERROR *err = NULL;

    cr_assert(!vc_deactivate(other, "o1", NULL));
    cr_assert(!vc_activate_allocated(ctx, ledger, half, out, &err));
    cr_assert(strstr(err->message, "order o1 was deactivated meanwhile; nothing of it was written"), "%s",
              err->message);
    cr_assert_eq((int)err->status, VC_EXIT_USAGE);
    cr_assert(!is_there(ctx, "out"));
    /* The number was used again: that order is another one, and stays what it is. */
    cr_assert(vc_allocate(ctx, other, make_form(ctx, "acme", "eu", 1), NULL, NULL));
    cr_assert(!vc_activate_allocated(ctx, ledger, half, out, &err));
    cr_assert(strstr(err->message, "was deactivated meanwhile"), "%s", err->message);
    cr_assert_str_eq(vc_ledger_order(ctx, ledger, "o1", NULL)->status, VC_ORDER_IN_PROGRESS);
    cr_assert(!is_there(ctx, "out"));
    /* Nobody else takes the ledger's word for it either. */
    cr_assert(!vc_ledger_begin(ledger, NULL) && !vc_ledger_activated(ledger, "o1", NULL));
    cr_assert(vc_ledger_activated(ledger, "o1", &err) && strstr(err->message, "order o1 is not In-Progress"));
    vc_ledger_rollback(ledger);
}

/* The files are written, and the status cannot be kept: no view says Activated. */
Test(activate, views_of_an_order_that_stays_in_progress_are_taken_back)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    const struct vc_order *half = allocate(ctx, ledger, make_form(ctx, "acme", "eu", 1));
    VC_AUTO_ERROR *err = NULL;

    cr_assert(!mkdir(in_top(ctx, "out"), 0755) && !mkdir(in_top(ctx, "out/made.export"), 0755));
    cr_assert(!vc_activate_allocated(ctx, ledger, half, in_top(ctx, "out"), &err));
    cr_assert(strstr(err->message, "order o1 stays In-Progress, and the same form again goes on with it: cannot write"),
              "%s", err->message);
    cr_assert(!is_there(ctx, "out/made.settings"));
    cr_assert_str_eq(vc_ledger_order(ctx, ledger, "o1", NULL)->status, VC_ORDER_IN_PROGRESS);
    cr_assert(!rmdir(in_top(ctx, "out/made.export")));
    cr_assert(vc_activate_allocated(ctx, ledger, half, in_top(ctx, "out"), NULL));
    cr_assert(is_there(ctx, "out/made.settings"));
}

/* ---- a form that was corrected ---- */

static const char form[] = "form: f\ndescription: once\ncustomer: acme\norder: o1\nregions: [eu]\nregion: eu\n"
                           "dedicated_instance: active\nlan: [10.10.0.0/16]\ncalls: 10\nkeepalives: on\ncpes:\n"
                           "  cpe1: {ipsec: 198.51.100.10, transport: {dc1: 10.200.0.1, dc2: 10.200.0.2}}\n";

static struct vc_order *activate_with(void *ctx, struct vc_ledger *ledger, const char *from, const char *to,
                                      const char *out, vc_error **err)
{
    const char *at = strstr(form, from), *file = in_top(ctx, "f.yaml");

    cr_assert(at, "%s", from);
    put_file(file, talloc_asprintf(ctx, "%.*s%s%s", (int)(at - form), form, to, at + strlen(from)));
    return vc_activate(ctx, ledger, file, &(struct vc_activation_options){.out = out}, err);
}

Test(activate, what_decides_nothing_of_ciscos_may_be_corrected)
{
    static const struct {
        const char *from, *to, *in_topology;
    } corrections[] = {{"once", "twice", "Order o1 of customer acme"},
                       {"dc1: 10.200.0.1,", "dc1: 10.200.0.1/32,", "Order o1 of customer acme"},
                       {"calls: 10", "calls: 20", "Order o1 of customer acme"},
                       {"[10.10.0.0/16]", "[10.20.0.0/16]", "\ncustomer: 10.20.0.0/16\n"},
                       {"keepalives: on", "keepalives: off", "\nkeepalives: off "},
                       {"[eu]", "[eu, us]", "Order o1 of customer acme"},
                       {"cpes:", "example: {requirements: [R8], after: one-cpe}\ncpes:", "Order o1 of customer acme"}};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    const char *out = in_top(ctx, "out");
    const struct vc_order *first = activate_with(ctx, ledger, "once", "once", out, NULL);

    cr_assert(first);
    for (size_t i = 0; i < VC_COUNT(corrections); i++) {
        VC_AUTO_ERROR *err = NULL;
        const struct vc_order *order = activate_with(ctx, ledger, corrections[i].from, corrections[i].to, out, &err);

        cr_assert(order, "%s: %s", corrections[i].to, err->message);
        cr_expect_str_eq(order->status, VC_ORDER_ACTIVATED);
        cr_expect_str_eq(order->since, first->since);
        cr_expect_str_eq(order->allocation.tunnels[0].psk, first->allocation.tunnels[0].psk);
        cr_expect(strstr(contents(ctx, in_top(ctx, "out/f.yaml")), corrections[i].in_topology), "%s",
                  corrections[i].to);
    }
    ledger_has(ledger, 1);
}

Test(activate, what_cisco_has_configured_may_not)
{
    static const struct {
        const char *from, *to, *what;
    } changes[] = {{"198.51.100.10", "198.51.100.14", "ipsec of cpe1"},
                   {"100.10,", "100.10, nat: 10.9.9.1,", "nat of cpe1"},
                   {"dc1: 10.200.0.1,", "dc1: 10.200.0.3,", "transport of cpe1 to dc1"},
                   {"calls: 10", "asn: 64777", "asn"},
                   {"calls: 10", "tunnel_mask: 31", "tunnel_mask"},
                   {"cpe1:", "hub1:", "name of cpe1"},
                   {"customer: acme", "customer: globex", "customer"}};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");

    cr_assert(activate_with(ctx, ledger, "once", "once", NULL, NULL));
    for (size_t i = 0; i < VC_COUNT(changes); i++) {
        VC_AUTO_ERROR *err = NULL;

        cr_assert(!activate_with(ctx, ledger, changes[i].from, changes[i].to, NULL, &err), "%s", changes[i].to);
        const char *said =
            talloc_asprintf(ctx, ": found another %s than order o1 of acme has (activated since ", changes[i].what);
        cr_expect(strstr(err->message, said), "%s: %s", changes[i].to, err->message);
        cr_expect_eq((int)err->status, VC_EXIT_USAGE);
    }
    /* A correction with which there is no lab changes nothing. */
    VC_AUTO_ERROR *err = NULL;
    cr_assert(!activate_with(ctx, ledger, "[10.10.0.0/16]", "[10.10.0.0/28]", NULL, &err));
    cr_expect(strstr(err->message, "found no prefix with room for the lab's LAN"), "%s", err->message);
    cr_expect_eq(vc_ledger_order(ctx, ledger, "o1", NULL)->form->lans[0].prefix.len, 16);
}

/* R14 counts a customer's orders when the form of one of them is corrected, too. */
Test(activate, what_was_bought_cannot_be_corrected_away)
{
    static const char *const less[][3] = {
        {"quantity: 2\nregions: [eu, us]", "quantity: 1\nregions: [eu, us]", "found quantity 1, and acme has 1 order"},
        {"quantity: 2\nregions: [eu, us]", "quantity: 1\nregions: [us]",
         "found regions without eu, in which acme has"}};
    static const char second[] =
        "form: g\ndescription: once\ncustomer: acme\norder: o2\nquantity: 2\nregions: [eu, us]\nregion: us\n"
        "dedicated_instance: active\nlan: [10.10.0.0/16]\n"
        "cpes:\n  cpe1: {ipsec: 198.51.100.10, transport: {dc1: 10.200.0.3, dc2: 10.200.0.4}}\n";
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    const char *file = in_top(ctx, "g.yaml");
    const struct vc_activation_options how = {0};

    cr_assert(activate_with(ctx, ledger, "once", "once", NULL, NULL));
    put_file(file, second);
    cr_assert(vc_activate(ctx, ledger, file, &how, NULL));
    for (size_t i = 0; i < VC_COUNT(less); i++) {
        const char *at = strstr(second, less[i][0]);
        VC_AUTO_ERROR *err = NULL;

        put_file(file,
                 talloc_asprintf(ctx, "%.*s%s%s", (int)(at - second), second, less[i][1], at + strlen(less[i][0])));
        cr_assert(!vc_activate(ctx, ledger, file, &how, &err), "%s", less[i][1]);
        cr_expect(strstr(err->message, less[i][2]), "%s", err->message);
        cr_expect_eq(vc_ledger_order(ctx, ledger, "o2", NULL)->form->quantity, 2);
    }
}

/* ---- files ---- */

/* Two customers call their forms hub; the second one's files would replace the first one's. */
Test(activate, the_files_of_another_order_are_left_alone)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    const char *out = in_top(ctx, "out"), *file = in_top(ctx, "f.yaml");
    VC_AUTO_ERROR *err = NULL;

    cr_assert(activate_with(ctx, ledger, "once", "once", out, NULL));
    char *was = contents(ctx, in_top(ctx, "out/f-keys.yaml"));
    put_file(file, "form: f\ncustomer: globex\norder: o2\nregions: [eu]\nregion: eu\ndedicated_instance: active\n"
                   "lan: [10.10.0.0/16]\ncpes:\n"
                   "  cpe1: {ipsec: 198.51.100.14, transport: {dc1: 10.200.0.1, dc2: 10.200.0.2}}\n");
    const struct vc_activation_options options = {.out = out};
    cr_assert(!vc_activate(ctx, ledger, file, &options, &err));
    cr_assert(strstr(err->message, "out/f.yaml is there and is not of order o2 of globex: choose another folder"), "%s",
              err->message);
    cr_assert_eq((int)err->status, VC_EXIT_USAGE);
    cr_assert_str_eq(contents(ctx, in_top(ctx, "out/f-keys.yaml")), was);
    ledger_has(ledger, 1); /* nothing was allocated */
    /* Also a topology that is nobody's order, and a form called as another one's keys are. */
    cr_assert(!mkdir(in_top(ctx, "topologies"), 0755));
    put_file(in_top(ctx, "topologies/f.yaml"), "topology: f\ndescription: A lab of mine.\n");
    const struct vc_activation_options beside = {.out = in_top(ctx, "topologies")};
    cr_assert(!vc_activate(ctx, ledger, file, &beside, &err) && strstr(err->message, "is there and is not of order"));
    put_file(in_top(ctx, "f-keys.yaml"), "form: f-keys\ncustomer: globex\norder: o2\nregions: [eu]\nregion: eu\n"
                                         "dedicated_instance: active\nlan: [10.10.0.0/16]\ncpes:\n  cpe1: "
                                         "{ipsec: 198.51.100.14, transport: {dc1: 10.200.0.1, dc2: 10.200.0.2}}\n");
    cr_assert(!vc_activate(ctx, ledger, in_top(ctx, "f-keys.yaml"), &options, &err));
    cr_assert(strstr(err->message, "out/f-keys.yaml is there and is not of order o2"), "%s", err->message);
    ledger_has(ledger, 1);
}

Test(activate, what_holds_keys_is_kept_out_of_repositories)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    const char *ignore = in_top(ctx, "out/.gitignore");

    const struct vc_order *order = activate_with(ctx, ledger, "once", "once", in_top(ctx, "out"), NULL);
    cr_assert(order && strstr(contents(ctx, ignore), "\n*-keys.yaml\n*.settings\n.*.new\n"));
    put_file(ignore, "mine\n");
    cr_assert(!vc_activation_write(order, in_top(ctx, "out"), NULL));
    cr_assert_str_eq(contents(ctx, ignore), "mine\n");
    /* A folder that no topology's name can mean. */
    cr_assert_str_eq(vc_activation_folder(ctx, order->form), "f.order");
}

Test(activate, a_folder_that_cannot_be_made_or_used_is_told)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    VC_AUTO_ERROR *err = NULL;

    put_file(in_top(ctx, "file"), "x");
    cr_assert(!activate_with(ctx, ledger, "once", "once", in_top(ctx, "file"), &err));
    cr_assert(strstr(err->message, "order o1 stays In-Progress") && strstr(err->message, "cannot use the folder"), "%s",
              err->message);
    cr_assert(!activate_with(ctx, ledger, "once", "once", in_top(ctx, "no/such"), &err));
    cr_assert(strstr(err->message, "cannot make the folder") && strstr(err->message, "choose another with --out"), "%s",
              err->message);
    cr_assert_eq((int)err->status, VC_EXIT_HOST);
    cr_assert(activate_with(ctx, ledger, "once", "once", in_top(ctx, "out"), NULL));
}

/* Under sudo everything is the caller's. */
Test(activate, the_files_are_the_callers_under_sudo)
{
    static const char *const names[] = {"out", "out/f.yaml", "out/f-keys.yaml", "out/f.settings", "out/.gitignore"};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct passwd *nobody = getpwnam("nobody");

    if (geteuid() != 0 || !nobody)
        cr_skip("needs root");
    setenv("SUDO_UID", talloc_asprintf(ctx, "%u", nobody->pw_uid), 1);
    setenv("SUDO_GID", talloc_asprintf(ctx, "%u", nobody->pw_gid), 1);
    cr_assert(activate_with(ctx, open_ledger(ctx, "ledger"), "once", "once", in_top(ctx, "out"), NULL));
    for (size_t i = 0; i < VC_COUNT(names); i++) {
        struct stat st;

        cr_expect(!stat(in_top(ctx, names[i]), &st) && st.st_uid == nobody->pw_uid, "%s", names[i]);
    }
}

/* ---- the lab ---- */

/* Addresses that every enterprise may have, and that the lab has for itself unless somebody says so. */
Test(activate, every_customer_has_a_lab)
{
    static const char *const customers[][2] = {
        {"dc1: 10.200.0.1,", "dc1: 172.31.1.1,"},
        {"[10.10.0.0/16]", "[172.31.0.0/16]"},
        {"[10.10.0.0/16]", "[172.16.0.0/12]"},
        {"[10.10.0.0/16]", "[10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]"},
        {"[10.10.0.0/16]", "[192.168.0.0/16, 10.0.0.0/8]"},
        {"198.51.100.10,", "198.51.100.10, nat: 172.31.0.2,"},
        {"198.51.100.10,", "198.51.100.10, nat: 10.10.0.2,"},
        {"[10.10.0.0/16]", "[198.51.100.0/24]"},
    };

    for (size_t i = 0; i < VC_COUNT(customers); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        struct vc_ledger *ledger = vc_ledger_open(ctx, VC_LEDGER_MEMORY, VC_LEDGER_WRITE, NULL);
        const char *out = talloc_asprintf(ctx, "%s/out%zu", top, i);
        VC_AUTO_ERROR *err = NULL;

        cr_assert(activate_with(ctx, ledger, customers[i][0], customers[i][1], out, &err), "%s: %s", customers[i][1],
                  err ? err->message : "");
        cr_expect(vc_topology_load(ctx, talloc_asprintf(ctx, "%s/f.yaml", out), VCLAB_SOURCE_DIR "/nodes", &err),
                  "%s: %s", customers[i][1], err ? err->message : "");
    }
}

/* Two sites with the same home router. */
Test(activate, private_addresses_behind_two_nats_may_be_the_same)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    VC_AUTO_ERROR *err = NULL;
    static const char cpes[] = "  cpe1: {ipsec: 198.51.100.10, nat: 192.168.1.2, transport: {dc1: 10.200.0.1}}\n"
                               "  cpe2: {ipsec: 198.51.100.18, nat: 192.168.1.2, transport: {dc2: 10.200.0.2}}\n";

    cr_assert(activate_with(ctx, ledger, strstr(form, "  cpe1"), cpes, in_top(ctx, "out"), &err), "%s",
              err ? err->message : "");
    const struct vc_topology *t = vc_topology_load(ctx, in_top(ctx, "out/f.yaml"), VCLAB_SOURCE_DIR "/nodes", &err);
    cr_assert(t, "%s", err ? err->message : "");
    size_t a = vc_topology_link(t, "nat-cpe1"), b = vc_topology_link(t, "nat-cpe2");
    cr_assert(vc_prefix_equal(t->links[a].end[0].address, t->links[b].end[0].address));
    /* Not where somebody sees both. */
    cr_assert(!activate_with(ctx, vc_ledger_open(ctx, VC_LEDGER_MEMORY, VC_LEDGER_WRITE, NULL), strstr(form, "  cpe1"),
                             "  cpe1: {ipsec: 198.51.100.10, nat: 192.168.1.2, transport: {dc1: 192.168.1.1}}\n"
                             "  cpe2: {ipsec: 198.51.100.18, transport: {dc2: 192.168.1.3}}\n",
                             NULL, &err));
    cr_expect(strstr(err->message, "192.168.1.2, nat of cpe1, in one /31 with 192.168.1.3, the transport of cpe2"),
              "%s", err->message);
}

/* Whatever the rules forgot: what the model refuses is not allocated. */
Test(activate, what_has_no_lab_is_not_allocated)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    struct vc_form *bad = make_form(ctx, "acme", "eu", 1);
    VC_AUTO_ERROR *err = NULL;

    bad->cpes[0].name = "rate";
    cr_assert(!vc_allocate(ctx, ledger, bad, NULL, &err));
    cr_assert(strstr(err->message, "found a form whose lab is none (") && strstr(err->message, "/made.yaml:"), "%s",
              err->message);
    cr_assert_eq((int)err->status, VC_EXIT_USAGE);
    cr_assert(vc_activation_check(bad, NULL) && !vc_activation_check(make_form(ctx, "acme", "eu", 1), NULL));
    ledger_has(ledger, 0);
    setenv("VCLAB_HOME", "/nonexistent", 1);
    cr_assert(!vc_allocate(ctx, ledger, make_form(ctx, "acme", "eu", 1), NULL, &err));
    cr_assert(strstr(err->message, "set VCLAB_HOME to the folder of vclab") && err->status == VC_EXIT_HOST, "%s",
              err->message);
}

/* Addresses that leave no room for a wire: both are named. */
Test(activate, addresses_in_each_others_way_are_named)
{
    static const struct {
        const char *cpes, *text;
    } cases[] = {
        {"  cpe1: {ipsec: 198.51.100.10, transport: {dc1: 10.200.0.1}}\n"
         "  cpe2: {ipsec: 198.51.100.11, transport: {dc2: 10.200.0.2}}\n",
         ":13:17: found 198.51.100.11, ipsec of cpe2, in one /31 with 198.51.100.10, ipsec of cpe1; allowed: "
         "addresses"},
        {"  cpe1: {ipsec: 198.51.100.10, transport: {dc1: 198.51.100.11}}\n"
         "  cpe2: {ipsec: 198.51.100.18, transport: {dc2: 10.200.0.2}}\n",
         ":12:17: found 198.51.100.10, ipsec of cpe1, in one /31 with 198.51.100.11, the transport of cpe1 to dc1"},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        struct vc_ledger *ledger = vc_ledger_open(ctx, VC_LEDGER_MEMORY, VC_LEDGER_WRITE, NULL);
        VC_AUTO_ERROR *err = NULL;

        cr_assert(!activate_with(ctx, ledger, strstr(form, "  cpe1"), cases[i].cpes, NULL, &err));
        cr_expect(strstr(err->message, cases[i].text), "%s", err->message);
    }
}

/* R28: Cisco was notified, so no profile of the order's lab has keepalives. */
Test(activate, without_keepalives_no_profile_has_them)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    static const char *const names[] = {"on", "off"};

    for (size_t off = 0; off < 2; off++) {
        VC_AUTO_ERROR *err = NULL;
        const char *to = talloc_asprintf(ctx, "keepalives: %s", names[off]), *out = in_top(ctx, "out");
        const struct vc_topology *t;
        unsigned sending = 0;

        cr_assert(activate_with(ctx, ledger, "keepalives: on", to, out, &err), "%s", err->message);
        t = vc_topology_load(ctx, in_top(ctx, "out/f.yaml"), VCLAB_SOURCE_DIR "/nodes", &err);
        cr_assert(t, "%s", err ? err->message : "");
        for (size_t i = 0; i < t->timers_count; i++)
            sending += t->timers[i].gre_keepalive_s != 0;
        cr_expect_eq(sending, off ? 0 : 3, "%s: %u", names[off], sending);
        cr_expect_eq(vc_topology_timers(t, "bfd")->bgp_hold_s, 30);
    }
}
