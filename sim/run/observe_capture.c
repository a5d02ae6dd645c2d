/* Captures: the run's own, with what it leaves out, and those that `vclab capture` asks for. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "probe/bulk.h"
#include "run/observe_private.h"

int observe_capture_open(struct point *point, vc_error **err)
{
    VC_AUTO_FREE char *name = NULL;

    if (point->capture || point->observe->config.captures < 0)
        return 0;
    if (asprintf(&name, "%s.pcapng", point->name) < 0)
        abort();
    int fd = openat(point->observe->config.captures, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "creating the capture of %s", point->name);
    point->capture =
        vc_pcapng_new(point->observe, fd, vc_tap_linktype(point->tap), point->name, point->description, err);
    return point->capture ? 0 : -1;
}

/* ESP; behind a NAT it shares IKE's port, and IKE begins with four zero bytes there. */
#define ESP "ip proto 50 or (udp port 4500 and udp[8:4] != 0)"
/* A call inside GRE, between the tiers of a data centre: UDP behind two IPv4 headers and GRE's four bytes. */
#define CALL_IN_GRE "ip proto 47 and ip[33] = 17 and ip[44:2] >= 20000 and ip[44:2] <= 20127"
/* Loads by their port at one end (VC_BULK_PORT), alone and inside GRE. */
#define LOAD "(udp or tcp) and portrange 5001-5016"
#define LOAD_IN_GRE                                                                                                    \
    "ip proto 47 and ((ip[44:2] >= 5001 and ip[44:2] <= 5016) or (ip[46:2] >= 5001 and ip[46:2] <= 5016))"
_Static_assert(VC_BULK_PORT == 5001 && VC_BULK_PORTS == 16, "the filters name the ports of loads");

/* Without a capture a tap need only see what it judges: at line rate the rest would cost more than carrying it. */
const char *observe_filter(const struct point *point)
{
    bool captures = point->observe->config.captures >= 0, path = point->flow_point >= 0;

    if (captures && !point->observe->control_only)
        return NULL;
    if (captures && path)
        return "not (" LOAD ")";
    if (captures && point->judge.underlay)
        return "not (" ESP ")";
    if (captures)
        return talloc_asprintf(point->observe,
                               "not (%s) and not (" CALL_IN_GRE ") and not (" LOAD ") and not (" LOAD_IN_GRE ")",
                               vc_flow_filter);
    if (point->judge.underlay)
        return "not (ip proto 50 or udp port 500 or udp port 4500 or arp)";
    return path ? talloc_asprintf(point->observe, "icmp or (%s)", vc_flow_filter) : "icmp";
}

int vc_observe_capture_control(struct vc_observe *observe, bool control_only, vc_error **err)
{
    observe->control_only = control_only;
    for (size_t i = 0; i < observe->point_count; i++) {
        struct point *point = &observe->points[i];
        if (point->tap && vc_tap_filter(point->tap, observe_filter(point), err))
            return vc_wrap(err, "observing %s", point->name);
    }
    return 0;
}

void observe_report_drops(struct point *point)
{
    uint64_t dropped = point->tap ? vc_tap_dropped(point->tap) : 0;

    if (dropped)
        vc_event(point->observe->config.events, VC_LAYER_LINK, NULL, "capture-drops", -1, "{s:s, s:I}", "link",
                 point->name, "dropped", (json_int_t)dropped);
}

void vc_observe_mark(struct vc_observe *observe, const char *text)
{
    for (size_t i = 0; i < observe->point_count; i++)
        if (observe->points[i].capture)
            vc_pcapng_comment(observe->points[i].capture, text);
}

static void on_extra_packet(void *arg, const struct vc_tap_packet *packet)
{
    struct point *point = arg;

    vc_pcapng_packet(point->extra.file, packet);
}

static int on_extra_readable(sd_event_source *source VC_UNUSED, int fd VC_UNUSED, uint32_t revents VC_UNUSED, void *arg)
{
    struct point *point = arg;

    vc_tap_drain(point->extra.tap);
    return 0;
}

void observe_extra_close(struct point *point)
{
    point->extra.source = sd_event_source_disable_unref(point->extra.source);
    TALLOC_FREE(point->extra.tap);
    TALLOC_FREE(point->extra.file);
}

static int open_extra(struct point *point, int fd, vc_error **err)
{
    struct vc_tap_config config = {.netns = point->observe->nodes[point->node].netns,
                                   .ifname = point->ifname,
                                   .fn = on_extra_packet,
                                   .arg = point};

    point->extra.tap = vc_tap_open(point->observe, &config, err);
    if (!point->extra.tap) {
        close(fd);
        return -1;
    }
    point->extra.file =
        vc_pcapng_new(point->observe, fd, vc_tap_linktype(point->extra.tap), point->name, point->description, err);
    int r = !point->extra.file ? -1
                               : sd_event_add_io(point->observe->config.loop, &point->extra.source,
                                                 vc_tap_fd(point->extra.tap), EPOLLIN, on_extra_readable, point);
    if (r < 0) {
        observe_extra_close(point);
        return err && *err ? -1 : vc_fail(err, VC_EXIT_FAIL, -r, "capturing %s", point->name);
    }
    return 0;
}

/* The point called `link`, or NULL with an error that lists them. */
static struct point *point_named(struct vc_observe *observe, const char *link, vc_error **err)
{
    VC_AUTO_TALLOC char *names = talloc_strdup(NULL, "");

    for (size_t i = 0; i < observe->point_count; i++) {
        if (!strcmp(observe->points[i].name, link))
            return &observe->points[i];
        names = talloc_asprintf_append(names, " %s", observe->points[i].name);
    }
    vc_fail(err, VC_EXIT_USAGE, 0, "no link %s; there are:%s", link, names);
    return NULL;
}

int vc_observe_capture(struct vc_observe *observe, const char *link, int fd, vc_error **err)
{
    VC_AUTO_FD owned = fd;
    struct point *point = point_named(observe, link, err);

    if (!point)
        return -1;
    if (!point->tap)
        return vc_fail(err, VC_EXIT_FAIL, 0, "%s is powered off at the end where it is observed", link);
    if (point->extra.tap)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s is being captured already", link);
    return open_extra(point, VC_STEAL_FD(owned), err);
}

int vc_observe_capture_stop(struct vc_observe *observe, const char *link, vc_error **err)
{
    struct point *point = point_named(observe, link, err);

    if (!point || !point->extra.tap)
        return point ? vc_fail(err, VC_EXIT_USAGE, 0, "%s is not being captured", link) : -1;
    vc_tap_drain(point->extra.tap);
    int failed = vc_pcapng_flush(point->extra.file, err);
    observe_extra_close(point);
    return failed;
}

int vc_observe_finish(struct vc_observe *observe, vc_error **err)
{
    int failed = 0;

    for (size_t i = 0; i < observe->point_count; i++) {
        struct point *point = &observe->points[i];
        if (point->tap)
            vc_tap_drain(point->tap);
        observe_report_drops(point);
        if (point->capture && vc_pcapng_flush(point->capture, err))
            failed = -1;
    }
    return failed;
}
