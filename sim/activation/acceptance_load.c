/*
 * The cases with traffic: packets of the sizes that matter, and the planned calls.
 *
 * A call of G.711 is 80 kbit/s each way in packets of 200 bytes, fifty a second. A sealed lab's processor carries about
 * 20,000 packets a second through GRE and ESP, whatever their size; so many calls are played as the same bits in larger
 * packets, the largest plans one direction after the other, or at half the scale. acceptance_played says so.
 */
#include "activation/acceptance_private.h"

#include "activation/rules.h"

enum {
    CALL_BYTES = 200,
    BIG_BYTES = 1400,
    SMALL_CALLS = 200,        /* more are larger packets */
    PACKETS_A_SECOND = 16000, /* in all, which leaves room for everything else */
    LOAD_S = 2,
    SENT_PERCENT = 96, /* of the rate must arrive: pacing begins and ends with a step */
    TUNNEL_MBIT = 250,
};

static const char voice_flow[] = ", interval: 1s, near: {change: {interval: 20ms, after: 5s}}";
static const char *const ways[] = {"there", "back"};

/* How the planned calls are played. */
struct load_plan {
    unsigned calls, mbit, bytes; /* mbit: for one data centre, one way */
    bool at_once;                /* both directions */
    unsigned scale;              /* tunnels and load are so many times smaller */
};

static struct load_plan load_plan_of(const struct making *m)
{
    struct load_plan plan = {.calls = m->order->form->calls, .scale = 1};

    plan.bytes = plan.calls <= SMALL_CALLS ? CALL_BYTES : BIG_BYTES;
    uint64_t packets = (uint64_t)plan.calls * VC_CALL_KBIT * 1000 / 8 / plan.bytes; /* one way */
    plan.at_once = 2 * packets <= PACKETS_A_SECOND;
    if (packets > PACKETS_A_SECOND)
        plan.scale = 2;
    plan.mbit = (plan.calls * VC_CALL_KBIT / 2 + plan.scale * 1000 - 1) / (plan.scale * 1000);
    return plan;
}

char *acceptance_played(const struct making *m)
{
    struct load_plan plan = load_plan_of(m);
    char *text = TEXT(m,
                      "The planned calls are played as %u Mbit/s each way for each data centre, %d s at a time, in "
                      "packets of %u bytes",
                      plan.mbit, LOAD_S, plan.bytes);

    ADD(text, plan.bytes == CALL_BYTES
                  ? ", as G.711 has them"
                  : ": the calls' bits in a seventh of their packets, as a lab's processor is not "
                    "made for tens of thousands a second; how a device bears their number is not shown");
    if (plan.scale > 1)
        ADD(text, "; at half the scale, half the load on tunnels of %u Mbit/s", TUNNEL_MBIT / plan.scale);
    ADD(text, plan.at_once ? "; both directions at once."
                           : "; one direction after the other, for the same reason: both at once are not shown.");
    return ADD(text,
               " The lab's Internet has no delay, jitter or loss of its own: what is measured is what tunnels and "
               "load add.");
}

/* ---- sizes ---- */

void acceptance_sizes(const struct making *m, size_t dc)
{
    static const struct {
        const char *name;
        unsigned bytes;
        const char *lost;
    } sizes[] = {{"fits", BIG_BYTES, "lost_at_most: 0"}, {"too-large", BIG_BYTES + 1, "lost_at_least: 100"}};
    const char *name = acceptance_tunnel(m, dc)->name, *server = TEXT(m, "%s-srv", name);
    struct vc_acceptance_case *c = acceptance_case(
        m, TEXT(m, "packet-sizes-%s", name), TEXT(m, "TCP, and packets at the limit, to and from %s", name),
        "TCP is offered 1350 bytes in both directions and runs both ways; 1400 bytes pass unfragmented, 1401 do not");
    char *text = acceptance_start(m, c, "plane: kernel\ncapture: control\nrequirements: [R42]\n", NULL);
    char *after = talloc_strdup(m->out, "");

    ADD(text,
        "      - seen: {at: site, select: syn, toward: phone, mss_at_least: 1350, mss_at_most: 1350}\n"
        "      - seen: {at: svc-%s, select: syn, toward: %s, mss_at_least: 1350, mss_at_most: 1350}\n",
        name, server);
    for (size_t way = 0; way < VC_COUNT(ways); way++) {
        const char *from = way ? server : "phone", *to = way ? "phone" : server;

        for (size_t i = 0; i < VC_COUNT(sizes); i++) {
            ADD(text, "  - load: {name: %s-%s, from: %s, to: %s, mbit: 1, bytes: %u, burst: 1, for: 1s}\n",
                sizes[i].name, ways[way], from, to, sizes[i].bytes);
            ADD(text, "  - hold: 2s\n  - stop: %s-%s\n", sizes[i].name, ways[way]);
            ADD(after, "      - load: {name: %s-%s, %s}\n", sizes[i].name, ways[way], sizes[i].lost);
        }
        /* As fast as it goes, which is the most that a lab can be asked: so not for long. */
        ADD(text,
            "  - load: {name: tcp-%s, from: %s, to: %s, protocol: tcp, for: 1s}\n  - hold: 300ms\n  - stop: tcp-%s\n",
            ways[way], from, to, ways[way]);
        ADD(after, "      - load: {name: tcp-%s, mbit_at_least: 20}\n", ways[way]);
    }
    c->text = ADD(text, "  - expect:\n      - converged: {within: 90s}\n%s  - hold: 1s\n", after);
}

/* ---- voice ---- */

struct voice {
    const struct making *m;
    struct load_plan plan;
    size_t lost;
    struct vc_acceptance_load *loads;
    size_t count;
    char *text, *after; /* steps, and what is expected when they are over */
};

static void expect_sessions(struct voice *v)
{
    ADD(v->text, "  - expect:\n");
    for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
        if (dc != v->lost)
            ADD(v->text, "      - session: {tunnel: %s, state: up, within: 90s}\n", acceptance_tunnel(v->m, dc)->name);
}

static void add_load(struct voice *v, size_t dc, size_t way)
{
    const char *dc_name = acceptance_tunnel(v->m, dc)->name, *server = TEXT(v->m, "%s-srv", dc_name);
    const char *name = TEXT(v->m, "%s-%s", dc_name, ways[way]);
    unsigned least = v->plan.mbit * SENT_PERCENT / 100;

    v->loads[v->count++] = (struct vc_acceptance_load){name, v->plan.mbit, v->plan.bytes, LOAD_S};
    ADD(v->text, "  - load: {name: %s, from: %s, to: %s, mbit: %u, bytes: %u, for: %ds}\n", name,
        way ? server : "phone", way ? "phone" : server, v->plan.mbit, v->plan.bytes, LOAD_S);
    ADD(v->after, "      - load: {name: %s, lost_at_most: 0}\n", name);
    if (least)
        ADD(v->after, "      - load: {name: %s, mbit_at_least: %u}\n", name, least);
    ADD(v->after, "      - quality: {flow: voice-%s, loss_at_most: 0, during: %s}\n", dc_name, name);
}

/* The loads of the ways from `first` to `last` run at the same time. */
static void add_round(struct voice *v, size_t first, size_t last)
{
    size_t before = v->count;

    for (size_t way = first; way <= last; way++)
        for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
            add_load(v, dc, way);
    expect_sessions(v);
    ADD(v->text, "  - hold: %ds\n", LOAD_S + 1);
    for (size_t i = before; i < v->count; i++)
        ADD(v->text, "  - stop: %s\n", v->loads[i].name);
}

static void add_scale(struct voice *v)
{
    for (size_t dc = 0; dc < VC_FORM_DCS; dc++) {
        const char *name = acceptance_tunnel(v->m, dc)->name;

        ADD(v->text, "  - fault: {name: scale-%s, kind: impair, tunnel: %s, rate: %u}\n", name, name,
            TUNNEL_MBIT / v->plan.scale);
    }
    ADD(v->text, "  - expect:\n      - converged: {within: 90s}\n");
}

static struct vc_acceptance_case *voice_case(const struct making *m, size_t lost)
{
    unsigned calls = m->order->form->calls;
    bool both = lost == VC_FORM_DCS;
    const char *name = both ? "" : acceptance_tunnel(m, lost)->name;
    const char *before = both ? "Not"
                              : TEXT(m, "Calls to %s go on by the other tunnel after %s at most; from then on not",
                                     name, m->promise->words);
    struct vc_acceptance_case *c = acceptance_case(
        m, both ? "voice" : TEXT(m, "voice-%s-lost", name),
        both ? TEXT(m, "%u calls, half of them to each data centre, with both tunnels", calls)
             : TEXT(m, "%u calls, half of them to each data centre, with the tunnel to %s lost", calls, name),
        TEXT(m,
             "%s a packet of calls and load is lost; one way takes 150 ms at most and varies by 30 ms, MOS is 4.0 "
             "or better, in both directions",
             before));

    if (!both && calls > VC_ACCEPTANCE_CALLS)
        c->cannot =
            TEXT(m,
                 "%u calls need %.1f of the %d Mbit/s of the tunnel that is left, and BGP and keepalives have no "
                 "room beside them; %d calls fit",
                 calls, calls * VC_CALL_KBIT / 1000.0, TUNNEL_MBIT, VC_ACCEPTANCE_CALLS);
    return c;
}

void acceptance_voice(const struct making *m, size_t lost)
{
    struct vc_acceptance_case *c = voice_case(m, lost);
    struct voice v = {.m = m, .plan = load_plan_of(m), .lost = lost, .after = talloc_strdup(m->out, "")};

    v.loads = talloc_zero_array(m->out, struct vc_acceptance_load, VC_FORM_DCS * VC_COUNT(ways));
    v.text = acceptance_start(m, c, "plane: kernel\ncapture: control\nrequirements: [R6, R39, R40]\n", voice_flow);
    ADD(v.text, "  - hold: 1s\n");
    if (v.plan.scale > 1)
        add_scale(&v);
    if (lost < VC_FORM_DCS) {
        ADD(v.text, "  - fault: {name: fault, %s}\n  - expect:\n", acceptance_drop(m, lost));
        v.text = acceptance_moved(v.text, m, lost);
        ADD(v.text, "  - hold: 1s\n");
    }
    if (v.plan.at_once) {
        add_round(&v, 0, 1);
    } else {
        add_round(&v, 0, 0);
        add_round(&v, 1, 1);
    }
    expect_sessions(&v);
    c->text = ADD(v.text, "%s  - hold: 1s\n", v.after);
    c->loads = v.loads;
    c->load_count = v.count;
}
