/*
 * Killed at any point. A child allocates, activates and gives back in a loop and tells each finished deed through a
 * pipe; it is killed after a time that a seed draws, so that the kills spread over everything it does. Then the ledger
 * must be whole, every deed that was told must be in it, and no more than one that was not.
 */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/secret.h"

TestSuite(crash, .init = folder_open, .fini = folder_close, .timeout = 300);

enum { KILLS = 150, LONGEST_US = 12000 };

struct deed {
    unsigned order;
    bool gave_back;
    unsigned service; /* its number */
};

static void tell(int to, struct deed deed)
{
    if (write(to, &deed, sizeof deed) != sizeof deed)
        _exit(1);
}

/* Every third order is given back. */
static _Noreturn void work(int to, unsigned first)
{
    VC_AUTO_TALLOC char *out = in_top(NULL, "out"), *file = in_top(NULL, "ledger");

    for (unsigned n = first;; n++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        struct vc_ledger *ledger = vc_ledger_open(ctx, file, VC_LEDGER_WRITE, &err);
        const char *form = put_form(ctx, talloc_asprintf(ctx, "c%u", n), n, "");
        const struct vc_order *order =
            ledger ? vc_activate(ctx, ledger, form, &(struct vc_activation_options){.out = out}, &err) : NULL;

        if (!order) {
            fprintf(stderr, "order o%u: %s\n", n, err ? err->message : "?");
            _exit(1);
        }
        tell(to, (struct deed){n, false, order->allocation.number[VC_POOL_SERVICE]});
        if (n % 3)
            continue;
        if (vc_deactivate(ledger, order->number, &err))
            _exit(1);
        tell(to, (struct deed){n, true, order->allocation.number[VC_POOL_SERVICE]});
    }
}

/* Lets a child work for `us` and kills it; its deeds. */
static struct deed *killed_after(void *ctx, unsigned first, unsigned us, size_t *count)
{
    struct deed *deeds = talloc_array(ctx, struct deed, 1), deed;
    int deed_pipe[2], status;

    cr_assert(!pipe(deed_pipe));
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (!pid)
        work(deed_pipe[1], first);
    close(deed_pipe[1]);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = us * 1000L}, NULL);
    kill(pid, SIGKILL);
    cr_assert(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status), "the child ended by itself");
    for (*count = 0; read(deed_pipe[0], &deed, sizeof deed) == sizeof deed; ++*count) {
        deeds = talloc_realloc(ctx, deeds, struct deed, (unsigned)*count + 1);
        deeds[*count] = deed;
    }
    close(deed_pipe[0]);
    return deeds;
}

/* Each told deed is in the ledger. */
static void check_deeds(struct vc_ledger *ledger, const struct deed *deeds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        bool last = i + 1 == count; /* what followed it may have been done and not told */
        const struct vc_order *order = vc_ledger_order(ctx, ledger, talloc_asprintf(ctx, "o%u", deeds[i].order), &err);

        cr_assert(order, "order o%u is lost%s", deeds[i].order, err ? err->message : "");
        bool gone = !strcmp(order->status, VC_ORDER_DEACTIVATED);
        if (deeds[i].gave_back)
            cr_assert(gone, "order o%u was given back", deeds[i].order);
        else if (!gone)
            cr_assert_eq(order->allocation.number[VC_POOL_SERVICE], deeds[i].service);
        else
            cr_assert(deeds[i].order % 3 == 0 && (last || deeds[i + 1].gave_back));
    }
}

/* The form that was under way goes on, or begins, as if nothing had been. */
static bool go_on(struct vc_ledger *ledger, unsigned number)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_TALLOC char *out = in_top(NULL, "out");
    const struct vc_order *half = vc_ledger_order(ctx, ledger, talloc_asprintf(ctx, "o%u", number), &err);
    const char *form = put_form(ctx, talloc_asprintf(ctx, "c%u", number), number, "");

    cr_assert(!err, "%s", err ? err->message : "");
    const struct vc_order *order =
        vc_activate(ctx, ledger, form, &(struct vc_activation_options){.out = out, .again = true}, &err);
    cr_assert(order, "%s", err ? err->message : "");
    cr_assert_str_eq(order->status, VC_ORDER_ACTIVATED);
    if (half && strcmp(half->status, VC_ORDER_DEACTIVATED) != 0) {
        cr_assert_eq(half->allocation.number[VC_POOL_TUNNEL], order->allocation.number[VC_POOL_TUNNEL]);
        cr_assert_str_eq(half->allocation.tunnels[1].psk, order->allocation.tunnels[1].psk);
    }
    return half && !strcmp(half->status, VC_ORDER_IN_PROGRESS);
}

Test(crash, no_kill_loses_or_doubles_anything)
{
    unsigned next = 1, half = 0;
    size_t told = 0;

    for (unsigned i = 0; i < KILLS; i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_TALLOC char *draw = talloc_asprintf(NULL, "%u", i);
        size_t count;
        const struct deed *deeds =
            killed_after(ctx, next, (unsigned)(vc_derived_seed("kill", draw, 1) % LONGEST_US), &count);
        struct vc_ledger *ledger = open_ledger(ctx, "ledger");

        check_deeds(ledger, deeds, count);
        cr_assert(!vc_ledger_check(ledger, NULL, NULL), "after kill %u", i);
        unsigned last =
            count ? deeds[count - 1].order + (!deeds[count - 1].gave_back ? deeds[count - 1].order % 3 != 0 : 1) : next;
        if (last % 3 || !count)
            half += go_on(ledger, last);
        next = last + 1;
        told += count;
    }
    cr_log_info("%zu deeds, %u orders In-Progress", told, half);
    cr_assert_gt(told, KILLS / 2, "the children got nothing done: %zu deeds", told);
}
