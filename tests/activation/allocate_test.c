/* Nothing is given away twice: ten thousand orders, many at once, and what was given back. */
#include "fixture.h"

#include <poll.h>
#include <signal.h>

#include "activation/ledger_private.h"

TestSuite(allocate, .init = folder_open, .fini = folder_close, .timeout = 300);

/* Every address and secret of an order, as the customer sees them: the key of a set; false: it was there already. */
static bool note(json_t *seen, const char *text)
{
    return !json_object_get(seen, text) && !json_object_set_new(seen, text, json_true());
}

static bool note_prefix(json_t *seen, struct vc_prefix prefix)
{
    return note(seen, vc_prefix_text(vc_prefix_network(prefix)).s);
}

static void note_order(json_t *seen, const struct vc_order *order)
{
    cr_assert(note_prefix(seen, order->allocation.service), "%s", order->number);
    for (size_t i = 0; i < VC_FORM_DCS; i++) {
        const struct vc_allocated_tunnel *t = &order->allocation.tunnels[i];

        cr_assert(note_prefix(seen, t->half), "%s", order->number);
        cr_assert(note(seen, vc_addr_text(t->transport).s), "%s", order->number);
        cr_assert(note_prefix(seen, t->address_cpe), "%s", order->number);
        cr_assert(vc_prefix_equal(vc_prefix_network(t->address_cpe), vc_prefix_network(t->address_cisco)));
        cr_assert(t->psk && t->bgp_password && note(seen, t->psk) && note(seen, t->bgp_password), "%s", order->number);
    }
}

Test(allocate, ten_thousand_without_a_repeat)
{
    enum { ORDERS = 10000 };
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    VC_AUTO_JSON *seen = json_object();

    for (unsigned n = 0; n < ORDERS; n++) {
        VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        const char *customer = talloc_asprintf(scratch, "c%u", n / 3);
        static const char *const regions[] = {"eu", "us", "ap"};
        struct vc_form *form = make_form(scratch, customer, regions[n % 3], n);
        const struct vc_order *order = vc_allocate(scratch, ledger, form, n % 2 ? &fixture_seed : NULL, &err);

        cr_assert(order, "%s", err ? err->message : "");
        note_order(seen, order);
        /* Each has a lab (else it were none), also where the second range of services begins. */
        cr_assert_eq(strncmp(vc_prefix_text(order->allocation.service).s, n < 256 ? "198.18." : "25.", 3), 0);
    }
    cr_assert_eq(json_object_size(seen), ORDERS * 11U);
    ledger_has(ledger, ORDERS);
}

Test(allocate, keys_come_from_the_kernel_or_from_the_seed)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *a = open_ledger(ctx, "a"), *b = open_ledger(ctx, "b");
    const struct vc_form *form = make_form(ctx, "acme", "eu", 1);
    const struct vc_order *seeded = allocate(ctx, a, form), *again = allocate(ctx, b, form);
    const struct vc_order *drawn = vc_allocate(ctx, a, make_form(ctx, "acme", "us", 2), NULL, NULL);
    const struct vc_order *other = vc_allocate(ctx, b, make_form(ctx, "acme", "us", 2), NULL, NULL);

    cr_assert_str_eq(seeded->allocation.tunnels[0].psk, again->allocation.tunnels[0].psk);
    cr_assert_str_neq(drawn->allocation.tunnels[0].psk, other->allocation.tunnels[0].psk);
    cr_assert_str_neq(drawn->allocation.tunnels[0].psk, drawn->allocation.tunnels[1].psk);
    cr_assert_eq(strlen(drawn->allocation.tunnels[0].psk), 64);
    cr_assert_eq(strlen(drawn->allocation.tunnels[0].bgp_password), 24);
}

Test(allocate, a_customers_orders_have_asns_of_their_own)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");

    cr_assert_eq(allocate(ctx, ledger, make_form(ctx, "acme", "eu", 1))->allocation.asn, 64512);
    cr_assert_eq(allocate(ctx, ledger, make_form(ctx, "acme", "us", 2))->allocation.asn, 64513);
    cr_assert_eq(allocate(ctx, ledger, make_form(ctx, "globex", "us", 3))->allocation.asn, 64512);
}

/* No number of Cisco's own AS, also when the search comes past it. */
Test(allocate, the_asn_of_cisco_is_nobodys)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    struct vc_form *form = make_form(ctx, "acme", "eu", 1);
    unsigned number, last = 0;

    cr_assert(!vc_ledger_begin(ledger, NULL) && !vc_ledger_add(ledger, form, NULL));
    for (unsigned i = 0; i < VC_ASN_LAST - VC_ASN_FIRST; i++) {
        cr_assert_eq(vc_ledger_take(ledger, form, VC_POOL_ASN, VC_ANY, &number, NULL), 0);
        cr_assert_neq(number + VC_ASN_FIRST, VC_ASN_CISCO);
        last = number;
    }
    cr_assert_eq(last + VC_ASN_FIRST, VC_ASN_LAST);
    VC_AUTO_ERROR *err = NULL;
    cr_assert_eq(vc_ledger_take(ledger, form, VC_POOL_ASN, VC_ANY, &number, &err), -1);
    cr_assert(strstr(err->message, "has no asn left for order o1: deactivate an order"), "%s", err->message);
}

Test(allocate, what_was_given_back_is_free_again_and_comes_last)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    const struct vc_order *first = allocate(ctx, ledger, make_form(ctx, "acme", "eu", 1));
    VC_AUTO_ERROR *err = NULL;

    cr_assert(!vc_deactivate(ledger, "o1", &err), "%s", err ? err->message : "");
    ledger_has(ledger, 0);
    const struct vc_order *second = allocate(ctx, ledger, make_form(ctx, "globex", "eu", 2));
    cr_assert(!vc_prefix_equal(first->allocation.service, second->allocation.service));
    struct vc_form *form = make_form(ctx, "acme", "eu", 1);
    const struct vc_order *again = allocate(ctx, ledger, form);
    cr_assert_str_eq(again->status, VC_ORDER_IN_PROGRESS);
    cr_assert_eq(again->allocation.asn, 64513);
    /* The search is a circle: the number is given away once the others are. */
    unsigned number;
    cr_assert(!vc_ledger_begin(ledger, NULL));
    cr_assert_eq(
        vc_ledger_take(ledger, form, VC_POOL_SERVICE, first->allocation.number[VC_POOL_SERVICE], &number, NULL), 0);
    cr_assert_eq(
        vc_ledger_take(ledger, form, VC_POOL_SERVICE, second->allocation.number[VC_POOL_SERVICE], &number, NULL), 1);
    vc_ledger_rollback(ledger);
    cr_assert(vc_deactivate(ledger, "o7", &err) && strstr(err->message, "there is no order o7"));
    cr_assert(!vc_deactivate(ledger, "o1", NULL));
    cr_assert(vc_deactivate(ledger, "o1", &err) && strstr(err->message, "order o1 was deactivated at"));
}

/* All orders' numbers but those of one pool: the order that finds none takes nothing else either. */
Test(allocate, a_pool_that_is_used_up_is_told)
{
    static const enum vc_pool scarce[] = {VC_POOL_SERVICE, VC_POOL_TRANSPORT};

    cr_assert_gt(vc_pool_size(VC_POOL_TUNNEL), vc_pool_size(VC_POOL_TRANSPORT)); /* never used up first */
    for (size_t i = 0; i < VC_COUNT(scarce); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        struct vc_ledger *ledger = vc_ledger_open(ctx, VC_LEDGER_MEMORY, VC_LEDGER_WRITE, NULL);
        const char *name = vc_pool_name(scarce[i]);
        const char *fill = talloc_asprintf(ctx,
                                           "PRAGMA foreign_keys=OFF; INSERT INTO allocations WITH RECURSIVE n(i) AS "
                                           "(VALUES (0) UNION ALL SELECT i + 1 "
                                           "FROM n WHERE i < %u) SELECT '%s', i, 'o0' FROM n",
                                           vc_pool_size(scarce[i]) - 1, name);
        VC_AUTO_ERROR *err = NULL;

        cr_assert(!sqlite3_exec(ledger->db, fill, NULL, NULL, NULL), "%s", sqlite3_errmsg(ledger->db));
        cr_assert(!vc_allocate(ctx, ledger, make_form(ctx, "acme", "eu", 1), NULL, &err));
        cr_assert(strstr(err->message, talloc_asprintf(ctx, "has no %s left for order o1: deactivate an order", name)),
                  "%s", err->message);
        cr_assert(!vc_ledger_order(ctx, ledger, "o1", &err));
        cr_assert(!sqlite3_exec(ledger->db, "DELETE FROM allocations WHERE number = 9", NULL, NULL, NULL));
        const struct vc_order *order = allocate(ctx, ledger, make_form(ctx, "acme", "eu", 1));
        cr_assert_eq(order->allocation.number[scarce[i]], 9);
    }
}

/* Four devices in each data centre of a region, and a fifth order has the first one's again. */
Test(allocate, orders_take_turns_at_the_headends)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    const struct vc_order *orders[6];

    for (unsigned n = 0; n < 6; n++)
        orders[n] = allocate(ctx, ledger, make_form(ctx, talloc_asprintf(ctx, "c%u", n), n < 5 ? "eu" : "us", n + 1));
    for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
        for (unsigned n = 0; n < 6; n++)
            for (unsigned m = 0; m < n; m++)
                cr_expect_eq(orders[n]->allocation.tunnels[dc].headend.s_addr ==
                                 orders[m]->allocation.tunnels[dc].headend.s_addr,
                             n == 4 && m == 0, "orders %u and %u", n, m);
}

/* ---- R14: the customer's other orders ---- */

Test(allocate, a_customers_orders_are_counted)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    struct vc_form *second = make_form(ctx, "acme", "us", 2);
    VC_AUTO_ERROR *err = NULL;

    allocate(ctx, ledger, make_form(ctx, "acme", "eu", 1));
    second->quantity = 1;
    cr_assert(!vc_allocate(ctx, ledger, second, NULL, &err));
    cr_assert(strstr(err->message, "found quantity 1, and acme has 1 order already (the last is o1)"), "%s",
              err->message);
    second->quantity = 2;
    second->regions[0] = "us"; /* of eu, us, ap */
    cr_assert(!vc_allocate(ctx, ledger, second, NULL, &err));
    cr_assert(strstr(err->message, "found regions without eu, in which acme has order o1"), "%s", err->message);
    second->regions[0] = "eu";
    allocate(ctx, ledger, second);
    struct vc_form *third = make_form(ctx, "acme", "ap", 3);
    third->quantity = 2;
    cr_assert(!vc_allocate(ctx, ledger, third, NULL, &err));
    cr_assert(strstr(err->message, "quantity 2, and acme has 2 orders already (the last is o2)"), "%s", err->message);
    /* What was given back does not count, and another customer's neither. */
    cr_assert(!vc_deactivate(ledger, "o1", NULL));
    allocate(ctx, ledger, make_form(ctx, "globex", "eu", 4));
    allocate(ctx, ledger, third);
}

/* ---- at once ---- */

/* What the child's ledger does when another writes: it says so, and waits until it is told to try again. */
static int on_busy(void *arg, int tries VC_UNUSED)
{
    const int *pipes = arg;
    char letter = 'b';

    return write(pipes[0], &letter, 1) == 1 && read(pipes[1], &letter, 1) == 1;
}

static _Noreturn void allocate_beside(int busy, int go)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    int pipes[] = {busy, go};
    char letter;
    bool begun = read(go, &letter, 1) == 1;
    struct vc_ledger *ledger = begun ? vc_ledger_open(ctx, in_top(ctx, "ledger"), VC_LEDGER_WRITE, &err) : NULL;
    bool good = ledger && !sqlite3_busy_handler(ledger->db, on_busy, pipes) &&
                vc_allocate(ctx, ledger, make_form(ctx, "globex", "eu", 2), &fixture_seed, &err);

    if (!good)
        fprintf(stderr, "the second: %s\n", err ? err->message : "?");
    _exit(!good);
}

/* The second begins while the first has begun, waits, and then has the next numbers. */
Test(allocate, who_comes_while_another_allocates_waits_for_it)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    int busy[2], go[2], status;
    char letter = 0;

    cr_assert(!pipe(busy) && !pipe(go));
    pid_t pid = fork(); /* before anything is open: SQLite remembers a process's locks */
    cr_assert(pid >= 0);
    if (!pid) {
        close(go[1]);
        allocate_beside(busy[1], go[0]);
    }
    close(busy[1]);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    cr_assert(!vc_ledger_begin(ledger, NULL) && write(go[1], &letter, 1) == 1);
    cr_assert(read(busy[0], &letter, 1) == 1 && letter == 'b', "the second did not wait");
    const struct vc_order *first = vc_allocate_begun(ctx, ledger, make_form(ctx, "acme", "eu", 1), &fixture_seed, NULL);
    cr_assert(first && first->allocation.number[VC_POOL_SERVICE] == 0);
    cr_assert(write(go[1], &letter, 1) == 1 && !close(go[1]));
    cr_assert(waitpid(pid, &status, 0) == pid && !status, "status %d", status);
    const struct vc_order *second = vc_ledger_order(ctx, ledger, "o2", NULL);
    cr_assert(second);
    for (enum vc_pool pool = 0; pool < VC_POOLS; pool++)
        cr_expect_eq(second->allocation.number[pool], first->allocation.number[pool] + (pool != VC_POOL_ASN));
}

/* A process that waits for `gate` to close and then activates `count` orders; exits 0 when all of them were. */
static pid_t activator(int gate, unsigned first, unsigned count)
{
    pid_t pid = fork();

    cr_assert(pid >= 0);
    if (pid)
        return pid;
    VC_AUTO_TALLOC char *file = in_top(NULL, "ledger");
    bool good = poll(&(struct pollfd){.fd = gate, .events = POLLIN}, 1, 60000) == 1;
    VC_AUTO_TALLOC char *out = talloc_asprintf(NULL, "%s/out", top);
    for (unsigned n = first; good && n < first + count; n++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        struct vc_ledger *ledger = vc_ledger_open(ctx, file, VC_LEDGER_WRITE, &err);
        const char *form = put_form(ctx, talloc_asprintf(ctx, "c%u", n), n, "");

        good =
            ledger && vc_activate(ctx, ledger, form, &(struct vc_activation_options){.out = out, .again = true}, &err);
        if (!good)
            fprintf(stderr, "order o%u: %s\n", n, err ? err->message : "?");
    }
    _exit(!good);
}

static void activate_at_once(unsigned processes, unsigned each)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    pid_t pids[8];
    int gate[2];

    cr_assert(!pipe(gate));
    for (unsigned i = 0; i < processes; i++)
        pids[i] = activator(gate[0], 1 + i * each, each);
    cr_assert_eq(write(gate[1], "x", 1), 1); /* all of them see it, nobody reads it */
    for (unsigned i = 0; i < processes; i++) {
        int status;
        cr_assert(waitpid(pids[i], &status, 0) == pids[i]);
        cr_expect_eq(status, 0, "process %u: status %d", i, status);
    }
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    VC_AUTO_JSON *seen = json_object();
    ledger_has(ledger, processes * each);
    for (unsigned n = 1; n <= processes * each; n++) {
        const struct vc_order *order = vc_ledger_order(ctx, ledger, talloc_asprintf(ctx, "o%u", n), NULL);
        cr_assert_str_eq(order->status, VC_ORDER_ACTIVATED);
        note_order(seen, order);
    }
}

Test(allocate, two_at_once_both_succeed)
{
    for (unsigned round = 0; round < 5; round++) {
        VC_AUTO_TALLOC char *file = in_top(NULL, "ledger");
        activate_at_once(2, 1);
        remove(file);
    }
}

Test(allocate, eight_at_once_all_succeed)
{
    activate_at_once(8, 10);
}

/* Four times the same form: one order, and nobody's files are in another's way. */
Test(allocate, the_same_form_at_once_is_one_order)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    pid_t pids[4];
    int gate[2];

    cr_assert(!pipe(gate));
    for (size_t i = 0; i < VC_COUNT(pids); i++)
        pids[i] = activator(gate[0], 1, 1);
    cr_assert_eq(write(gate[1], "x", 1), 1);
    for (size_t i = 0; i < VC_COUNT(pids); i++) {
        int status;
        cr_assert(waitpid(pids[i], &status, 0) == pids[i]);
        cr_expect_eq(status, 0, "process %zu: status %d", i, status);
    }
    ledger_has(open_ledger(ctx, "ledger"), 1);
}

/* Two forms of one customer for one region: one is the order, the other is told so. */
Test(allocate, of_two_orders_for_one_region_one_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    VC_AUTO_ERROR *err = NULL;

    allocate(ctx, ledger, make_form(ctx, "acme", "eu", 1));
    cr_assert(!vc_allocate(ctx, ledger, make_form(ctx, "acme", "eu", 2), NULL, &err));
    cr_assert(strstr(err->message, "found region eu, in which acme has order o1 already"), "%s", err->message);
    cr_assert_eq((int)err->status, VC_EXIT_USAGE);
    ledger_has(ledger, 1);
}
