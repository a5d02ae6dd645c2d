#include "lab/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "lab/preload/wire.h"

#define LIBRARY        "/run/vclab-zygote.so"
#define START_LIMIT_US 10000000 /* a whole ordinary start takes a tenth of it, under emulation too */
#define ANSWER_LIMIT_S 5
#define ZYGOTE_NODE    ".zygote" /* no node of a topology can have this name */
#define FEWEST_DAEMONS 2

/* The last function of libfrr before a daemon opens what belongs to its node (preload/zygote.c). */
static const struct {
    const char *daemon, *place;
} places[] = {
    {"zebra", "frr_init"},
    {"bgpd", "frr_config_fork"},
    {"bfdd", "vrf_init"},
    {"ospfd", "frr_config_fork"},
};

enum zygote_state { ZYGOTE_IDLE, ZYGOTE_STARTING, ZYGOTE_READY, ZYGOTE_GONE };

struct zygote {
    struct lab_zygotes *all;
    const struct vc_plan_daemon *plan; /* of one of its daemons; the others' argv is the same */
    const char *place;
    enum zygote_state state;
    pid_t pid;
    int control;
    sd_event_source *source, *limit;
};

struct lab_zygotes {
    struct vc_lab *lab;
    const char *image;
    size_t image_size;
    uint64_t limit_us;
    struct vc_plan_node plan; /* where they live: a node without links */
    struct vc_node_rt rt;
    bool created;
    struct zygote *list;
    size_t count;
};

static const char *place_of(const char *daemon)
{
    for (size_t i = 0; i < VC_COUNT(places); i++)
        if (!strcmp(places[i].daemon, daemon))
            return places[i].place;
    return NULL;
}

static bool same_command(const char *const *a, const char *const *b)
{
    while (*a && *b && !strcmp(*a, *b))
        a++, b++;
    return !*a && !*b;
}

static struct zygote *zygote_of(const struct vc_daemon *daemon)
{
    struct lab_zygotes *zygotes = daemon->lab->zygotes;

    for (size_t i = 0; i < zygotes->count; i++)
        if (same_command(zygotes->list[i].plan->argv, daemon->plan->argv))
            return &zygotes->list[i];
    return NULL;
}

static void stop(struct zygote *zygote)
{
    zygote->source = sd_event_source_disable_unref(zygote->source);
    zygote->limit = sd_event_source_disable_unref(zygote->limit);
    if (zygote->control >= 0)
        close(VC_STEAL_FD(zygote->control));
    if (zygote->pid > 0) {
        vc_reaper_forget(zygote->all->lab->reaper, zygote->pid);
        kill(zygote->pid, SIGKILL);
        zygote->pid = -1;
    }
}

/* From now on its daemons are started the ordinary way. */
static void gone(struct zygote *zygote, const char *why)
{
    stop(zygote);
    zygote->state = ZYGOTE_GONE;
    vc_event(zygote->all->lab->events, VC_LAYER_CHECK, NULL, "zygote", -1, "{s:s, s:s}", "daemon", zygote->plan->name,
             "text", why);
}

static void on_end(void *arg, const siginfo_t *info)
{
    struct zygote *zygote = arg;
    VC_AUTO_FREE char *why = NULL;

    if (info->si_code == CLD_STOPPED || info->si_code == CLD_CONTINUED)
        return;
    zygote->pid = -1;
    if (asprintf(&why, info->si_code == CLD_EXITED ? "ended with status %d" : "ended by signal %d", info->si_status) <
        0)
        abort();
    gone(zygote, why);
    lab_daemons_advance(zygote->all->lab);
}

static int on_limit(sd_event_source *source VC_UNUSED, uint64_t usec VC_UNUSED, void *arg)
{
    struct zygote *zygote = arg;

    gone(zygote, "did not come up in time");
    lab_daemons_advance(zygote->all->lab);
    return 0;
}

static int on_ready(sd_event_source *source VC_UNUSED, int fd, uint32_t revents VC_UNUSED, void *arg)
{
    struct zygote *zygote = arg;
    struct vc_zygote_reply reply = {.what = VC_ZYGOTE_FAILED};

    zygote->source = sd_event_source_disable_unref(zygote->source);
    if (recv(fd, &reply, sizeof reply, MSG_DONTWAIT) != sizeof reply || reply.what != VC_ZYGOTE_READY)
        return 0; /* its end, or the limit, says what comes next */
    zygote->limit = sd_event_source_disable_unref(zygote->limit);
    zygote->state = ZYGOTE_READY;
    lab_daemons_advance(zygote->all->lab);
    return 0;
}

/* The daemon's command, whose env(1) sets two variables more. */
static const char *const *command_of(void *ctx, const struct zygote *zygote)
{
    const char *const *argv = zygote->plan->argv;
    size_t given = 0, n = 0;

    while (argv[given])
        given++;
    const char **command = talloc_zero_array(ctx, const char *, given + 4);
    command[n++] = "/usr/bin/env";
    command[n++] = "LD_PRELOAD=" LIBRARY;
    command[n++] = talloc_asprintf(ctx, VC_ZYGOTE_PLACE "=%s", zygote->place);
    for (size_t i = given && !strcmp(argv[0], "/usr/bin/env") ? 1 : 0; i < given; i++)
        command[n++] = argv[i];
    return command;
}

static int write_library(const struct lab_zygotes *zygotes, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s" LIBRARY, zygotes->rt.root);
    VC_AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || write(fd, zygotes->image, zygotes->image_size) != (ssize_t)zygotes->image_size)
        return vc_fail(err, VC_EXIT_FAIL, errno, "writing %s", path);
    return 0;
}

static int create_node(struct lab_zygotes *zygotes, vc_error **err)
{
    struct vc_node_store store = {.labroot = zygotes->lab->store.labroot, .logs = -1};

    if (zygotes->created)
        return 0;
    if (vc_node_create(zygotes, &zygotes->rt, &zygotes->plan, &store, err) || write_library(zygotes, err))
        return -1;
    zygotes->created = true;
    return 0;
}

static int launch(struct zygote *zygote, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct timeval limit = {.tv_sec = ANSWER_LIMIT_S};
    int pair[2];

    if (create_node(zygote->all, err))
        return -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return vc_fail(err, VC_EXIT_FAIL, errno, "making its control socket");
    VC_AUTO_FD theirs = pair[1];
    zygote->control = pair[0];
    setsockopt(zygote->control, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    struct vc_spawn spawn = {.argv = command_of(ctx, zygote),
                             .stdio = {theirs, -1, -1},
                             .log = talloc_asprintf(ctx, "/var/log/%s.out", zygote->plan->name)};
    zygote->pid = vc_node_spawn(&zygote->all->rt, &spawn, err);
    if (zygote->pid < 0)
        return -1;
    vc_reaper_add(zygote->all->lab->reaper, zygote->pid, on_end, zygote);
    int r = sd_event_add_io(zygote->all->lab->loop, &zygote->source, zygote->control, EPOLLIN, on_ready, zygote);
    if (r >= 0)
        r = sd_event_add_time_relative(zygote->all->lab->loop, &zygote->limit, CLOCK_MONOTONIC, zygote->all->limit_us,
                                       1000, on_limit, zygote);
    return r < 0 ? vc_fail(err, VC_EXIT_FAIL, -r, "watching it") : 0;
}

static void start(struct zygote *zygote)
{
    VC_AUTO_ERROR *err = NULL;

    zygote->state = ZYGOTE_STARTING;
    if (launch(zygote, &err))
        gone(zygote, err->message);
}

static int send_request(const struct zygote *zygote, const struct vc_node_rt *node, const struct vc_spawn *spawn)
{
    const int fds[VC_ZYGOTE_FDS] = {
        [VC_ZYGOTE_NET] = node->netns, [VC_ZYGOTE_UTS] = node->utsns, [VC_ZYGOTE_MOUNT] = node->mntns};
    struct vc_zygote_request request = {.rt_priority = spawn->rt_priority};
    union {
        char bytes[CMSG_SPACE(sizeof fds)];
        struct cmsghdr align;
    } control = {0};
    struct iovec data = {&request, sizeof request};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

    snprintf(request.log, sizeof request.log, "%s", spawn->log);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(rights), fds, sizeof fds);
    return sendmsg(zygote->control, &message, MSG_NOSIGNAL) == (ssize_t)sizeof request ? 0 : -1;
}

pid_t lab_zygote_spawn(const struct vc_daemon *daemon, const struct vc_spawn *spawn)
{
    struct zygote *zygote = zygote_of(daemon);
    struct vc_zygote_reply reply = {0};
    VC_AUTO_FREE char *why = NULL;

    if (!zygote || zygote->state != ZYGOTE_READY)
        return -1;
    /* A fork answers within a millisecond or two; what the loop would do meanwhile can wait. */
    if (send_request(zygote, &daemon->node->rt, spawn) ||
        recv(zygote->control, &reply, sizeof reply, 0) != (ssize_t)sizeof reply)
        why = strdup("does not answer");
    else if (reply.what == VC_ZYGOTE_STARTED)
        return reply.pid;
    else if (asprintf(&why, "%s: %.*s: %s", daemon->node->rt.plan->name, (int)sizeof reply.step, reply.step,
                      strerror(reply.errnum)) < 0)
        abort();
    gone(zygote, why);
    return -1;
}

bool lab_zygote_awaited(const struct vc_daemon *daemon)
{
    struct zygote *zygote = zygote_of(daemon);

    if (zygote && zygote->state == ZYGOTE_IDLE)
        start(zygote);
    return zygote && zygote->state == ZYGOTE_STARTING;
}

pid_t lab_zygote_pid(const struct vc_daemon *daemon)
{
    struct zygote *zygote = zygote_of(daemon);

    return zygote ? zygote->pid : -1;
}

static int destroy(struct lab_zygotes *zygotes)
{
    for (size_t i = 0; i < zygotes->count; i++)
        stop(&zygotes->list[i]);
    vc_node_destroy(&zygotes->rt);
    return 0;
}

static size_t count_daemons(const struct vc_plan *plan, const char *const *argv)
{
    size_t count = 0;

    for (size_t n = 0; n < plan->node_count; n++)
        for (size_t i = 0; i < plan->nodes[n].daemon_count; i++)
            count += same_command(plan->nodes[n].daemons[i].argv, argv);
    return count;
}

/* The zygotes live in a copy of the first node that has such daemons, without links: what they read there before they
 * fork (users and groups, folders) is the same in all. */
static void add(struct lab_zygotes *zygotes, const struct vc_plan_node *node, const struct vc_plan_daemon *daemon)
{
    const char *place = place_of(daemon->name);

    for (size_t i = 0; i < zygotes->count; i++)
        if (same_command(zygotes->list[i].plan->argv, daemon->argv))
            return;
    if (!place || count_daemons(zygotes->lab->plan, daemon->argv) < FEWEST_DAEMONS)
        return;
    if (!zygotes->count)
        zygotes->plan = (struct vc_plan_node){.name = ZYGOTE_NODE,
                                              .kind = node->kind,
                                              .files = node->files,
                                              .file_count = node->file_count,
                                              .directories = node->directories};
    zygotes->list = talloc_realloc(zygotes, zygotes->list, struct zygote, zygotes->count + 1);
    zygotes->list[zygotes->count++] =
        (struct zygote){.all = zygotes, .plan = daemon, .place = place, .pid = -1, .control = -1};
}

struct lab_zygotes *lab_zygotes_new(struct vc_lab *lab)
{
    struct lab_zygotes *zygotes = talloc_zero(lab, struct lab_zygotes);

    *zygotes = (struct lab_zygotes){.lab = lab,
                                    .image = vc_zygote_image,
                                    .image_size = (size_t)(vc_zygote_image_end - vc_zygote_image),
                                    .limit_us = START_LIMIT_US,
                                    .rt = {.netns = -1, .mntns = -1, .utsns = -1}};
    for (size_t n = 0; n < lab->plan->node_count; n++)
        for (size_t i = 0; i < lab->plan->nodes[n].daemon_count; i++)
            add(zygotes, &lab->plan->nodes[n], &lab->plan->nodes[n].daemons[i]);
    talloc_set_destructor(zygotes, destroy);
    return zygotes;
}

void lab_zygotes_inject(struct lab_zygotes *zygotes, const char *image, size_t size, uint64_t limit_us)
{
    zygotes->image = image;
    zygotes->image_size = size;
    zygotes->limit_us = limit_us;
}

void lab_zygotes_start(struct lab_zygotes *zygotes)
{
    for (size_t i = 0; i < zygotes->count; i++)
        if (!zygotes->list[i].plan->after_bgp)
            start(&zygotes->list[i]);
}
