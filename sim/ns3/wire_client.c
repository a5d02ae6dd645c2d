#include "ns3/wire_client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "net/netns.h"
#include "net/rtnl.h"
#include "ns3/wire_message.h"

enum {
    CONTROL_FD = 3,
    TAP_QUEUE = 5000, /* packets; 0.2 s at 250 Mbit/s, as the GRE endpoint's */
};

struct vc_wires {
    int control;
    pid_t pid;
    bool silent; /* an answer is missing: the next one to come would be the answer to another question */
};

/* It ends by itself when its socket is closed; but a process that hangs would not. */
static int wires_free(struct vc_wires *wires)
{
    if (wires->control >= 0)
        close(wires->control);
    vc_pid_cleanup(&wires->pid);
    return 0;
}

/* Its path, or by a descriptor that the child's control socket will not overwrite, to be closed. */
static char *path_of(const struct vc_wires_config *config, int *fd)
{
    *fd = config->program ? -1 : fcntl(config->program_fd, F_DUPFD_CLOEXEC, CONTROL_FD + 1);
    return config->program ? talloc_strdup(NULL, config->program) : talloc_asprintf(NULL, "/proc/self/fd/%d", *fd);
}

static int spawn(struct vc_wires *wires, const struct vc_wires_config *config, int control, vc_error **err)
{
    char seed[16], priority[16];
    char *argv[] = {(char *)(uintptr_t) "vclab-wire", seed, priority, NULL};
    posix_spawn_file_actions_t actions;
    VC_AUTO_FD fd = -1;
    VC_AUTO_TALLOC char *path = path_of(config, &fd);

    (void)snprintf(seed, sizeof seed, "%u", config->seed);
    (void)snprintf(priority, sizeof priority, "%d", config->priority);
    if (posix_spawn_file_actions_init(&actions))
        abort();
    if (config->log > 0 && posix_spawn_file_actions_adddup2(&actions, config->log, STDERR_FILENO))
        abort();
    /* Also clears close-on-exec when it is that number already. */
    if (posix_spawn_file_actions_adddup2(&actions, control, CONTROL_FD))
        abort();
    int status = posix_spawn(&wires->pid, path, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (!status)
        return 0;
    wires->pid = 0;
    if (status == ENOENT)
        return vc_fail(err, VC_EXIT_HOST, 0,
                       "%s is not there: it is built where ns-3 is (packages libns3-dev, ns3 and libgsl-dev)",
                       config->program ? config->program : "vclab-wire");
    return vc_fail(err, VC_EXIT_HOST, status, "cannot start %s", config->program ? config->program : "vclab-wire");
}

static int answer(struct vc_wires *wires, enum vc_wire_do what, struct vc_wire_answer *to, vc_error **err)
{
    char text[VC_WIRE_MESSAGE_MAX];
    ssize_t size;

    do
        size = recv(wires->control, text, sizeof text, 0);
    while (size < 0 && errno == EINTR);
    if (size > 0)
        return vc_wire_answer_read(text, (size_t)size, what, to, err);
    wires->silent = true;
    if (size == 0 || errno == ECONNRESET)
        return vc_fail(err, VC_EXIT_FAIL, 0, "vclab-wire has ended");
    return vc_fail(err, VC_EXIT_FAIL, errno == EAGAIN ? 0 : errno, "no answer from vclab-wire%s",
                   errno == EAGAIN ? " in its time" : "");
}

static int ask(struct vc_wires *wires, const struct vc_wire_request *request, const int tap[2],
               struct vc_wire_answer *to, vc_error **err)
{
    VC_AUTO_JSON *json = vc_wire_request_json(request);
    VC_AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr header;
    } control = {0};
    struct vc_wire_answer nobody;

    if (wires->silent)
        return vc_fail(err, VC_EXIT_FAIL, 0, "vclab-wire has ended or does not answer");
    if (!text) /* a name that is no UTF-8 */
        return vc_fail(err, VC_EXIT_USAGE, 0, "wire %s: this name cannot be told", request->name);
    struct iovec part = {.iov_base = text, .iov_len = strlen(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (tap) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        control.header =
            (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(2 * sizeof(int))};
        memcpy(CMSG_DATA(&control.header), tap, 2 * sizeof(int));
    }
    if (sendmsg(wires->control, &message, MSG_NOSIGNAL) < 0) {
        wires->silent = errno == EPIPE || errno == ECONNRESET;
        return vc_fail(err, VC_EXIT_FAIL, errno, "cannot ask vclab-wire");
    }
    return answer(wires, request->what, to ? to : &nobody, err);
}

struct vc_wires *vc_wires_start(void *ctx, const struct vc_wires_config *config, vc_error **err)
{
    struct vc_wires *wires = talloc(ctx, struct vc_wires);
    const struct timeval patience = {.tv_sec = VC_WIRE_PATIENCE_S};
    int pair[2];
    struct vc_wire_answer ready;

    if (!wires)
        abort();
    *wires = (struct vc_wires){.control = -1};
    talloc_set_destructor(wires, wires_free);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        vc_fail(err, VC_EXIT_HOST, errno, "cannot make a control socket");
        talloc_free(wires);
        return NULL;
    }
    wires->control = pair[0];
    VC_AUTO_FD theirs = pair[1];
    setsockopt(wires->control, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(wires->control, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int status = spawn(wires, config, theirs, err);
    close(VC_STEAL_FD(theirs)); /* or its end would not be seen */
    if (status == 0 && answer(wires, VC_WIRE_QUIT, &ready, err) == 0)
        return wires;
    talloc_free(wires);
    return NULL;
}

int vc_wires_tap(int netns, const char *ifname, const uint8_t mac[ETH_ALEN], unsigned mtu, vc_error **err)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL};
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);

    if (!*ifname || strlen(ifname) >= IFNAMSIZ)
        return vc_fail(err, VC_EXIT_USAGE, 0, "found interface name %s; allowed: 1 to %d bytes", ifname, IFNAMSIZ - 1);
    VC_NETNS_SCOPE(scope) = vc_netns_enter(netns, err);
    if (scope.back < 0)
        return -1;
    VC_AUTO_FD fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot open /dev/net/tun (module tun loaded? run as root?)");
    memcpy(request.ifr_name, ifname, strlen(ifname) + 1);
    if (ioctl(fd, TUNSETIFF, &request) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot create the TAP %s", ifname);
    request.ifr_hwaddr = (struct sockaddr){.sa_family = ARPHRD_ETHER};
    memcpy(request.ifr_hwaddr.sa_data, mac, ETH_ALEN);
    if (ioctl(fd, SIOCSIFHWADDR, &request) < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "cannot give the TAP %s its address", ifname);
    struct vc_rtnl *rtnl = vc_rtnl_open(scratch, netns, err);
    if (!rtnl)
        return -1;
    vc_rtnl_mtu(rtnl, ifname, mtu);
    vc_rtnl_txqueue(rtnl, ifname, TAP_QUEUE);
    return vc_rtnl_commit(rtnl, err) < 0 || vc_wires_carrier(fd, false, err) < 0 ? -1 : VC_STEAL_FD(fd);
}

int vc_wires_carrier(int tap, bool carrier, vc_error **err)
{
    const int value = carrier;

    return ioctl(tap, TUNSETCARRIER, &value) < 0
               ? vc_fail(err, VC_EXIT_FAIL, errno, "cannot take or give a TAP its carrier")
               : 0;
}

static int named(struct vc_wire_request *request, const char *name, vc_error **err)
{
    if (!*name || strlen(name) > VC_WIRE_NAME_MAX)
        return vc_fail(err, VC_EXIT_USAGE, 0, "found wire name \"%s\"; allowed: 1 to %d bytes", name, VC_WIRE_NAME_MAX);
    memcpy(request->name, name, strlen(name) + 1);
    return 0;
}

static int ask_named(struct vc_wires *wires, struct vc_wire_request request, const char *name, const int tap[2],
                     struct vc_wire_answer *to, vc_error **err)
{
    if (named(&request, name, err) < 0)
        return -1;
    return ask(wires, &request, tap, to, err) < 0 ? vc_wrap(err, "wire %s", name) : 0;
}

int vc_wires_add(struct vc_wires *wires, const char *name, const int tap[2], const struct vc_wire character[2],
                 vc_error **err)
{
    return ask_named(wires, (struct vc_wire_request){.what = VC_WIRE_ADD, .character = {character[0], character[1]}},
                     name, tap, NULL, err);
}

int vc_wires_set(struct vc_wires *wires, const char *name, int direction, const struct vc_wire *character,
                 vc_error **err)
{
    return ask_named(wires,
                     (struct vc_wire_request){.what = VC_WIRE_SET, .direction = direction, .character = {*character}},
                     name, NULL, NULL, err);
}

int vc_wires_up(struct vc_wires *wires, const char *name, int direction, bool up, vc_error **err)
{
    return ask_named(wires, (struct vc_wire_request){.what = VC_WIRE_UP, .direction = direction, .up = up}, name, NULL,
                     NULL, err);
}

int vc_wires_state(struct vc_wires *wires, const char *name, struct vc_wires_state *state, vc_error **err)
{
    struct vc_wire_answer got;

    if (ask_named(wires, (struct vc_wire_request){.what = VC_WIRE_COUNTERS}, name, NULL, &got, err) < 0)
        return -1;
    memcpy(state->character, got.character, sizeof got.character);
    memcpy(state->up, got.up, sizeof got.up);
    memcpy(state->counters, got.counters, sizeof got.counters);
    return 0;
}

int vc_wires_counters(struct vc_wires *wires, const char *name, struct vc_wire_counters counters[2], vc_error **err)
{
    struct vc_wires_state state;

    if (vc_wires_state(wires, name, &state, err) < 0)
        return -1;
    memcpy(counters, state.counters, sizeof state.counters);
    return 0;
}

int vc_wires_lag(struct vc_wires *wires, struct vc_wire_lag *lag, vc_error **err)
{
    struct vc_wire_answer got;

    if (ask(wires, &(struct vc_wire_request){.what = VC_WIRE_LAG}, NULL, &got, err) < 0)
        return -1;
    *lag = got.lag;
    return 0;
}

pid_t vc_wires_pid(const struct vc_wires *wires)
{
    return wires->pid;
}

void vc_wires_reaped(struct vc_wires *wires)
{
    wires->pid = 0;
    wires->silent = true;
}
