#include "net/qdisc.h"

#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>

#include "net/qdisc_private.h"
#include "net/rtnl_private.h"

enum {
    NETEM_PRNG_SEED = 14, /* TCA_NETEM_PRNG_SEED, newer (6.7) than the headers of many hosts */
    TBF_BURST_MS = 4,     /* a timer that is late by less loses no capacity */
    TBF_BURST_MIN = 3200, /* two packets with their headers */
    TBF_PACKET = 1600,    /* more in one buffer is several packets that are yet to be cut */
    /* Each kind has a handle of its own, for the kernel refuses to change the kind behind a handle. */
    TBF_HANDLE = 1 << 16,
    NETEM_HANDLE = 2 << 16,
    /* Makes netem keep the order of packets under jitter, as queues on a real path do: it does so only with a rate. */
    ORDERING_MBIT = 100000,
};

static uint64_t bytes_per_s(uint64_t mbit)
{
    return mbit * 125000;
}

static uint32_t share(double of_one)
{
    return of_one >= 1 ? UINT32_MAX : (uint32_t)(of_one * UINT32_MAX + 0.5);
}

static uint32_t ppm(uint32_t value)
{
    return share((double)value / 1e6);
}

static struct vc_qdisc tbf_of(const struct vc_wire *wire)
{
    uint64_t rate = bytes_per_s(wire->rate_mbit), burst = rate * TBF_BURST_MS / 1000;

    return (struct vc_qdisc){.kind = VC_QDISC_TBF,
                             .rate = rate,
                             .burst = burst < TBF_BURST_MIN ? TBF_BURST_MIN : (uint32_t)burst,
                             .limit = vc_wire_limit(wire)};
}

struct vc_qdisc vc_qdisc_of(const struct vc_wire *wire, uint64_t seed, bool neutral)
{
    struct vc_qdisc netem = {
        .kind = VC_QDISC_NETEM,
        .latency_ns = wire->delay_us * VC_NS_PER_US,
        .jitter_ns = wire->jitter_us * VC_NS_PER_US,
        .limit = vc_wire_limit(wire),
        .duplicate = ppm(wire->duplicate_ppm),
        .reorder = ppm(wire->reorder_ppm),
        .corrupt = ppm(wire->corrupt_ppm),
        .rate = bytes_per_s(wire->rate_mbit   ? wire->rate_mbit
                            : wire->jitter_us ? ORDERING_MBIT
                                              : 0),
        .seed = seed,
    };
    double loss = (double)wire->loss_ppm / 1e6;

    if (!neutral && !vc_wire_needs_netem(wire) && !wire->limit && !wire->rate_mbit)
        return (struct vc_qdisc){.kind = VC_QDISC_NONE};
    if (!neutral && !vc_wire_needs_netem(wire) && wire->rate_mbit)
        return tbf_of(wire);
    if (wire->burst && wire->loss_ppm && loss < 1) {
        /* A stay in "bad" lasts 1/r packets and one in "good" 1/p, so the share lost is p / (p + r). */
        double r = 1.0 / wire->burst;
        netem.bursts.r = share(r);
        netem.bursts.p = share(r * loss / (1 - loss));
    } else {
        netem.loss = share(loss);
    }
    return netem;
}

bool vc_qdisc_same(const struct vc_qdisc *a, const struct vc_qdisc *b)
{
    return a->kind == b->kind && a->latency_ns == b->latency_ns && a->jitter_ns == b->jitter_ns &&
           a->limit == b->limit && a->loss == b->loss && a->duplicate == b->duplicate && a->reorder == b->reorder &&
           a->corrupt == b->corrupt && a->bursts.p == b->bursts.p && a->bursts.r == b->bursts.r && a->rate == b->rate &&
           (a->seed == b->seed || !a->seed || !b->seed);
}

/* ---- messages ---- */

static void must(int status)
{
    if (status < 0)
        abort(); /* out of memory, or a message larger than a page */
}

static const char *const kind_names[] = {[VC_QDISC_NETEM] = "netem", [VC_QDISC_TBF] = "tbf"};

static void put_netem(struct nl_msg *msg, const struct vc_qdisc *q)
{
    const struct tc_netem_qopt options = {
        .limit = q->limit, .loss = q->loss, .duplicate = q->duplicate, .gap = q->reorder != 0};
    /* A change leaves as it is what it does not mention: everything is told, be it zero. */
    const struct tc_netem_reorder reorder = {.probability = q->reorder};
    const struct tc_netem_corrupt corrupt = {.probability = q->corrupt};
    const struct tc_netem_rate rate = {.rate = q->rate >= UINT32_MAX ? UINT32_MAX : (uint32_t)q->rate};

    must(nlmsg_append(msg, (void *)(uintptr_t)&options, sizeof options, NLMSG_ALIGNTO));
    must(nla_put_u64(msg, TCA_NETEM_LATENCY64, (uint64_t)q->latency_ns));
    must(nla_put_u64(msg, TCA_NETEM_JITTER64, (uint64_t)q->jitter_ns));
    must(nla_put(msg, TCA_NETEM_REORDER, sizeof reorder, &reorder));
    must(nla_put(msg, TCA_NETEM_CORRUPT, sizeof corrupt, &corrupt));
    must(nla_put(msg, TCA_NETEM_RATE, sizeof rate, &rate));
    if (q->rate >= UINT32_MAX)
        must(nla_put_u64(msg, TCA_NETEM_RATE64, q->rate));
    must(nla_put_u64(msg, NETEM_PRNG_SEED, q->seed));
    if (q->bursts.r) {
        const struct tc_netem_gemodel model = {.p = q->bursts.p, .r = q->bursts.r}; /* h, k1: 0 */
        struct nlattr *loss = nla_nest_start(msg, TCA_NETEM_LOSS);
        must(loss ? nla_put(msg, NETEM_LOSS_GE, sizeof model, &model) : -1);
        nla_nest_end(msg, loss);
    }
}

/*
 * The peak rate is no limit, its bucket of one packet is the point: tbf then cuts what offloading put together, so that
 * the queue holds packets as a router's does, and a small one has no better chance of finding room than a large one.
 */
static void put_tbf(struct nl_msg *msg, const struct vc_qdisc *q)
{
    const struct tc_tbf_qopt options = {.rate = {.rate = (uint32_t)q->rate, .linklayer = TC_LINKLAYER_ETHERNET},
                                        .peakrate = {.rate = UINT32_MAX, .linklayer = TC_LINKLAYER_ETHERNET},
                                        .limit = q->limit};

    must(nla_put(msg, TCA_TBF_PARMS, sizeof options, &options));
    must(nla_put_u32(msg, TCA_TBF_BURST, q->burst));
    must(nla_put_u32(msg, TCA_TBF_PBURST, TBF_PACKET));
}

/* tbf's queue: counts packets where its own would count bytes. */
static void queue_pfifo(struct vc_rtnl *rtnl, const char *ifname, uint32_t limit)
{
    const struct tcmsg header = {.tcm_family = AF_UNSPEC, .tcm_parent = TBF_HANDLE | 1};
    const struct tc_fifo_qopt options = {.limit = limit};
    struct vc_rtnl_request *request =
        vc_rtnl_queue(rtnl, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header, "pfifo on %s", ifname);

    vc_rtnl_needs_index(request, ifname, offsetof(struct tcmsg, tcm_ifindex));
    must(nla_put_string(request->msg, TCA_KIND, "pfifo"));
    must(nla_put(request->msg, TCA_OPTIONS, sizeof options, &options));
}

void vc_qdisc_put(struct nl_msg *msg, const struct vc_qdisc *qdisc)
{
    must(nla_put_string(msg, TCA_KIND, kind_names[qdisc->kind]));
    struct nlattr *options = nla_nest_start(msg, TCA_OPTIONS);
    if (!options)
        abort();
    (qdisc->kind == VC_QDISC_NETEM ? put_netem : put_tbf)(msg, qdisc);
    nla_nest_end(msg, options);
}

void vc_qdisc_set(struct vc_rtnl *rtnl, const char *ifname, const struct vc_qdisc *qdisc)
{
    static const uint32_t handles[] = {[VC_QDISC_NETEM] = NETEM_HANDLE, [VC_QDISC_TBF] = TBF_HANDLE};
    const struct tcmsg header = {.tcm_family = AF_UNSPEC, .tcm_parent = TC_H_ROOT, .tcm_handle = handles[qdisc->kind]};
    bool gone = qdisc->kind == VC_QDISC_NONE;
    struct vc_rtnl_request *request =
        gone ? vc_rtnl_queue(rtnl, RTM_DELQDISC, 0, &header, sizeof header, "remove the qdisc of %s", ifname)
             : vc_rtnl_queue(rtnl, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header,
                             "%s on %s (sch_%s)", kind_names[qdisc->kind], ifname, kind_names[qdisc->kind]);

    vc_rtnl_needs_index(request, ifname, offsetof(struct tcmsg, tcm_ifindex));
    if (!gone)
        vc_qdisc_put(request->msg, qdisc);
    if (qdisc->kind == VC_QDISC_TBF)
        queue_pfifo(rtnl, ifname, qdisc->limit);
}

/* ---- reading ---- */

/* The attribute's payload, copied as far as it goes: structs of the kernel grow. */
static bool get(struct nlattr *const attributes[], int type, void *to, size_t size)
{
    if (!attributes[type])
        return false;
    size_t length = (size_t)nla_len(attributes[type]);
    memset(to, 0, size);
    memcpy(to, nla_data(attributes[type]), length < size ? length : size);
    return true;
}

static bool parse_netem(struct nlattr *options, struct vc_qdisc *q)
{
    struct nlattr *attributes[NETEM_PRNG_SEED + 1] = {0}, *loss[NETEM_LOSS_MAX + 1] = {0};
    struct tc_netem_qopt fixed;
    struct tc_netem_reorder reorder = {0};
    struct tc_netem_corrupt corrupt = {0};
    struct tc_netem_rate rate = {0};
    struct tc_netem_gemodel model = {0};
    int left = nla_len(options) - (int)NLA_ALIGN(sizeof fixed);

    if (left < 0 ||
        nla_parse(attributes, NETEM_PRNG_SEED,
                  (struct nlattr *)(void *)((char *)nla_data(options) + NLA_ALIGN(sizeof fixed)), left, NULL) < 0)
        return false;
    memcpy(&fixed, nla_data(options), sizeof fixed);
    q->limit = fixed.limit;
    q->loss = fixed.loss;
    q->duplicate = fixed.duplicate;
    get(attributes, TCA_NETEM_LATENCY64, &q->latency_ns, sizeof q->latency_ns);
    get(attributes, TCA_NETEM_JITTER64, &q->jitter_ns, sizeof q->jitter_ns);
    get(attributes, TCA_NETEM_REORDER, &reorder, sizeof reorder);
    get(attributes, TCA_NETEM_CORRUPT, &corrupt, sizeof corrupt);
    get(attributes, TCA_NETEM_RATE, &rate, sizeof rate);
    get(attributes, NETEM_PRNG_SEED, &q->seed, sizeof q->seed);
    q->reorder = fixed.gap ? reorder.probability : 0;
    q->corrupt = corrupt.probability;
    if (!get(attributes, TCA_NETEM_RATE64, &q->rate, sizeof q->rate))
        q->rate = rate.rate;
    if (attributes[TCA_NETEM_LOSS] && nla_parse_nested(loss, NETEM_LOSS_MAX, attributes[TCA_NETEM_LOSS], NULL) == 0 &&
        get(loss, NETEM_LOSS_GE, &model, sizeof model)) {
        q->bursts.p = model.p;
        q->bursts.r = model.r;
    }
    return true;
}

static bool parse_tbf(struct nlattr *options, struct vc_qdisc *q)
{
    struct nlattr *attributes[TCA_TBF_MAX + 1] = {0};
    struct tc_tbf_qopt fixed = {0};

    if (nla_parse_nested(attributes, TCA_TBF_MAX, options, NULL) < 0 ||
        !get(attributes, TCA_TBF_PARMS, &fixed, sizeof fixed))
        return false;
    if (!get(attributes, TCA_TBF_RATE64, &q->rate, sizeof q->rate))
        q->rate = fixed.rate.rate;
    q->limit = fixed.limit;
    return true;
}

static void parse_counters(struct nlattr *stats, struct vc_qdisc *q)
{
    struct nlattr *attributes[TCA_STATS_MAX + 1] = {0};
    struct gnet_stats_basic basic = {0};
    struct gnet_stats_queue queue = {0};

    if (!stats || nla_parse_nested(attributes, TCA_STATS_MAX, stats, NULL) < 0)
        return;
    get(attributes, TCA_STATS_BASIC, &basic, sizeof basic);
    get(attributes, TCA_STATS_QUEUE, &queue, sizeof queue);
    q->bytes = basic.bytes;
    q->packets = basic.packets;
    q->drops = queue.drops;
    q->backlog_packets = queue.qlen;
}

bool vc_qdisc_parse(struct nlmsghdr *header, struct vc_qdisc *qdisc)
{
    struct nlattr *attributes[TCA_MAX + 1] = {0};

    *qdisc = (struct vc_qdisc){.kind = VC_QDISC_OTHER};
    if (header->nlmsg_type != RTM_NEWQDISC ||
        nlmsg_parse(header, sizeof(struct tcmsg), attributes, TCA_MAX, NULL) < 0 || !attributes[TCA_KIND])
        return false;
    parse_counters(attributes[TCA_STATS2], qdisc);
    for (enum vc_qdisc_kind kind = VC_QDISC_NETEM; kind <= VC_QDISC_TBF; kind++)
        if (!strcmp(nla_get_string(attributes[TCA_KIND]), kind_names[kind]))
            qdisc->kind = kind;
    if (qdisc->kind == VC_QDISC_OTHER)
        return true;
    return attributes[TCA_OPTIONS] &&
           (qdisc->kind == VC_QDISC_NETEM ? parse_netem : parse_tbf)(attributes[TCA_OPTIONS], qdisc);
}

struct search {
    int ifindex;
    struct vc_qdisc *found;
    bool bad;
};

static int on_qdisc(struct nl_msg *msg, void *arg)
{
    struct search *search = arg;
    const struct tcmsg *header = nlmsg_data(nlmsg_hdr(msg));

    /* The kernel's default has handle 0: it is nobody's setting. */
    if (header->tcm_ifindex == search->ifindex && header->tcm_parent == TC_H_ROOT && header->tcm_handle)
        search->bad |= !vc_qdisc_parse(nlmsg_hdr(msg), search->found);
    return NL_OK;
}

int vc_qdisc_read(struct vc_rtnl *rtnl, const char *ifname, struct vc_qdisc *qdisc, vc_error **err)
{
    struct search search = {.ifindex = vc_rtnl_index(rtnl, ifname), .found = qdisc};
    const struct tcmsg header = {.tcm_family = AF_UNSPEC};
    struct nl_sock *sock = vc_rtnl_sock(rtnl);
    struct nl_cb *cb = nl_cb_clone(nl_socket_get_cb(sock));

    *qdisc = (struct vc_qdisc){.kind = VC_QDISC_NONE};
    if (!cb)
        abort();
    nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_qdisc, &search);
    int status = nl_send_simple(sock, RTM_GETQDISC, NLM_F_DUMP, (void *)(uintptr_t)&header, sizeof header);
    if (status >= 0)
        status = nl_recvmsgs(sock, cb);
    nl_cb_put(cb);
    if (!search.ifindex)
        return vc_fail(err, VC_EXIT_FAIL, 0, "read the qdisc of %s: no such interface", ifname);
    if (status < 0 || search.bad)
        return vc_fail(err, VC_EXIT_FAIL, 0, "read the qdisc of %s: %s", ifname,
                       status < 0 ? nl_geterror(status) : "the kernel's answer cannot be read");
    return 0;
}
