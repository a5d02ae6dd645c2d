#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "ns3/wire_process.h"

enum {
    THREADS_MAX = 4,
    LOOK_MS = 100,
    STUCK_LOOKS = 10, /* a second */
    GONE_LOOKS = 100, /* ten */
    RTTIME_SOFT_US = 500000,
    RTTIME_HARD_US = 5000000, /* then the kernel kills, should the handler not have helped */
};

/* A signal handler has no argument, so what it needs is here. */
static atomic_int threads[THREADS_MAX];
static atomic_int thread_count;
static atomic_bool realtime;
static atomic_uint_least64_t demotions;

/* Plain system calls: it runs in a signal handler as well. */
static void demote(void)
{
    const struct sched_param normal = {0};
    int saved = errno;

    if (!atomic_exchange(&realtime, false))
        return;
    atomic_fetch_add(&demotions, 1);
    for (int i = 0; i < atomic_load(&thread_count); i++)
        syscall(SYS_sched_setscheduler, atomic_load(&threads[i]), SCHED_OTHER, &normal);
    errno = saved;
}

static void on_budget(int signal VC_UNUSED)
{
    demote();
}

struct watch {
    atomic_uint_least64_t *beats;
    int priority;
};

static void *look(void *arg)
{
    VC_AUTO_FREE struct watch *watch = arg;
    uint64_t last = atomic_load(watch->beats);
    unsigned still = 0;

    if (watch->priority)
        watch_thread(watch->priority + 1);
    /* It counts its own looks and not the time, which passes as well while the whole process is stopped. */
    for (;;) {
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * VC_NS_PER_MS}, NULL);
        uint64_t now = atomic_load(watch->beats);
        still = now == last ? still + 1 : 0;
        last = now;
        if (still == STUCK_LOOKS)
            demote();
        if (still == GONE_LOOKS) {
            (void)fprintf(
                stderr,
                "vclab-wire: no event for ten seconds (an endless loop, or the wall clock was set back): ends\n");
            _exit(VC_EXIT_INCONCLUSIVE);
        }
    }
    return NULL;
}

int watch_start(int priority, atomic_uint_least64_t *beats, vc_error **err)
{
    const struct rlimit budget = {.rlim_cur = RTTIME_SOFT_US, .rlim_max = RTTIME_HARD_US};
    const struct sigaction action = {.sa_handler = on_budget, .sa_flags = SA_RESTART};
    struct watch *watch = malloc(sizeof *watch);
    pthread_t thread;

    if (!watch)
        abort();
    *watch = (struct watch){beats, priority};
    /* Without a bound on it there is no real-time priority. */
    if (priority && (sigaction(SIGXCPU, &action, NULL) < 0 || setrlimit(RLIMIT_RTTIME, &budget) < 0))
        watch->priority = 0;
    atomic_store(&realtime, watch->priority > 0);
    int status = pthread_create(&thread, NULL, look, watch);
    if (status) {
        free(watch);
        return vc_fail(err, VC_EXIT_HOST, status, "cannot start the watching thread");
    }
    pthread_detach(thread);
    return 0;
}

void watch_thread(int priority)
{
    const struct sched_param param = {.sched_priority = priority};
    int slot = atomic_load(&thread_count);

    if (!atomic_load(&realtime) || sched_setscheduler(0, SCHED_FIFO, &param) < 0)
        return; /* not allowed: goes on as a normal one, which watch_realtime tells */
    while (slot < THREADS_MAX && !atomic_compare_exchange_weak(&thread_count, &slot, slot + 1))
        ;
    if (slot < THREADS_MAX)
        atomic_store(&threads[slot], (int)syscall(SYS_gettid));
}

uint64_t watch_demotions(void)
{
    return atomic_load(&demotions);
}

bool watch_realtime(void)
{
    return atomic_load(&realtime) && atomic_load(&thread_count) > 0;
}
