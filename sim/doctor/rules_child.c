/* The second phase: crypto ACL, ESP's algorithms, mode, and whether ESP passes (R21, R25, R26). */
#include <time.h>

#include "doctor/private.h"

struct selector {
    char host[32];
    int length;
    bool gre;
};

/* "10.200.0.1/32[gre]" */
static struct selector read_selector(const char *text)
{
    struct selector s = {.length = 32, .gre = strstr(text, "[gre") || strstr(text, "[47")};
    const char *slash = strchr(text, '/');

    snprintf(s.host, sizeof s.host, "%.*s", (int)strcspn(text, "/["), text);
    if (slash)
        s.length = atoi(slash + 1);
    return s;
}

static void rule_selector(struct doctor *d, const struct view *v, enum end end, const char *member, const char *wanted)
{
    const char *text = text_at(v->at[end].ike, member), *name = v->at[end].name;
    struct selector own = read_selector(text);

    if (!*text || !is(v->at[end].ike, "mode", "tunnel"))
        return;
    if (!own.gre)
        found(d, "crypto-acl-protocol", name, v, true, "the crypto ACL of %s names %s: every protocol, not GRE", name,
              text);
    else if (own.length != 32)
        found(d, "crypto-acl-network", name, v, true, "the crypto ACL of %s names %s: a network, not the host %s", name,
              text, wanted);
    else if (strcmp(own.host, wanted) != 0)
        found(d, "crypto-acl-host", name, v, true, "the crypto ACL of %s names %s; the order says %s", name, text,
              wanted);
}

/* "aes256gcm16-ecp384" → "aes256gcm16" and "ecp384" */
static const char *group_of(const char *proposal)
{
    static const char *const groups[] = {"-modp", "-ecp", "-curve", "-x25519", "-x448", "-dh", ";dh"};

    for (size_t i = 0; i < VC_COUNT(groups); i++) {
        const char *at = strstr(proposal, groups[i]);
        if (at)
            return at;
    }
    return proposal + strlen(proposal);
}

/* Another algorithm than the order's, whatever the group. Of Libreswan's own words only the group can be told apart
 * without a dictionary: what stands before one may be the order's in other words. */
static bool differs_in_algorithm(const char *own, const char *wanted)
{
    size_t length = (size_t)(group_of(own) - own);

    if (strpbrk(own, ";_"))
        return !*group_of(own);
    return length != (size_t)(group_of(wanted) - wanted) || strncmp(own, wanted, length) != 0;
}

static void rule_proposal(struct doctor *d, const struct view *v, enum end end)
{
    const char *own = text_at(v->at[end].ike, "esp"), *wanted = text_at(json_object_get(d->order, "settings"), "esp");
    const char *name = v->at[end].name;

    if (!*own || !strcmp(own, wanted))
        return;
    const char *cause = differs_in_algorithm(own, wanted) ? "esp-proposal" : "pfs-mismatch";
    if (!strcmp(cause, "pfs-mismatch") && is(v->at[end == CPE ? HEADEND : CPE].ike, "esp", own))
        return; /* the two agree, if not with the order */
    found(d, cause, name, v, true, "%s has ESP %s; the order says %s", name, own, wanted);
}

/* What the second phase's refusal looks like, for whichever cause is named there. */
static void quote_refusal(struct doctor *d, const struct view *v)
{
    static const char *const words[] = {"TS_UNACCEPTABLE", "no CHILD_SA built", "no acceptable proposal",
                                        "failed to establish CHILD_SA", "rekeying failed"};
    VC_AUTO_TALLOC char *ended = talloc_asprintf(NULL, "CHILD_SA %s{", v->name);
    size_t at;
    json_t *cause;

    if (v->layers[IKE] != OK || v->layers[CHILD] == OK)
        return;
    json_array_foreach(d->causes, at, cause)
    {
        if (!is(cause, "layer", doctor_layer_names[CHILD]) || !is(cause, "tunnel", v->name))
            continue;
        for (size_t i = 0; i < VC_COUNT(words); i++)
            for (enum end end = CPE; end <= HEADEND; end++) {
                const char *daemon = text_at(json_object_get(v->at[end].node, "ike"), "daemon");
                const char *line = logged(d, v, end, daemon, words[i], ended);
                if (line)
                    found(d, text_at(cause, "cause"), text_at(cause, "node"), v, true, "%s of %s: %s", daemon,
                          v->at[end].name, line);
            }
    }
}

/* Both ends have the SA, one sends and the other gets nothing. */
static void rule_esp_blocked(struct doctor *d, const struct view *v)
{
    const json_t *ipsec = json_object_get(v->order, "ipsec");
    bool nat = strcmp(text_at(ipsec, "source"), text_at(ipsec, "cpe")) != 0;
    const char *cause = nat ? "udp-4500-blocked" : "esp-blocked";

    if (v->layers[CHILD] != FAILED || !v->at[CPE].child || !v->at[HEADEND].child || is_explained(d, v, CHILD, ESP_LOSS))
        return;
    for (enum end from = CPE; from <= HEADEND; from++) {
        enum end to = from == CPE ? HEADEND : CPE;
        const json_t *sender = v->at[from].child, *receiver = v->at[to].child;
        if (esp_lost(v, from, to))
            found(d, cause, NULL, v, false,
                  "%s sends into the SA (%lld packets, the last %lld s ago), %s gets nothing out of it (%lld, %lld s "
                  "ago)",
                  v->at[from].name, (long long)number_at(sender, "packets_out", v->at[from].gre_moved.out),
                  (long long)number_at(sender, "idle_out_s", 0), v->at[to].name,
                  (long long)number_at(receiver, "packets_in", 0), (long long)number_at(receiver, "idle_in_s", 0));
    }
}

/* When a line of charon's was written, in seconds; -1: it does not say. */
static int64_t written_s(const char *line)
{
    struct tm tm = {0};

    return strptime(line, "%Y-%m-%d %H:%M:%S", &tm) ? (int64_t)timegm(&tm) : -1;
}

/* Four IKE SAs within ten minutes of one life of the CPE's daemon, and the last of them is young. A daemon that starts
 * anew has reason for another SA; the headend's log does not show the CPE's start. */
static bool bounces(const struct view *v, enum end end)
{
    enum { MANY = 4, SOON_S = 600, YOUNG_S = 60 };
    const json_t *lines = lines_of(v->at[end].node, "charon");
    VC_AUTO_TALLOC char *of = talloc_asprintf(NULL, "IKE_SA %s[", v->name);
    json_int_t age_s = number_at(v->at[end].sa, "established_s", -1);
    const json_t *cpe = v->at[CPE].node;
    int64_t serve_s =
        number_at(json_object_get(cpe, "daemon_age_s"), text_at(json_object_get(cpe, "ike"), "daemon"), INT64_MAX);
    int64_t last_s = -1;
    unsigned times = 0;

    for (size_t i = json_array_size(lines); age_s >= 0 && i-- > 0;) {
        const char *text = text_in(lines, i);
        int64_t at_s = written_s(text);
        int64_t earlier_s = last_s >= 0 && at_s >= 0 ? last_s - at_s : 0;
        if (strstr(text, "Starting IKE charon daemon") || earlier_s > SOON_S || earlier_s + age_s > serve_s)
            break;
        if (!strstr(text, of) || !strstr(text, "] established"))
            continue;
        last_s = last_s < 0 ? at_s : last_s;
        times++;
    }
    return times >= MANY && age_s >= 0 && age_s < YOUNG_S;
}

/* A CPE whose daemon is another make is seen in the headend's log. Where the second phase is refused Libreswan begins
 * with the first again. */
static void rule_bouncing(struct doctor *d, const struct view *v)
{
    bool own = is(json_object_get(v->at[CPE].node, "ike"), "daemon", "charon");
    enum end end = own ? CPE : HEADEND;

    if (json_is_object(json_object_get(v->at[CPE].node, "ike")) && v->layers[UNDERLAY] == OK &&
        !is_explained(d, v, CHILD, OTHER) && bounces(v, end))
        found(d, "sa-bouncing", NULL, v, false,
              "four IKE SAs or more in the last lines of %s's log, this one %lld s old", v->at[end].name,
              (long long)number_at(v->at[end].sa, "established_s", 0));
}

void rules_child(struct doctor *d, const struct view *v)
{
    const json_t *transport = json_object_get(v->order, "transport");

    for (enum end end = CPE; end <= HEADEND; end++) {
        const char *own = text_at(transport, end == CPE ? "cpe" : "cisco");
        const char *other = text_at(transport, end == CPE ? "cisco" : "cpe");
        rule_selector(d, v, end, "local_ts", own);
        rule_selector(d, v, end, "remote_ts", other);
        rule_proposal(d, v, end);
        if (*text_at(v->at[end].ike, "mode") && !is(v->at[end].ike, "mode", "tunnel"))
            found(d, "transport-mode", v->at[end].name, v, true, "%s has mode %s", v->at[end].name,
                  text_at(v->at[end].ike, "mode"));
    }
    quote_refusal(d, v);
    rule_esp_blocked(d, v);
    rule_bouncing(d, v);
}
