#include "activation/acceptance.h"

#include <string.h>

enum { SMALL_CALLS = 200, CALL_BYTES = 200, BIG_BYTES = 1400, CASES_MAX = 16 };

const char *const vc_acceptance_timers[] = {"tuned", "service", "keepalive", "bfd", "only-bfd", NULL};

/* What the timers promise: how long a loss that nobody is told of may last, and how soon all is as before. */
static const struct promise {
    const char *within, *words, *back;
    bool bfd;
    const char *flow; /* more of each flow: where minutes pass, a packet a second but for the ends of a gap */
} promises[] = {
    {"35s", "35 s", "30s", false, ""},
    {"185s", "185 s", "60s", false, ", interval: 1s, near: {change: {interval: 100ms, after: 2s}}"},
    {"45s", "45 s", "60s", false, ""},
    {"1200ms", "1.2 s", "30s", true, ""},
    {"1200ms", "1.2 s", "30s", true, ""},
};

struct making {
    struct vc_acceptance *out;
    const struct vc_order *order;
    const struct promise *promise;
    const char *topology;
};

#define ADD(text, ...) ((text) = talloc_asprintf_append_buffer(text, __VA_ARGS__))

static const struct vc_allocated_tunnel *tunnel(const struct making *m, size_t dc)
{
    return &m->order->allocation.tunnels[dc];
}

/* What is in the tunnel, as the Internet sees it: behind a NAT ESP is in UDP. */
static const char *drop(const struct making *m, size_t dc)
{
    return talloc_asprintf(m->out, "kind: drop, select: %s, link: inet-%s",
                           tunnel(m, dc)->cpe->nat.s_addr ? "udp/4500" : "esp", tunnel(m, dc)->name);
}

static bool one_cpe(const struct making *m)
{
    return m->order->form->cpe_count == 1;
}

/* ---- what scenarios share ---- */

static char *add_start(const struct making *m, const struct vc_acceptance_case *c, const char *more)
{
    char *text = talloc_asprintf(m->out, "scenario: %s\ndescription: >\n  %s. %s.\ntopology: %s\ntimers: %s\n%s",
                                 c->scenario, c->title, c->promise, m->topology, m->out->timers, more);

    ADD(text, "flows:\n");
    for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
        ADD(text, "  voice-%s: {from: phone, to: %s-srv%s}\n", tunnel(m, dc)->name, tunnel(m, dc)->name,
            m->promise->flow);
    ADD(text, "steps:\n  - expect:\n      - converged: {within: 90s}\n");
    for (size_t dc = 0; dc < VC_FORM_DCS && m->promise->bfd; dc++)
        ADD(text, "      - bfd: {tunnel: %s, state: up, within: 90s}\n", tunnel(m, dc)->name);
    return text;
}

static char *add_fault(char *text, const char *fault)
{
    return ADD(text, "  - hold: 2s\n  - fault: {name: fault, %s}\n  - expect:\n", fault);
}

/* Calls to `dc` go on by the other tunnel and Cisco's WAN. */
static char *add_moved(char *text, const struct making *m, size_t dc)
{
    const char *lost = tunnel(m, dc)->name, *left = tunnel(m, !dc)->name, *within = m->promise->within;

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
            ADD(text, "      - path: {flow: voice-%s, via: none, within: 2s}\n", tunnel(m, dc)->name);
    return text;
}

static char *add_unhurt(char *text, const struct making *m, size_t dc)
{
    return ADD(text, "      - lost: {flow: voice-%s, at_most: 0}\n", tunnel(m, dc)->name);
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

/* The next case, named and told; its text is still to come. */
static struct vc_acceptance_case *new_case(const struct making *m, const char *name, const char *title,
                                           const char *promise)
{
    struct vc_acceptance_case *c = &m->out->cases[m->out->count++];

    *c = (struct vc_acceptance_case){talloc_strdup(m->out, name), talloc_strdup(m->out, title),
                                     talloc_strdup(m->out, promise),
                                     talloc_asprintf(m->out, "%s-%s", m->order->form->name, name), NULL};
    return c;
}

#define TEXT(m, ...) talloc_asprintf((m)->out, __VA_ARGS__)

/* ---- the cases ---- */

static void make_baseline(const struct making *m)
{
    struct vc_acceptance_case *c =
        new_case(m, "baseline", "Nothing fails",
                 "Both tunnels are up, each carries the calls to its own data centre, in both directions");
    char *text = add_start(m, c,
                           one_cpe(m) ? "requirements: [R1, R2, R3, R37, R38, R39]\n"
                                      : "requirements: [R1, R2, R4, R37, R38, R39]\n");

    for (size_t dc = 0; dc < VC_FORM_DCS; dc++) {
        const struct vc_allocated_tunnel *t = tunnel(m, dc);

        ADD(text,
            "      - sa: {tunnel: %s, state: up, within: 90s}\n"
            "      - session: {tunnel: %s, state: up, within: 90s}\n"
            "      - accepted: {node: %s, tunnel: %s, prefixes: [%s, %s], within: 90s}\n"
            "      - accepted: {node: %s-router, tunnel: %s, prefixes: [0.0.0.0/0], within: 90s}\n"
            "      - path: {flow: voice-%s, via: [%s], within: 90s}\n",
            t->name, t->name, t->cpe->name, t->name, vc_prefix_text(t->half).s,
            vc_prefix_text(m->order->allocation.service).s, t->name, t->name, t->name, t->name);
    }
    c->text = ADD(text, "  - hold: 10s\n");
}

static void make_tunnel(const struct making *m, size_t dc)
{
    const char *lost = tunnel(m, dc)->name, *left = tunnel(m, !dc)->name;
    struct vc_acceptance_case *c = new_case(
        m, TEXT(m, "tunnel-%s", lost), TEXT(m, "The Internet drops what is in the tunnel to %s, without a sign", lost),
        TEXT(m, "Calls to %s go on by the tunnel to %s and Cisco's WAN after %s at most; calls to %s lose nothing",
             lost, left, m->promise->words, left));
    char *text = add_start(m, c, "requirements: [R1, R39, R40]\n");

    text = add_fault(text, drop(m, dc));
    text = add_moved(text, m, dc);
    ADD(text, "      - session: {tunnel: %s, state: down, within: %s}\n", lost, m->promise->within);
    text = add_unhurt(text, m, !dc);
    text = add_heal(text, m, NULL);
    ADD(text, "      - outage: {flow: voice-%s, at_most: 1s}\n", lost);
    c->text = add_end(add_unhurt(text, m, !dc));
}

static void make_router(const struct making *m, size_t dc)
{
    const char *lost = tunnel(m, dc)->name, *left = tunnel(m, !dc)->name;
    struct vc_acceptance_case *c =
        new_case(m, TEXT(m, "router-%s", lost), TEXT(m, "Cisco's router in %s loses its power", lost),
                 TEXT(m, "What is in %s cannot be reached until it is back; calls to %s lose nothing", lost, left));
    char *text = add_start(m, c, "requirements: [R1, R2, R39]\n");

    text = add_fault(text, TEXT(m, "kind: power-off, node: %s-router", lost));
    text = add_none(text, m, dc == 0, dc == 1);
    ADD(text, "      - session: {tunnel: %s, state: down, within: %s}\n", lost, m->promise->within);
    ADD(text, "      - session: {tunnel: %s, state: up, within: %s}\n", left, m->promise->within);
    text = add_unhurt(text, m, !dc);
    c->text = add_end(add_unhurt(add_heal(text, m, "60s"), m, !dc));
}

static void make_wan(const struct making *m)
{
    struct vc_acceptance_case *c = new_case(m, "wan", "Cisco's WAN between the data centres is cut",
                                            "Nobody notices: each tunnel carries its own data centre's calls");
    char *text = add_fault(add_start(m, c, "requirements: [R1, R39]\n"), "kind: wan-cut");

    for (size_t dc = 0; dc < VC_FORM_DCS; dc++) {
        ADD(text, "      - path: {flow: voice-%s, via: [%s], within: 1s}\n", tunnel(m, dc)->name, tunnel(m, dc)->name);
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
        ADD(text, "      - session: {tunnel: %s, state: down, within: %s}\n", tunnel(m, dc)->name, m->promise->within);
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
    const char *lost = tunnel(m, dc)->name, *left = tunnel(m, !dc)->name;
    const char *title = power ? TEXT(m, "%s loses its power", cpe->name)
                              : TEXT(m, "The Internet line of %s goes down at the CPE", cpe->name);
    const char *promise = one_cpe(m)
                              ? "With one CPE both tunnels are lost; everything comes back by itself when it is back"
                              : TEXT(m, "Calls to %s go on by the other CPE and the tunnel to %s after %s at most",
                                     lost, left, m->promise->words);
    struct vc_acceptance_case *c = new_case(m, TEXT(m, "%s-%s", power ? "power" : "line", cpe->name), title, promise);
    char *text = add_start(m, c, one_cpe(m) ? "requirements: [R1, R3]\n" : "requirements: [R1, R4, R40]\n");
    bool nat = cpe->nat.s_addr != 0;

    text = add_fault(
        text, power ? TEXT(m, "kind: power-off, node: %s", cpe->name)
                    : TEXT(m, "kind: link-down, link: %s-%s, end: %s", nat ? "nat" : "inet", cpe->name, cpe->name));
    if (one_cpe(m)) {
        c->text = add_end(add_all_lost(text, m, !power));
        return;
    }
    text = add_moved(text, m, dc);
    ADD(text, "      - outage: {flow: voice-%s, at_most: 300ms}\n", left);
    c->text = add_end(add_heal(text, m, "60s"));
}

static void make_sizes(const struct making *m)
{
    struct vc_acceptance_case *c =
        new_case(m, "packet-sizes", "Packets of every size",
                 "TCP offers 1350 bytes in both directions, 1400 bytes pass unfragmented, and 1401 do not");
    char *text = add_start(m, c, "plane: kernel\ncapture: control\nrequirements: [R42]\n");

    c->text =
        ADD(text, "      - seen: {at: site, select: syn, toward: phone, mss_at_least: 1350, mss_at_most: 1350}\n"
                  "      - seen: {at: svc-dc1, select: syn, toward: dc1-srv, mss_at_least: 1350, mss_at_most: 1350}\n"
                  "  - load: {name: fits, from: phone, to: dc2-srv, mbit: 1, bytes: 1400, burst: 1, for: 2s}\n"
                  "  - hold: 3s\n  - stop: fits\n"
                  "  - load: {name: too-large, from: phone, to: dc2-srv, mbit: 1, bytes: 1401, burst: 1, for: 2s}\n"
                  "  - hold: 3s\n  - stop: too-large\n"
                  "  - load: {name: tcp, from: phone, to: dc1-srv, protocol: tcp, for: 1s}\n"
                  "  - hold: 2s\n  - stop: tcp\n  - expect:\n      - converged: {within: 90s}\n"
                  "      - load: {name: fits, lost_at_most: 0}\n      - load: {name: too-large, lost_at_least: 100}\n"
                  "      - load: {name: tcp, mbit_at_least: 20}\n  - hold: 1s\n");
}

static char *add_loads(char *text, const struct making *m, const char *when, unsigned mbit, unsigned bytes)
{
    for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
        ADD(text, "  - load: {name: %s-%s, from: phone, to: %s-srv, mbit: %u, bytes: %u, for: 3s}\n",
            tunnel(m, dc)->name, when, tunnel(m, dc)->name, mbit, bytes);
    return text;
}

static char *add_loads_end(char *text, const struct making *m, const char *when, bool quality)
{
    for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
        ADD(text, "  - stop: %s-%s\n", tunnel(m, dc)->name, when);
    ADD(text, "  - expect:\n      - session: {tunnel: dc2, state: up, within: 90s}\n");
    for (size_t dc = 0; dc < VC_FORM_DCS; dc++) {
        ADD(text, "      - load: {name: %s-%s, lost_at_most: 0}\n", tunnel(m, dc)->name, when);
        if (quality)
            ADD(text, "      - quality: {flow: voice-%s, loss_at_most: 0, during: %s-%s}\n", tunnel(m, dc)->name,
                tunnel(m, dc)->name, when);
    }
    return text;
}

/* G.711 is 80 kbit/s in packets of 200 bytes. A guest's processor is not made for tens of thousands of them a second,
 * so that many calls are as many bits in larger packets. */
static void make_voice(const struct making *m)
{
    unsigned calls = m->order->form->calls, mbit = (calls * 4 + 99) / 100;
    unsigned bytes = calls <= SMALL_CALLS ? CALL_BYTES : BIG_BYTES;
    struct vc_acceptance_case *c = new_case(
        m, "voice", TEXT(m, "%u calls, half of them to each data centre; then the tunnel to dc1 is lost", calls),
        "Not a packet of the load is lost, with both tunnels and on the one that is left");
    char *text = add_start(m, c, "plane: kernel\ncapture: control\nrequirements: [R6, R39, R40]\n");

    ADD(text, "  - hold: 1s\n");
    text = add_loads(text, m, "both", mbit ? mbit : 1, bytes);
    ADD(text, "  - expect:\n      - converged: {within: 90s}\n  - hold: 4s\n");
    text = add_loads_end(text, m, "both", !*m->promise->flow);
    ADD(text, "  - fault: {name: fault, %s}\n  - expect:\n", drop(m, 0));
    text = add_moved(text, m, 0);
    ADD(text, "  - hold: 1s\n");
    text = add_loads(text, m, "one", mbit ? mbit : 1, bytes);
    ADD(text, "  - expect:\n      - session: {tunnel: dc2, state: up, within: 90s}\n  - hold: 4s\n");
    text = add_loads_end(text, m, "one", false);
    c->text = ADD(text, "  - hold: 1s\n");
}

struct vc_acceptance *vc_acceptance_make(void *ctx, const struct vc_order *order, const char *timers,
                                         const char *topology)
{
    struct vc_acceptance *out = talloc_zero(ctx, struct vc_acceptance);
    size_t profile = !timers && !strcmp(order->form->keepalives, "off");

    while (timers && strcmp(vc_acceptance_timers[profile], timers) != 0)
        profile++;
    out->timers = vc_acceptance_timers[profile];
    out->cases = talloc_zero_array(out, struct vc_acceptance_case, CASES_MAX);
    struct making m = {out, order, &promises[profile], topology};

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
    make_sizes(&m);
    make_voice(&m);
    return out;
}
