#include "activation/acceptance_private.h"

#include <string.h>

enum { CASES_MAX = 24 };

/* The first is the default, the second that of an order without GRE keepalives. */
static const struct acceptance_promise promises[] = {
    {"tuned", "35s", "35 s", "30s", .flow = ""},
    {"service", "185s", "185 s", "60s", .flow = ", interval: 1s, near: {change: {interval: 100ms, after: 2s}}"},
    {"keepalive", "45s", "45 s", "60s", .keepalives = true, .flow = ""},
    {"bfd", "1200ms", "1.2 s", "30s", .bfd = true, .flow = ""},
    {"only-bfd", "1200ms", "1.2 s", "30s", .bfd = true, .flow = ""},
};

const char *vc_acceptance_timers(size_t i)
{
    return i < VC_COUNT(promises) ? promises[i].timers : NULL;
}

const struct vc_allocated_tunnel *acceptance_tunnel(const struct making *m, size_t dc)
{
    return &m->order->allocation.tunnels[dc];
}

/* What is in the tunnel, as the Internet sees it: behind a NAT ESP is in UDP. */
const char *acceptance_drop(const struct making *m, size_t dc)
{
    return talloc_asprintf(m->out, "kind: drop, select: %s, link: inet-%s",
                           acceptance_tunnel(m, dc)->cpe->nat.s_addr ? "udp/4500" : "esp",
                           acceptance_tunnel(m, dc)->name);
}

static bool one_cpe(const struct making *m)
{
    return m->order->form->cpe_count == 1;
}

/* ---- what scenarios share ---- */

char *acceptance_start(const struct making *m, const struct vc_acceptance_case *c, const char *more, const char *flow)
{
    char *text = talloc_asprintf(m->out, "scenario: %s\ndescription: >\n  %s. %s.\ntopology: %s\ntimers: %s\n%s",
                                 c->scenario, c->title, c->promise, m->topology, m->out->timers, more);

    ADD(text, "flows:\n");
    for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
        ADD(text, "  voice-%s: {from: phone, to: %s-srv%s}\n", acceptance_tunnel(m, dc)->name,
            acceptance_tunnel(m, dc)->name, flow ? flow : m->promise->flow);
    ADD(text, "steps:\n  - expect:\n      - converged: {within: 90s}\n");
    for (size_t dc = 0; dc < VC_FORM_DCS && m->promise->bfd; dc++)
        ADD(text, "      - bfd: {tunnel: %s, state: up, within: 90s}\n", acceptance_tunnel(m, dc)->name);
    return text;
}

static char *add_fault(char *text, const char *fault)
{
    return ADD(text, "  - hold: 2s\n  - fault: {name: fault, %s}\n  - expect:\n", fault);
}

char *acceptance_moved(char *text, const struct making *m, size_t dc)
{
    const char *lost = acceptance_tunnel(m, dc)->name, *left = acceptance_tunnel(m, !dc)->name,
               *within = m->promise->within;

    ADD(text, "      - path: {flow: voice-%s, via: [%s, wan], within: %s}\n", lost, left, within);
    ADD(text, "      - path: {flow: voice-%s, via: [%s], within: %s}\n", left, left, within);
    ADD(text, "      - outage: {flow: voice-%s, at_most: %s}\n", lost, within);
    return ADD(text, "      - session: {tunnel: %s, state: up, within: %s}\n", left, within);
}

static char *add_none(char *text, const struct making *m, bool dc1, bool dc2)
{
    const bool gone[] = {dc1, dc2};

    for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
        if (gone[dc])
            ADD(text, "      - path: {flow: voice-%s, via: none, within: 2s}\n", acceptance_tunnel(m, dc)->name);
    return text;
}

static char *add_unhurt(char *text, const struct making *m, size_t dc)
{
    return ADD(text, "      - lost: {flow: voice-%s, at_most: 0}\n", acceptance_tunnel(m, dc)->name);
}

static char *add_heal(char *text, const struct making *m, const char *back)
{
    return ADD(text, "  - hold: 2s\n  - heal: fault\n  - expect:\n      - converged: {within: %s}\n",
               back ? back : m->promise->back);
}

static char *add_end(char *text)
{
    return ADD(text, "  - hold: 3s\n");
}

struct vc_acceptance_case *acceptance_case(const struct making *m, const char *name, const char *title,
                                           const char *promise)
{
    struct vc_acceptance_case *c = &m->out->cases[m->out->count++];

    *c = (struct vc_acceptance_case){.name = talloc_strdup(m->out, name),
                                     .title = talloc_strdup(m->out, title),
                                     .promise = talloc_strdup(m->out, promise),
                                     .scenario = talloc_asprintf(m->out, "%s-%s", m->order->form->name, name)};
    return c;
}

/* ---- the cases ---- */

static void make_baseline(const struct making *m)
{
    struct vc_acceptance_case *c = acceptance_case(
        m, "baseline", "Nothing fails",
        "Both tunnels are up, each carries the calls to its own data centre, in both directions; nothing is found "
        "wrong, nor anything that will hurt later");
    char *text = acceptance_start(m, c,
                                  one_cpe(m) ? "requirements: [R1, R2, R3, R37, R38, R39]\n"
                                             : "requirements: [R1, R2, R4, R37, R38, R39]\n",
                                  NULL);

    for (size_t dc = 0; dc < VC_FORM_DCS; dc++) {
        const struct vc_allocated_tunnel *t = acceptance_tunnel(m, dc);

        ADD(text,
            "      - sa: {tunnel: %s, state: up, within: 90s}\n"
            "      - session: {tunnel: %s, state: up, within: 90s}\n"
            "      - accepted: {node: %s, tunnel: %s, prefixes: [%s, %s], within: 90s}\n"
            "      - accepted: {node: %s-router, tunnel: %s, prefixes: [0.0.0.0/0], within: 90s}\n"
            "      - path: {flow: voice-%s, via: [%s], within: 90s}\n",
            t->name, t->name, t->cpe->name, t->name, vc_prefix_text(t->half).s,
            vc_prefix_text(m->order->allocation.service).s, t->name, t->name, t->name, t->name);
    }
    /* What does no harm yet may be one that does when keys are made anew (R25). */
    ADD(text, "      - diagnosis: {cause: healthy, within: 90s}\n");
    c->text = ADD(text, "  - hold: 10s\n");
}

static void make_tunnel(const struct making *m, size_t dc)
{
    const char *lost = acceptance_tunnel(m, dc)->name, *left = acceptance_tunnel(m, !dc)->name;
    struct vc_acceptance_case *c = acceptance_case(
        m, TEXT(m, "tunnel-%s", lost), TEXT(m, "The Internet drops what is in the tunnel to %s, without a sign", lost),
        TEXT(m, "Calls to %s go on by the tunnel to %s and Cisco's WAN after %s at most; calls to %s lose nothing",
             lost, left, m->promise->words, left));
    char *text = acceptance_start(m, c, "requirements: [R1, R39, R40]\n", NULL);

    text = add_fault(text, acceptance_drop(m, dc));
    text = acceptance_moved(text, m, dc);
    ADD(text, "      - session: {tunnel: %s, state: down, within: %s}\n", lost, m->promise->within);
    text = add_unhurt(text, m, !dc);
    text = add_heal(text, m, NULL);
    ADD(text, "      - outage: {flow: voice-%s, at_most: 1s}\n", lost);
    c->text = add_end(add_unhurt(text, m, !dc));
}

static void make_router(const struct making *m, size_t dc)
{
    const char *lost = acceptance_tunnel(m, dc)->name, *left = acceptance_tunnel(m, !dc)->name;
    struct vc_acceptance_case *c = acceptance_case(
        m, TEXT(m, "router-%s", lost), TEXT(m, "Cisco's router in %s loses its power", lost),
        TEXT(m, "What is in %s cannot be reached until it is back; calls to %s lose nothing", lost, left));
    char *text = acceptance_start(m, c, "requirements: [R1, R2, R39]\n", NULL);

    text = add_fault(text, TEXT(m, "kind: power-off, node: %s-router", lost));
    text = add_none(text, m, dc == 0, dc == 1);
    ADD(text, "      - session: {tunnel: %s, state: down, within: %s}\n", lost, m->promise->within);
    ADD(text, "      - session: {tunnel: %s, state: up, within: %s}\n", left, m->promise->within);
    text = add_unhurt(text, m, !dc);
    c->text = add_end(add_unhurt(add_heal(text, m, "60s"), m, !dc));
}

static void make_wan(const struct making *m)
{
    struct vc_acceptance_case *c = acceptance_case(m, "wan", "Cisco's WAN between the data centres is cut",
                                                   "Nobody notices: each tunnel carries its own data centre's calls");
    char *text = add_fault(acceptance_start(m, c, "requirements: [R1, R39]\n", NULL), "kind: wan-cut");

    for (size_t dc = 0; dc < VC_FORM_DCS; dc++) {
        ADD(text, "      - path: {flow: voice-%s, via: [%s], within: 1s}\n", acceptance_tunnel(m, dc)->name,
            acceptance_tunnel(m, dc)->name);
        text = add_unhurt(text, m, dc);
    }
    ADD(text, "  - hold: 10s\n");
    text = add_heal(text, m, NULL);
    c->text = add_end(add_unhurt(add_unhurt(text, m, 0), m, 1));
}

/* The only CPE is out of service: all is lost, and must come back by itself. */
static char *add_all_lost(char *text, const struct making *m, bool has_sessions)
{
    text = add_none(text, m, true, true);
    for (size_t dc = 0; dc < VC_FORM_DCS && has_sessions; dc++)
        ADD(text, "      - session: {tunnel: %s, state: down, within: %s}\n", acceptance_tunnel(m, dc)->name,
            m->promise->within);
    return add_heal(text, m, "90s");
}

static size_t dc_of(const struct making *m, const struct vc_form_cpe *cpe)
{
    return cpe->transport[0].addr.s_addr ? 0 : one_cpe(m) ? 0 : 1;
}

/* One CPE's Internet wire, or its power. */
static void make_cpe(const struct making *m, const struct vc_form_cpe *cpe, bool power)
{
    size_t dc = dc_of(m, cpe);
    const char *lost = acceptance_tunnel(m, dc)->name, *left = acceptance_tunnel(m, !dc)->name;
    const char *title = power ? TEXT(m, "%s loses its power", cpe->name)
                              : TEXT(m, "The Internet line of %s goes down at the CPE", cpe->name);
    const char *promise = one_cpe(m)
                              ? "With one CPE both tunnels are lost; everything comes back by itself when it is back"
                              : TEXT(m, "Calls to %s go on by the other CPE and the tunnel to %s after %s at most",
                                     lost, left, m->promise->words);
    struct vc_acceptance_case *c =
        acceptance_case(m, TEXT(m, "%s-%s", power ? "power" : "line", cpe->name), title, promise);
    char *text =
        acceptance_start(m, c, one_cpe(m) ? "requirements: [R1, R3]\n" : "requirements: [R1, R4, R40]\n", NULL);
    bool nat = cpe->nat.s_addr != 0;

    text = add_fault(
        text, power ? TEXT(m, "kind: power-off, node: %s", cpe->name)
                    : TEXT(m, "kind: link-down, link: %s-%s, end: %s", nat ? "nat" : "inet", cpe->name, cpe->name));
    if (one_cpe(m)) {
        c->text = add_end(add_all_lost(text, m, !power));
        return;
    }
    text = acceptance_moved(text, m, dc);
    ADD(text, "      - outage: {flow: voice-%s, at_most: 300ms}\n", left);
    c->text = add_end(add_heal(text, m, "60s"));
}

/* No scenario of its own: the sweep makes one of each element that the topology has. */
static void make_each(const struct making *m)
{
    struct vc_acceptance_case *c = acceptance_case(
        m, "each-failure",
        "Every wire, end of a wire, node and program fails by itself, and each kind of packet is lost",
        "What can still be reached is reached, by the way that an independent model of the order says, and all is as "
        "before when the failure is healed");

    c->scenario = NULL;
}

static const struct acceptance_promise *promise_of(const struct vc_order *order, const char *timers, vc_error **err)
{
    bool keepalives = strcmp(order->form->keepalives, "off") != 0;
    const struct acceptance_promise *promise = keepalives ? &promises[0] : &promises[1];

    for (size_t i = 0; timers && i < VC_COUNT(promises); i++)
        if (!strcmp(promises[i].timers, timers))
            promise = &promises[i];
    if (!promise->keepalives || keepalives)
        return promise;
    vc_fail(
        err, VC_EXIT_USAGE, 0,
        "order %s has GRE keepalives off, and timers %s notice a loss by nothing else; choose others with --timers, "
        "or keepalives: on in the form (R28)",
        order->number, promise->timers);
    return NULL;
}

struct vc_acceptance *vc_acceptance_make(void *ctx, const struct vc_order *order, const char *timers,
                                         const char *topology, vc_error **err)
{
    const struct acceptance_promise *promise = promise_of(order, timers, err);

    if (!promise)
        return NULL;
    struct vc_acceptance *out = talloc_zero(ctx, struct vc_acceptance);
    struct making m = {out, order, promise, topology};
    out->timers = promise->timers;
    out->recovery = promise->words;
    out->cases = talloc_zero_array(out, struct vc_acceptance_case, CASES_MAX);
    out->played = acceptance_played(&m);
    make_baseline(&m);
    for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
        make_tunnel(&m, dc);
    for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
        make_router(&m, dc);
    make_wan(&m);
    for (size_t i = 0; i < order->form->cpe_count; i++) {
        make_cpe(&m, &order->form->cpes[i], false);
        make_cpe(&m, &order->form->cpes[i], true);
    }
    make_each(&m);
    for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
        acceptance_sizes(&m, dc);
    acceptance_voice(&m, VC_FORM_DCS);
    for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
        acceptance_voice(&m, dc);
    return out;
}
