/*
 * Killed at any point. What a process leaves on a disk changes with its system calls only, so a child that makes a
 * ledger, activates two orders and gives one back is killed before each of them in turn: once before the first, once
 * before the second, and so on until it gets through. It tells each finished deed through a pipe. Then the ledger must
 * be whole, every deed that was told must be in it, and the forms must go on as if nothing had been.
 */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>

TestSuite(crash, .init = folder_open, .fini = folder_close, .timeout = 300);

enum deed { ACTIVATED_1, GAVE_BACK_1, ACTIVATED_2, DEEDS };

static void tell(int to, enum deed deed)
{
    char letter = (char)deed;

    if (write(to, &letter, 1) != 1)
        _exit(1);
}

static bool activate(struct vc_ledger *ledger, unsigned number)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const char *form = talloc_asprintf(ctx, "%s/f%u.yaml", top, number);
    const struct vc_activation_options options = {.seed = &fixture_seed, .out = in_top(ctx, "out"), .again = true};

    if (vc_activate(ctx, ledger, form, &options, &err))
        return true;
    fprintf(stderr, "order o%u: %s\n", number, err->message);
    return false;
}

static _Noreturn void work(int to)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        _exit(2);
    raise(SIGSTOP);
    struct vc_ledger *ledger = vc_ledger_open(ctx, in_top(ctx, "ledger"), VC_LEDGER_WRITE, NULL);
    if (!ledger || !activate(ledger, 1))
        _exit(1);
    tell(to, ACTIVATED_1);
    if (vc_deactivate(ledger, "o1", NULL))
        _exit(1);
    tell(to, GAVE_BACK_1);
    if (!activate(ledger, 2))
        _exit(1);
    tell(to, ACTIVATED_2);
    _exit(0);
}

/* Goes on to the next stop; false: it ended. */
static bool go_on(pid_t pid, int *status)
{
    int signal =
        WIFSTOPPED(*status) && WSTOPSIG(*status) != SIGTRAP && WSTOPSIG(*status) != SIGSTOP ? WSTOPSIG(*status) : 0;

    cr_assert(!ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)signal), "%s", strerror(errno));
    cr_assert(waitpid(pid, status, 0) == pid);
    return WIFSTOPPED(*status);
}

/* A stop comes before a call and one behind it. Kills before the `calls`th; false: the child got through before. */
static bool killed_before(unsigned calls, int deeds)
{
    pid_t pid = fork();
    bool alive = true;
    int status;

    cr_assert(pid >= 0);
    if (!pid)
        work(deeds);
    cr_assert(waitpid(pid, &status, 0) == pid);
    if (!WIFSTOPPED(status)) {
        if (getenv("VCLAB_MUST_WORK"))
            cr_assert_fail("no process may be traced here");
        cr_skip("no process may be traced here");
    }
    cr_assert(!ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_EXITKILL));
    for (unsigned stops = 0; alive && stops < 2 * calls - 1; stops++)
        alive = go_on(pid, &status);
    if (!alive) {
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
        return false;
    }
    kill(pid, SIGKILL);
    cr_assert(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    return true;
}

/* The status of an order; "" without one. */
static const char *status_of(void *ctx, struct vc_ledger *ledger, const char *number)
{
    VC_AUTO_ERROR *err = NULL;
    const struct vc_order *order = vc_ledger_order(ctx, ledger, number, &err);

    cr_assert(!err, "%s", err->message);
    return order ? order->status : "";
}

/* What was told is there, and what could not be is not. */
static void check_deeds(void *ctx, struct vc_ledger *ledger, int told, unsigned calls)
{
    const char *first = status_of(ctx, ledger, "o1"), *second = status_of(ctx, ledger, "o2");

    if (told == GAVE_BACK_1 || told == ACTIVATED_2)
        cr_assert_str_eq(first, VC_ORDER_DEACTIVATED, "before call %u", calls);
    else if (told == ACTIVATED_1)
        cr_assert(!strcmp(first, VC_ORDER_ACTIVATED) || !strcmp(first, VC_ORDER_DEACTIVATED), "before call %u: %s",
                  calls, first);
    else
        cr_assert(strcmp(first, VC_ORDER_DEACTIVATED) != 0, "before call %u", calls);
    if (told < GAVE_BACK_1)
        cr_assert_str_eq(second, "", "before call %u", calls);
    if (told == ACTIVATED_2)
        cr_assert_str_eq(second, VC_ORDER_ACTIVATED, "before call %u", calls);
}

/* Both forms once more, as their customers would: an order In-Progress keeps what it has. */
static void finish(void *ctx, struct vc_ledger *ledger, unsigned calls)
{
    static const char *const numbers[] = {"o1", "o2"};

    for (unsigned i = 0; i < VC_COUNT(numbers); i++) {
        const struct vc_order *half = vc_ledger_order(ctx, ledger, numbers[i], NULL);

        cr_assert(activate(ledger, i + 1), "before call %u", calls);
        const struct vc_order *whole = vc_ledger_order(ctx, ledger, numbers[i], NULL);
        cr_assert_str_eq(whole->status, VC_ORDER_ACTIVATED);
        for (enum vc_pool pool = 0; half && strcmp(half->status, VC_ORDER_DEACTIVATED) != 0 && pool < VC_POOLS; pool++)
            cr_assert_eq(half->allocation.number[pool], whole->allocation.number[pool], "before call %u", calls);
    }
    ledger_has(ledger, 2);
}

static void clean(void *ctx)
{
    static const char *const names[] = {"ledger", "ledger-journal", "ledger-wal", "ledger-shm"};

    for (size_t i = 0; i < VC_COUNT(names); i++)
        remove(in_top(ctx, names[i]));
    nftw(in_top(ctx, "out"), remove_entry, 4, FTW_DEPTH | FTW_PHYS);
}

Test(crash, no_kill_loses_or_doubles_anything)
{
    VC_AUTO_TALLOC void *forms = talloc_new(NULL);
    unsigned calls = 1, half = 0;

    put_form(forms, "acme", 1, "");
    put_form(forms, "globex", 2, "");
    for (;; calls++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        int deeds[2], told = -1;
        char letter;

        clean(ctx);
        cr_assert(!pipe(deeds));
        bool killed = killed_before(calls, deeds[1]);
        close(deeds[1]);
        while (read(deeds[0], &letter, 1) == 1)
            told = letter;
        close(deeds[0]);
        struct vc_ledger *ledger = open_ledger(ctx, "ledger");
        cr_assert(!vc_ledger_check(ledger, NULL, NULL), "before call %u", calls);
        check_deeds(ctx, ledger, told, calls);
        half += !strcmp(status_of(ctx, ledger, "o1"), VC_ORDER_IN_PROGRESS);
        finish(ctx, ledger, calls);
        if (!killed)
            break;
    }
    cr_log_info("killed before each of %u system calls; order 1 was In-Progress after %u kills", calls - 1, half);
    cr_assert_gt(calls, 200, "only %u calls", calls);
    cr_assert_gt(half, 10, "only %u kills between allocation and files", half);
}
