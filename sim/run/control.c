/* The engine's side of control.h. A connection carries one request; its object lives until the answer is sent and, for
 * a capture, until the client leaves. */
#include "run/control.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "run/engine_private.h"

#define REQUEST_MAX 65536

struct connection {
    struct engine *engine;
    int fd;
    int fds[3];
    size_t fd_count;
    char *buffer;
    size_t used;
    json_t *request;
    char *capture; /* the link captured for this client */
    sd_event_source *source;
};

static int connection_destroy(struct connection *connection)
{
    sd_event_source_disable_unref(connection->source);
    close(connection->fd);
    for (size_t i = 0; i < connection->fd_count; i++)
        close(connection->fds[i]);
    json_decref(connection->request);
    return 0;
}

/* Sends and, unless the request goes on (a capture), ends the connection. Steals `answer`. */
static void reply(struct connection *connection, json_t *answer)
{
    VC_AUTO_JSON *owned = answer;
    VC_AUTO_FREE char *text = json_dumps(owned, JSON_COMPACT);
    size_t len = strlen(text), done = 0;

    text[len++] = '\n'; /* in place of the NUL */
    fcntl(connection->fd, F_SETFL, 0);
    while (done < len) {
        ssize_t n = send(connection->fd, text + done, len - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (!connection->capture)
        talloc_free(connection);
}

static void reply_error(struct connection *connection, const vc_error *err)
{
    reply(connection,
          json_pack("{s:b, s:s, s:b}", "ok", 0, "error", err->message, "usage", err->status == VC_EXIT_USAGE));
}

static void reply_ok(struct connection *connection)
{
    reply(connection, json_pack("{s:b}", "ok", 1));
}

static int do_status(struct connection *connection, vc_error **err VC_UNUSED)
{
    struct engine *engine = connection->engine;

    reply(connection,
          json_pack("{s:b, s:o, s:o, s:o}", "ok", 1, "lab", vc_lab_status(engine->lab), "flows",
                    vc_flows_status(vc_observe_flows(engine->observe)), "faults", vc_faults_active(engine->faults)));
    return 0;
}

static void on_evidence(void *arg, const struct vc_examination *examination)
{
    if (examination->err)
        reply_error(arg, examination->err);
    else
        reply(arg, json_pack("{s:b, s:O}", "ok", 1, "evidence", examination->document));
}

static int do_evidence(struct connection *connection, vc_error **err)
{
    struct engine *engine = connection->engine;

    return vc_evidence_start(engine, engine->examiner, on_evidence, connection, err) ? 0 : -1;
}

static void on_exec_done(void *arg, int wait_status)
{
    reply(arg, json_pack("{s:b, s:i}", "ok", 1, "status", wait_status));
}

static int node_of(struct connection *connection, size_t *node, vc_error **err)
{
    const char *name = json_string_value(json_object_get(connection->request, "node"));
    const struct vc_plan *plan = connection->engine->config->plan;
    VC_AUTO_TALLOC char *names = talloc_strdup(NULL, "");

    *node = name ? vc_topology_node(plan->topology, name) : VC_NONE;
    if (*node != VC_NONE)
        return 0;
    for (size_t i = 0; i < plan->node_count; i++)
        names = talloc_asprintf_append(names, " %s", plan->nodes[i].name);
    return vc_fail(err, VC_EXIT_USAGE, 0, "no node %s; there are:%s", name ? name : "", names);
}

static int do_exec(struct connection *connection, vc_error **err)
{
    json_t *args = json_object_get(connection->request, "argv");
    const char **argv = talloc_zero_array(connection, const char *, json_array_size(args) + 1);
    size_t node, i;
    json_t *value;

    if (node_of(connection, &node, err))
        return -1;
    if (!json_array_size(args) || connection->fd_count != 3)
        return vc_fail(err, VC_EXIT_USAGE, 0, "exec needs a command and three descriptors");
    json_array_foreach(args, i, value)
    {
        argv[i] = json_string_value(value);
        if (!argv[i])
            return vc_fail(err, VC_EXIT_USAGE, 0, "a command's words are strings");
    }
    struct vc_spawn spawn = {.argv = argv,
                             .stdio = {connection->fds[0], connection->fds[1], connection->fds[2]},
                             .controlling_tty = json_is_true(json_object_get(connection->request, "tty"))};
    return vc_lab_exec(connection->engine->lab, node, &spawn, on_exec_done, connection, err);
}

static void on_fault_done(void *arg, vc_error *err)
{
    if (err)
        reply_error(arg, err);
    else
        reply_ok(arg);
}

static int do_fault(struct connection *connection, vc_error **err)
{
    json_t *spec = json_object_get(connection->request, "spec");

    if (vc_fault_spec_check(connection->engine->config->plan->topology, spec, (struct vc_mark){0}, err))
        return -1;
    return vc_fault_apply(connection->engine->faults, spec, on_fault_done, connection, err);
}

static int do_heal(struct connection *connection, vc_error **err)
{
    const char *name = json_string_value(json_object_get(connection->request, "name"));

    return vc_fault_heal(connection->engine->faults, name ? name : "", on_fault_done, connection, err);
}

static int do_capture(struct connection *connection, vc_error **err)
{
    const char *link = json_string_value(json_object_get(connection->request, "link"));

    if (connection->fd_count != 1)
        return vc_fail(err, VC_EXIT_USAGE, 0, "capture needs one descriptor to write to");
    connection->fd_count = 0; /* the capture owns it now */
    if (vc_observe_capture(connection->engine->observe, link ? link : "", connection->fds[0], err))
        return -1;
    connection->capture = talloc_strdup(connection, link);
    reply_ok(connection);
    return 0;
}

static int do_down(struct connection *connection, vc_error **err VC_UNUSED)
{
    struct engine *engine = connection->engine;

    /* This descriptor closes with the engine, so the client can wait for the lab to be gone. */
    fcntl(connection->fd, F_DUPFD_CLOEXEC, 3);
    reply_ok(connection);
    engine_end(engine, NULL, NULL);
    return 0;
}

static const struct {
    const char *name;
    int (*fn)(struct connection *connection, vc_error **err);
} requests[] = {
    {"status", do_status}, {"evidence", do_evidence}, {"exec", do_exec}, {"fault", do_fault},
    {"heal", do_heal},     {"capture", do_capture},   {"down", do_down},
};

static void serve(struct connection *connection)
{
    const char *what = json_string_value(json_object_get(connection->request, "do"));
    VC_AUTO_ERROR *err = NULL;

    for (size_t i = 0; i < VC_COUNT(requests); i++) {
        if (!what || strcmp(requests[i].name, what))
            continue;
        if (requests[i].fn(connection, &err))
            reply_error(connection, err);
        return;
    }
    vc_fail(&err, VC_EXIT_USAGE, 0, "the lab does not understand %s", what ? what : "that");
    reply_error(connection, err);
}

static void take_descriptors(struct connection *connection, struct msghdr *msg)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(msg); header; header = CMSG_NXTHDR(msg, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        int fds[3];
        memcpy(fds, CMSG_DATA(header), (count > 3 ? 3 : count) * sizeof(int));
        for (size_t i = 0; i < count && i < 3; i++)
            if (connection->fd_count < 3)
                connection->fds[connection->fd_count++] = fds[i];
            else
                close(fds[i]);
    }
}

static void client_left(struct connection *connection)
{
    if (connection->capture)
        vc_observe_capture_stop(connection->engine->observe, connection->capture, NULL);
    talloc_free(connection);
}

static int on_readable(sd_event_source *source VC_UNUSED, int fd, uint32_t revents VC_UNUSED, void *arg)
{
    struct connection *connection = arg;
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(3 * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = connection->buffer + connection->used, .iov_len = REQUEST_MAX - connection->used};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n > 0)
        take_descriptors(connection, &msg);
    if (connection->request) {
        /* An answer is on its way (exec, fault) or a capture runs: only the client's leaving matters. */
        if (n <= 0 && connection->capture)
            client_left(connection);
        else if (n <= 0)
            sd_event_source_set_enabled(connection->source, SD_EVENT_OFF);
        return 0;
    }
    if (n <= 0 || connection->used + (size_t)n >= REQUEST_MAX) {
        client_left(connection);
        return 0;
    }
    connection->used += (size_t)n;
    if (connection->buffer[connection->used - 1] != '\n')
        return 0;
    connection->request = json_loadb(connection->buffer, connection->used, 0, NULL);
    if (!connection->request)
        connection->request = json_object();
    serve(connection);
    return 0;
}

static int on_connect(sd_event_source *source VC_UNUSED, int fd, uint32_t revents VC_UNUSED, void *arg)
{
    struct engine *engine = arg;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (client < 0)
        return 0;
    struct connection *connection = talloc_zero(engine, struct connection);
    connection->engine = engine;
    connection->fd = client;
    connection->buffer = talloc_size(connection, REQUEST_MAX);
    talloc_set_destructor(connection, connection_destroy);
    if (sd_event_add_io(engine->loop, &connection->source, client, EPOLLIN, on_readable, connection) < 0)
        talloc_free(connection);
    return 0;
}

int engine_control_start(struct engine *engine, vc_error **err)
{
    int r = sd_event_add_io(engine->loop, NULL, engine->config->control, EPOLLIN, on_connect, engine);

    return r < 0 ? vc_fail(err, VC_EXIT_FAIL, -r, "listening for commands") : 0;
}
