/* vclab-wire SEED PRIORITY, with its control socket as descriptor 3. Started by vclab (wire_client.h). */
#include "ns3/wire_process.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum { CONTROL_FD = 3, BEAT_MS = 10, PRIORITY_MAX = 90 };

struct process {
    struct carrier carrier;
    int priority;
    atomic_uint_least64_t beats;
};

/* So that the lag is known when no packet comes, and the watchdog sees that all is well. */
static void beat(void *arg)
{
    struct process *process = arg;

    atomic_fetch_add(&process->beats, 1);
    vc_ns3_schedule(process->carrier.sim, BEAT_MS * VC_NS_PER_MS, beat, process, NULL);
}

static void *read_thread(void *arg)
{
    struct process *process = arg;

    watch_thread(process->priority);
    return carrier_read(&process->carrier);
}

static void *control_thread(void *arg)
{
    struct process *process = arg;

    watch_thread(process->priority);
    control_serve(CONTROL_FD, &process->carrier);
    vc_ns3_stop(process->carrier.sim, NULL);
    return NULL;
}

static int carry(struct process *process, vc_error **err)
{
    pthread_t reader, control;
    int status;

    if (watch_start(process->priority, &process->beats, err) < 0) /* first: the others then know their priority */
        return -1;
    if ((status = pthread_create(&control, NULL, control_thread, process)))
        return vc_fail(err, VC_EXIT_HOST, status, "cannot start a thread");
    if ((status = pthread_create(&reader, NULL, read_thread, process))) {
        shutdown(CONTROL_FD, SHUT_RDWR);
        pthread_join(control, NULL);
        return vc_fail(err, VC_EXIT_HOST, status, "cannot start a thread");
    }
    watch_thread(process->priority);
    status = vc_ns3_run(process->carrier.sim, VC_NS3_FOREVER, err);
    if (status < 0)
        return -1; /* the control thread may wait for an event that never comes */
    pthread_join(control, NULL);
    if (eventfd_write(process->carrier.quit, 1) == 0)
        pthread_join(reader, NULL);
    return status;
}

static bool number(const char *text, long max, long *value)
{
    char *end;

    errno = 0;
    *value = strtol(text, &end, 10);
    return *text && !*end && !errno && *value >= 0 && *value <= max;
}

static int run(struct process *process, long seed, vc_error **err)
{
    /* Any seed is good; ns-3 takes those from 1 to VC_NS3_SEED_MAX, and makes a run of what is beyond. */
    const struct vc_ns3_config config = {.clock = VC_NS3_REAL,
                                         .seed = (uint32_t)(seed % VC_NS3_SEED_MAX) + 1,
                                         .run = (uint64_t)(seed / VC_NS3_SEED_MAX)};

    if (carrier_open(&process->carrier, err) < 0)
        return -1;
    process->carrier.sim = vc_ns3_new(&config, err);
    if (!process->carrier.sim || vc_ns3_schedule(process->carrier.sim, 0, beat, process, err) < 0)
        return -1;
    if (carry(process, err) < 0)
        return -1;
    carrier_close(&process->carrier);
    vc_ns3_free(process->carrier.sim, NULL);
    return 0;
}

int main(int argc, char **argv)
{
    static struct process process = {.carrier = {.epoll = -1, .quit = -1, .clock = -1}};
    VC_AUTO_ERROR *err = NULL;
    long seed, priority;
    int type;

    if (argc != 3 || !number(argv[1], UINT32_MAX, &seed) || !number(argv[2], PRIORITY_MAX, &priority) ||
        getsockopt(CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){sizeof type}) < 0 || type != SOCK_SEQPACKET) {
        (void)fprintf(stderr,
                      "usage: vclab-wire SEED PRIORITY, with a control socket as descriptor 3; vclab starts it\n");
        return VC_EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_NAME, "vclab-wire"); /* it may have been started by a descriptor */
    prctl(PR_SET_TIMERSLACK, 1UL);    /* nanosecond; for when there is no real-time priority */
    process.priority = (int)priority;
    if (run(&process, seed, &err) == 0)
        return VC_EXIT_PASS;
    (void)fprintf(stderr, "vclab-wire: %s\n", err ? err->message : "failed");
    _exit(err ? (int)err->status : VC_EXIT_FAIL); /* its threads may still be at work */
}
