#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "net/vici_private.h"

enum { CALL_MS = 10000 };

struct vc_vici {
    int fd;
    bool broken; /* after an error the two ends no longer agree on what comes next */
    vc_vici_event_fn *fn;
    void *arg;
    size_t have;
    uint8_t *in; /* talloc */
};

static int destroy(struct vc_vici *vici)
{
    close(vici->fd);
    return 0;
}

struct vc_vici *vc_vici_new(void *ctx, int fd)
{
    struct vc_vici *vici = talloc_zero(ctx, struct vc_vici);

    vici->fd = fd;
    vici->in = talloc_array(vici, uint8_t, 4096);
    talloc_set_destructor(vici, destroy);
    return vici;
}

void vc_vici_on_event(struct vc_vici *vici, vc_vici_event_fn *fn, void *arg)
{
    vici->fn = fn;
    vici->arg = arg;
}

int vc_vici_fd(const struct vc_vici *vici)
{
    return vici->fd;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / VC_NS_PER_MS;
}

static int broken(struct vc_vici *vici, int errnum, const char *what, vc_error **err)
{
    vici->broken = true;
    return vc_fail(err, VC_EXIT_FAIL, errnum, "charon's vici socket: %s", what);
}

/* 1 when the socket is ready, 0 when the deadline has passed, -1 on error. */
static int await(struct vc_vici *vici, short what, int64_t deadline_ms, vc_error **err)
{
    for (;;) {
        int64_t left = deadline_ms - now_ms();
        struct pollfd p = {.fd = vici->fd, .events = what};
        int ready = poll(&p, 1, left > 0 ? (int)left : 0);
        if (ready >= 0)
            return ready;
        if (errno != EINTR)
            return broken(vici, errno, "poll", err);
    }
}

static int send_all(struct vc_vici *vici, const uint8_t *data, size_t size, int64_t deadline_ms, vc_error **err)
{
    while (size) {
        ssize_t sent = send(vici->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return broken(vici, errno, "send", err);
        if (sent < 0) {
            int ready = await(vici, POLLOUT, deadline_ms, err);
            if (ready <= 0)
                return ready < 0 ? -1 : broken(vici, ETIMEDOUT, "send", err);
            continue;
        }
        data += sent;
        size -= (size_t)sent;
    }
    return 0;
}

/* The length of the first packet, 0 while its header is incomplete. */
static size_t first_length(const struct vc_vici *vici)
{
    uint32_t length;

    if (vici->have < sizeof length)
        return 0;
    memcpy(&length, vici->in, sizeof length);
    return sizeof length + ntohl(length);
}

/* 1: *packet is filled, 0: the first packet is not complete yet. */
static int next_buffered(struct vc_vici *vici, struct vc_vici_packet *packet, vc_error **err)
{
    size_t length = first_length(vici);

    if (length > sizeof(uint32_t) + VC_VICI_PACKET_MAX)
        return broken(vici, EMSGSIZE, "a packet's length", err);
    if (!length || vici->have < length)
        return 0;
    int status = vc_vici_decode(vici->in + sizeof(uint32_t), length - sizeof(uint32_t), packet, err);
    vici->have -= length;
    memmove(vici->in, vici->in + length, vici->have);
    if (status < 0)
        vici->broken = true;
    return status < 0 ? -1 : 1;
}

/* 1: something was read, 0: nothing there now. */
static int read_some(struct vc_vici *vici, vc_error **err)
{
    size_t wanted = first_length(vici), size = talloc_get_size(vici->in);

    if (wanted > size || vici->have == size) {
        size = wanted > 2 * size ? wanted : 2 * size;
        vici->in = talloc_realloc(vici, vici->in, uint8_t, size);
    }
    ssize_t got = recv(vici->fd, vici->in + vici->have, size - vici->have, MSG_DONTWAIT);
    if (got == 0)
        return broken(vici, 0, vici->have ? "closed in the middle of a packet" : "closed by the daemon", err);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : broken(vici, errno, "receive", err);
    vici->have += (size_t)got;
    return 1;
}

/* 1: *packet is filled (its message is the caller's), 0: the deadline passed. deadline_ms 0 does not wait. */
static int receive(struct vc_vici *vici, int64_t deadline_ms, struct vc_vici_packet *packet, vc_error **err)
{
    for (;;) {
        int status = next_buffered(vici, packet, err);
        if (status)
            return status;
        status = read_some(vici, err);
        if (status < 0)
            return -1;
        if (status > 0)
            continue;
        status = deadline_ms ? await(vici, POLLIN, deadline_ms, err) : 0;
        if (status <= 0)
            return status;
    }
}

/*
 * Sends a packet and waits for one of type `expected`. Events named `stream` are appended to `items`, others go to the
 * owner. *reply gets the reply's message (may be NULL for types without one).
 */
struct exchange {
    enum vc_vici_type type;
    const char *name;
    const json_t *request;
    enum vc_vici_type expected;
    const char *stream;
    json_t *items;
};

static int wait_reply(struct vc_vici *vici, const struct exchange *x, int64_t deadline, json_t **reply, vc_error **err)
{
    for (;;) {
        struct vc_vici_packet packet = {0};
        int status = receive(vici, deadline, &packet, err);
        if (status < 0)
            return -1;
        if (!status)
            return broken(vici, 0, "no answer for 10 s", err);
        VC_AUTO_JSON *message = packet.message;
        if (packet.type == VC_VICI_EVENT && x->stream && !strcmp(packet.name, x->stream)) {
            json_array_append(x->items, message);
        } else if (packet.type == VC_VICI_EVENT) {
            if (vici->fn)
                vici->fn(vici->arg, packet.name, message);
        } else if (packet.type == x->expected) {
            *reply = VC_STEAL_PTR(message);
            return 0;
        } else if (packet.type == VC_VICI_CMD_UNKNOWN || packet.type == VC_VICI_EVENT_UNKNOWN) {
            return vc_fail(err, VC_EXIT_FAIL, 0, "charon does not know it");
        } else {
            return broken(vici, EPROTO, "an answer of another type", err);
        }
    }
}

static int exchange(struct vc_vici *vici, const struct exchange *x, json_t **reply, vc_error **err)
{
    int64_t deadline = now_ms() + CALL_MS;
    size_t size = 0;

    if (vici->broken)
        return vc_fail(err, VC_EXIT_FAIL, 0, "vici %s: the connection failed before", x->name);
    VC_AUTO_TALLOC uint8_t *data = vc_vici_encode(NULL, x->type, x->name, x->request, &size, err);
    if (!data || send_all(vici, data, size, deadline, err) < 0 || wait_reply(vici, x, deadline, reply, err) < 0)
        return vc_wrap(err, "vici %s", x->name);
    return 0;
}

static int set_registered(struct vc_vici *vici, enum vc_vici_type type, const char *event, vc_error **err)
{
    VC_AUTO_JSON *nothing = NULL;

    return exchange(vici, &(struct exchange){.type = type, .name = event, .expected = VC_VICI_EVENT_CONFIRM}, &nothing,
                    err);
}

int vc_vici_register(struct vc_vici *vici, const char *event, vc_error **err)
{
    return set_registered(vici, VC_VICI_EVENT_REGISTER, event, err);
}

/* charon says what failed in the reply itself. */
static int check_success(const char *command, const json_t *reply, vc_error **err)
{
    const char *success = json_string_value(json_object_get(reply, "success"));
    const char *reason = json_string_value(json_object_get(reply, "errmsg"));

    if (!success || strcmp(success, "no") != 0)
        return 0;
    return vc_fail(err, VC_EXIT_FAIL, 0, "vici %s: %s", command, reason ? reason : "failed without a reason");
}

json_t *vc_vici_call(struct vc_vici *vici, const char *command, const json_t *request, const char *stream_event,
                     vc_error **err)
{
    VC_AUTO_JSON *items = stream_event ? json_array() : NULL;
    VC_AUTO_JSON *reply = NULL;
    struct exchange x = {VC_VICI_CMD_REQUEST, command, request, VC_VICI_CMD_RESPONSE, stream_event, items};

    if (stream_event && vc_vici_register(vici, stream_event, err) < 0)
        return NULL;
    int status = exchange(vici, &x, &reply, err);
    /* Also after an unknown command, so that the connection stays usable. */
    if (stream_event && !vici->broken &&
        set_registered(vici, VC_VICI_EVENT_UNREGISTER, stream_event, status ? NULL : err) < 0)
        status = -1;
    if (status < 0 || check_success(command, reply, err) < 0)
        return NULL;
    return items ? json_pack("{s:O}", "items", items) : VC_STEAL_PTR(reply);
}

int vc_vici_dispatch(struct vc_vici *vici, vc_error **err)
{
    struct vc_vici_packet packet = {0};
    int status;

    while ((status = receive(vici, 0, &packet, err)) > 0) {
        VC_AUTO_JSON *message = packet.message;
        if (packet.type == VC_VICI_EVENT && vici->fn)
            vici->fn(vici->arg, packet.name, message);
    }
    return status;
}

/* ---- loading a configuration ---- */

static const struct {
    const char *prefix, *type;
} secret_types[] = {{"ike", "IKE"}, {"eap", "EAP"}, {"xauth", "XAUTH"}, {"ntlm", "NTLM"}, {"ppk", "PPK"}};

static const char *secret_type(const char *section)
{
    for (size_t i = 0; i < VC_COUNT(secret_types); i++) {
        if (!strncmp(section, secret_types[i].prefix, strlen(secret_types[i].prefix)))
            return secret_types[i].type;
    }
    return NULL;
}

static int load_secret(struct vc_vici *vici, const char *name, json_t *section, vc_error **err)
{
    const char *type = secret_type(name), *key;
    json_t *secret = json_object_get(section, "secret"), *value;
    VC_AUTO_JSON *owners = json_array();

    if (!type || !json_is_string(secret))
        return vc_fail(err, VC_EXIT_USAGE, 0, "secrets.%s: %s", name,
                       type ? "has no secret" : "only ike, eap, xauth, ntlm and ppk secrets can be loaded");
    if (!strncmp(json_string_value(secret), "0x", 2) || !strncmp(json_string_value(secret), "0s", 2))
        return vc_fail(err, VC_EXIT_USAGE, 0, "secrets.%s: an encoded secret (0x…, 0s…): write it as text", name);
    json_object_foreach(section, key, value)
    {
        if (!strncmp(key, "id", 2))
            json_array_append(owners, value);
    }
    VC_AUTO_JSON *request =
        json_pack("{s:s, s:s, s:O, s:O}", "id", name, "type", type, "data", secret, "owners", owners);
    VC_AUTO_JSON *reply = vc_vici_call(vici, "load-shared", request, NULL, err);
    return reply ? 0 : vc_wrap(err, "secrets.%s", name);
}

static int load_connection(struct vc_vici *vici, const char *name, json_t *section, vc_error **err)
{
    VC_AUTO_JSON *request = json_pack("{s:O}", name, section);
    VC_AUTO_JSON *reply = vc_vici_call(vici, "load-conn", request, NULL, err);

    return reply ? 0 : vc_wrap(err, "connections.%s", name);
}

int vc_vici_load(struct vc_vici *vici, const char *swanctl_conf, vc_error **err)
{
    VC_AUTO_JSON *config = vc_swanctl_parse(swanctl_conf, err);
    const char *name;
    json_t *section;

    if (!config)
        return -1;
    /* Secrets first: a connection may start, and authenticate, as soon as it is loaded. */
    json_object_foreach(json_object_get(config, "secrets"), name, section)
    {
        if (load_secret(vici, name, section, err) < 0)
            return -1;
    }
    json_object_foreach(json_object_get(config, "connections"), name, section)
    {
        if (load_connection(vici, name, section, err) < 0)
            return -1;
    }
    return 0;
}
