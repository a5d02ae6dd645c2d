/* What the kernel keeps of a qdisc is what it was told. tbf is in most kernels; netem is tried where it is there. */
#include <errno.h>
#include <string.h>

#include "live.h"
#include "net/netns.h"
#include "net/qdisc.h"

TestSuite(qdisc_live, .timeout = 30);

struct fixture {
    void *ctx;
    int netns;
    struct vc_rtnl *rtnl;
};

static struct fixture fixture_make(void)
{
    VC_AUTO_ERROR *err = NULL;
    struct fixture f = {.ctx = talloc_new(NULL)};

    OK(f.netns = vc_netns_new(&err), err);
    GOT(f.rtnl = vc_rtnl_open(f.ctx, f.netns, &err), err);
    return f;
}

static void fixture_end(struct fixture *f)
{
    talloc_free(f->ctx);
    close(f->netns);
}

/* Sets and reads back. False when the kernel has no such qdisc. */
static bool set(struct fixture *f, const struct vc_wire *wire, bool neutral)
{
    struct vc_qdisc wanted = vc_qdisc_of(wire, 42, neutral), got;
    VC_AUTO_ERROR *err = NULL;

    vc_qdisc_set(f->rtnl, "lo", &wanted);
    if (vc_rtnl_commit(f->rtnl, &err)) {
        cr_assert_eq(err->errnum, ENOENT, "%s", err->message);
        return false;
    }
    OK(vc_qdisc_read(f->rtnl, "lo", &got, &err), err);
    cr_assert(vc_qdisc_same(&got, &wanted));
    return true;
}

Test(qdisc_live, tbf_is_set_changed_and_deleted)
{
    NEED_ROOT();
    VC_AUTO_ERROR *err = NULL;
    struct fixture f = fixture_make();
    const struct vc_wire rates[] = {{.rate_mbit = 250}, {.rate_mbit = 10}, {.rate_mbit = 1, .limit = 40}};
    const struct vc_qdisc none = {.kind = VC_QDISC_NONE};
    struct vc_qdisc got;

    if (!set(&f, &rates[0], false))
        cr_skip("this kernel has no tbf");
    for (size_t i = 1; i < VC_COUNT(rates); i++)
        cr_assert(set(&f, &rates[i], false));
    vc_qdisc_set(f.rtnl, "lo", &none);
    OK(vc_rtnl_commit(f.rtnl, &err), err);
    OK(vc_qdisc_read(f.rtnl, "lo", &got, &err), err);
    cr_assert_eq(got.kind, VC_QDISC_NONE);
    vc_qdisc_set(f.rtnl, "lo", &none);
    cr_assert_eq(vc_rtnl_commit(f.rtnl, &err), -1, "there is none to delete");
    cr_assert_eq(err->errnum, ENOENT);
    fixture_end(&f);
}

Test(qdisc_live, netem_is_set_changed_and_made_neutral)
{
    NEED_ROOT();
    struct fixture f = fixture_make();
    const struct vc_wire wires[] = {
        {.delay_us = 80000, .jitter_us = 30000, .loss_ppm = 10000, .rate_mbit = 250},
        {.loss_ppm = 200000, .burst = 4},
        {.delay_us = 10000, .reorder_ppm = 250000, .duplicate_ppm = 1, .corrupt_ppm = 300000, .limit = 77},
        {0},
    };

    if (!set(&f, &wires[0], false))
        cr_skip("this kernel has no netem");
    for (size_t i = 1; i < VC_COUNT(wires); i++)
        cr_assert(set(&f, &wires[i], true), "wire %zu", i);
    fixture_end(&f);
}

Test(qdisc_live, an_interface_that_is_not_there)
{
    NEED_ROOT();
    VC_AUTO_ERROR *err = NULL;
    struct fixture f = fixture_make();
    const struct vc_wire wire = {.rate_mbit = 1};
    const struct vc_qdisc qdisc = vc_qdisc_of(&wire, 1, false);
    struct vc_qdisc got;

    cr_assert_eq(vc_qdisc_read(f.rtnl, "eth7", &got, &err), -1);
    cr_assert_str_eq(err->message, "read the qdisc of eth7: no such interface");
    vc_error_free(VC_STEAL_PTR(err));
    vc_qdisc_set(f.rtnl, "eth7", &qdisc);
    cr_assert_eq(vc_rtnl_commit(f.rtnl, &err), -1);
    cr_assert_eq(strncmp(err->message, "tbf on eth7 (sch_tbf): No such device\n", 38), 0, "%s", err->message);
    fixture_end(&f);
}
