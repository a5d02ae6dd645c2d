/* Messages are built and read back without a kernel; what a kernel keeps of them is proved by every impair fault. */
#include <criterion/criterion.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "net/qdisc_private.h"

#define SHARE(of_one) ((uint32_t)((of_one)*UINT32_MAX + 0.5))

static struct nl_msg *message_for(const struct vc_qdisc *qdisc)
{
    const struct tcmsg header = {.tcm_parent = TC_H_ROOT};
    struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWQDISC, 0);

    cr_assert(msg && nlmsg_append(msg, (void *)(uintptr_t)&header, sizeof header, NLMSG_ALIGNTO) == 0);
    vc_qdisc_put(msg, qdisc);
    return msg;
}

static struct vc_qdisc through_a_message(const struct vc_qdisc *qdisc)
{
    struct nl_msg *msg = message_for(qdisc);
    struct vc_qdisc out;

    cr_assert(vc_qdisc_parse(nlmsg_hdr(msg), &out));
    nlmsg_free(msg);
    return out;
}

static const struct {
    struct vc_wire wire;
    enum vc_qdisc_kind kind;
} wires[] = {
    {{0}, VC_QDISC_NONE},
    {{.delay_us = 80000, .jitter_us = 30000, .loss_ppm = 10000}, VC_QDISC_NETEM},
    {{.delay_us = 1000, .rate_mbit = 250}, VC_QDISC_NETEM},
    {{.loss_ppm = 20000, .burst = 4}, VC_QDISC_NETEM},
    {{.loss_ppm = 1000000, .burst = 4}, VC_QDISC_NETEM},
    {{.corrupt_ppm = 1, .duplicate_ppm = 500000}, VC_QDISC_NETEM},
    {{.delay_us = 10000, .reorder_ppm = 250000, .limit = 77}, VC_QDISC_NETEM},
    {{.loss_ppm = 1, .rate_mbit = 100000}, VC_QDISC_NETEM},
    {{.limit = 50}, VC_QDISC_NETEM},
    {{.rate_mbit = 250}, VC_QDISC_TBF},
    {{.rate_mbit = 1, .limit = 10}, VC_QDISC_TBF},
};

Test(qdisc, what_is_written_is_read)
{
    for (size_t i = 0; i < VC_COUNT(wires); i++) {
        struct vc_qdisc wanted = vc_qdisc_of(&wires[i].wire, 0x1234567890abcdef, false), other = wanted;

        cr_assert_eq(wanted.kind, wires[i].kind, "wire %zu", i);
        if (wanted.kind == VC_QDISC_NONE)
            continue;
        struct vc_qdisc got = through_a_message(&wanted);
        cr_assert(vc_qdisc_same(&got, &wanted), "wire %zu", i);
        other.rate++;
        cr_assert_not(vc_qdisc_same(&got, &other), "wire %zu", i);
    }
}

Test(qdisc, a_perfect_wire_that_was_impaired_stays_a_netem)
{
    const struct vc_wire perfect = {0}, slow = {.rate_mbit = 10};
    struct vc_qdisc neutral = vc_qdisc_of(&perfect, 7, true), rate = vc_qdisc_of(&slow, 7, true);

    cr_assert_eq(neutral.kind, VC_QDISC_NETEM);
    cr_assert(!neutral.latency_ns && !neutral.loss && !neutral.rate && neutral.limit);
    cr_assert_eq(rate.kind, VC_QDISC_NETEM);
    cr_assert_eq(rate.rate, 1250000);
}

Test(qdisc, numbers)
{
    const struct vc_wire wire = {.delay_us = 80000, .jitter_us = 30000, .loss_ppm = 10000, .rate_mbit = 250};
    const struct vc_wire bursts = {.loss_ppm = 200000, .burst = 4}, jitter = {.delay_us = 2000, .jitter_us = 1000};
    const struct vc_wire tunnel = {.rate_mbit = 250}, trickle = {.rate_mbit = 1};
    struct vc_qdisc q = vc_qdisc_of(&wire, 1, false);

    cr_assert_eq(q.latency_ns, 80 * VC_NS_PER_MS);
    cr_assert_eq(q.jitter_ns, 30 * VC_NS_PER_MS);
    cr_assert_eq(q.loss, SHARE(0.01));
    cr_assert_eq(q.rate, 31250000);
    /* 80 + 30 ms under way and 100 ms that wait, of 250 Mbit/s in packets of 1000 bytes */
    cr_assert_eq(q.limit, 31250 * 21 / 100);

    /* 20 % in bursts of 4: bad lasts 4 packets, good 16 */
    q = vc_qdisc_of(&bursts, 1, false);
    cr_assert_eq(q.loss, 0);
    cr_assert_eq(q.bursts.r, SHARE(0.25));
    cr_assert_eq(q.bursts.p, SHARE(0.0625));

    /* netem keeps the order of packets only with a rate */
    q = vc_qdisc_of(&jitter, 1, false);
    cr_assert_gt(q.rate, 1000000000);

    q = vc_qdisc_of(&tunnel, 1, false);
    cr_assert_eq(q.rate, 31250000);
    cr_assert_eq(q.burst, 125000);
    cr_assert_eq(q.limit, 3125);

    q = vc_qdisc_of(&trickle, 1, false);
    cr_assert_geq(q.burst, 2 * 1514, "a bucket holds packets");
    cr_assert_eq(q.limit, 50);
}

Test(qdisc, a_seed_that_the_kernel_does_not_tell_is_no_difference)
{
    const struct vc_wire wire = {.loss_ppm = 10000};
    struct vc_qdisc a = vc_qdisc_of(&wire, 1, false), b = vc_qdisc_of(&wire, 2, false),
                    c = vc_qdisc_of(&wire, 0, false);

    cr_assert_not(vc_qdisc_same(&a, &b));
    cr_assert(vc_qdisc_same(&a, &c));
}

Test(qdisc, counters_are_read)
{
    const struct vc_wire wire = {.rate_mbit = 250};
    const struct vc_qdisc qdisc = vc_qdisc_of(&wire, 1, false);
    const struct gnet_stats_basic basic = {.bytes = 5000000000, .packets = 77};
    const struct gnet_stats_queue queue = {.qlen = 3, .drops = 9};
    struct nl_msg *msg = message_for(&qdisc);
    struct nlattr *stats = nla_nest_start(msg, TCA_STATS2);
    struct vc_qdisc got;

    nla_put(msg, TCA_STATS_BASIC, sizeof basic, &basic);
    nla_put(msg, TCA_STATS_QUEUE, sizeof queue, &queue);
    nla_nest_end(msg, stats);
    cr_assert(vc_qdisc_parse(nlmsg_hdr(msg), &got));
    cr_assert_eq(got.bytes, 5000000000);
    cr_assert_eq(got.packets, 77);
    cr_assert_eq(got.drops, 9);
    cr_assert_eq(got.backlog_packets, 3);
    nlmsg_free(msg);
}

/* Every message that ends early is refused or read as far as it goes, never beyond. */
Test(qdisc, cut_messages)
{
    for (size_t i = 1; i < VC_COUNT(wires); i++) {
        struct vc_qdisc wanted = vc_qdisc_of(&wires[i].wire, 1, false), got;
        struct nl_msg *msg = message_for(&wanted);
        uint32_t whole = nlmsg_hdr(msg)->nlmsg_len;

        for (uint32_t length = NLMSG_HDRLEN; length < whole; length++) {
            VC_AUTO_FREE struct nlmsghdr *cut = malloc(length);
            memcpy(cut, nlmsg_hdr(msg), length);
            cut->nlmsg_len = length;
            if (vc_qdisc_parse(cut, &got))
                cr_assert_not(vc_qdisc_same(&got, &wanted), "%u of %u bytes", length, whole);
        }
        nlmsg_free(msg);
    }
}

Test(qdisc, others_are_told_apart)
{
    const struct tcmsg header = {.tcm_parent = TC_H_ROOT};
    struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWQDISC, 0);
    struct vc_qdisc got;

    nlmsg_append(msg, (void *)(uintptr_t)&header, sizeof header, NLMSG_ALIGNTO);
    cr_assert_not(vc_qdisc_parse(nlmsg_hdr(msg), &got), "no kind");
    nla_put_string(msg, TCA_KIND, "fq_codel");
    cr_assert(vc_qdisc_parse(nlmsg_hdr(msg), &got));
    cr_assert_eq(got.kind, VC_QDISC_OTHER);
    nlmsg_hdr(msg)->nlmsg_type = RTM_NEWLINK;
    cr_assert_not(vc_qdisc_parse(nlmsg_hdr(msg), &got));
    nlmsg_free(msg);
}
