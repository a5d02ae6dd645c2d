/* What a node's files and its kernel say: the last telling lines of logs, counters, the node's own firewall. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lab/evidence.h"
#include "net/netns.h"

enum { TAIL = 65536, LINES_KEPT = 24, FILE_MAX = 1 << 20 };

const struct vc_daemon *evidence_daemon(const struct lab_node *node, const char *name)
{
    for (size_t i = 0; i < node->rt.plan->daemon_count; i++)
        if (!strcmp(node->daemons[i].plan->name, name) && node->daemons[i].state == VC_DAEMON_READY)
            return &node->daemons[i];
    return NULL;
}

/* The last `limit` bytes of a file, or all of it. */
static char *read_tail(void *ctx, const char *path, off_t limit)
{
    VC_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st))
        return NULL;
    off_t from = st.st_size > limit ? st.st_size - limit : 0;
    size_t size = (size_t)(st.st_size > limit ? limit : st.st_size), done = 0;
    if (!st.st_size)
        size = (size_t)limit; /* /proc tells no size */
    char *text = talloc_size(ctx, size + 1);
    ssize_t n;
    while (done < size && (n = pread(fd, text + done, size - done, from + (off_t)done)) > 0)
        done += (size_t)n;
    text[done] = '\0';
    return text;
}

char *evidence_file(void *ctx, const struct lab_node *node, const char *path)
{
    VC_AUTO_TALLOC char *full = talloc_asprintf(NULL, "%s%s", node->rt.root, path);

    return node->on ? read_tail(ctx, full, FILE_MAX) : NULL;
}

/* ---- logs ---- */

static const struct {
    const char *daemon, *contains;
} telling[] = {
    {"charon", "Starting IKE charon daemon"},
    {"charon", "retransmit "},
    {"charon", "giving up after"},
    {"charon", "NO_PROPOSAL_CHOSEN"},
    {"charon", "AUTHENTICATION_FAILED"},
    {"charon", "INVALID_"},
    {"charon", "TS_UNACCEPTABLE"},
    {"charon", "MAC mismatched"},
    {"charon", "no matching peer config"},
    {"charon", "no shared key found"},
    {"charon", "no IKE config found"},
    {"charon", "proposals unacceptable"},
    {"charon", "no acceptable"},
    {"charon", "received proposals"},
    {"charon", "configured proposals"},
    {"charon", "no CHILD_SA built"},
    {"charon", "failed to establish CHILD_SA"},
    {"charon", "rekeying failed"},
    {"charon", "is initiating"},
    {"charon", "initiating IKE_SA"},
    {"charon", "established"},
    {"charon", "creating acquire job"},
    {"charon", "looking for peer configs"},
    {"pluto", "Starting Pluto"},
    {"pluto", "NO_PROPOSAL_CHOSEN"},
    {"pluto", "AUTHENTICATION_FAILED"},
    {"pluto", "TS_UNACCEPTABLE"},
    {"pluto", "retransmission"},
    {"pluto", "initiating"},
    {"pluto", "established"},
    {"pluto", "rejected"},
    {"bgpd", "NOTIFICATION"},
    {"bgpd", "Bad Peer AS"},
    {"bgpd", "hold timer"},
    {"bgpd", "ADJCHANGE"},
    {"bgpd", "bad OPEN"},
    {"bird", "Error"},
    {"bird", "Received:"},
    {"bird", "State changed"},
    {"bird", "Bad peer AS"},
};

static bool is_telling(const char *daemon, const char *line)
{
    for (size_t i = 0; i < VC_COUNT(telling); i++)
        if (!strcmp(telling[i].daemon, daemon) && strstr(line, telling[i].contains))
            return true;
    return false;
}

/* From where two lines of one silence are the same but for a count: "<dc1|4> retransmit 7 of request with message ID
 * 2". */
static bool same_silence(const char *a, const char *b)
{
    const char *at_a = strstr(a, "retransm"), *at_b = strstr(b, "retransm");
    const char *of_a = strchr(a, '<'), *of_b = strchr(b, '<');

    if (!at_a || !at_b)
        return false;
    if (!of_a || !of_b || of_a > at_a || of_b > at_b) /* pluto's has the tunnel's name and no count */
        return strcmp(at_a, at_b) == 0;
    const char *message_a = strstr(at_a, "message ID"), *message_b = strstr(at_b, "message ID");
    return at_a - of_a == at_b - of_b && !strncmp(of_a, of_b, (size_t)(at_a - of_a)) && message_a && message_b &&
           !strcmp(message_a, message_b);
}

/* Whose the line is: from after `begin` up to `end` of "<dc1|4>" or `"dc1" #3`; NULL: nobody's by name. */
static const char *owner_of(const char *line, size_t *length)
{
    static const char *const marks[][2] = {{"<", "|"}, {": \"", "\""}, {"neighbor ", "( "}, {"ebgp-", ":"}};

    for (size_t i = 0; i < VC_COUNT(marks); i++) {
        const char *at = strstr(line, marks[i][0]);
        if (!at)
            continue;
        at += strlen(marks[i][0]);
        *length = strcspn(at, marks[i][1]);
        if (at[*length] && *length <= strcspn(at, " >"))
            return at;
    }
    return NULL;
}

static bool same_owner(const char *a, const char *b)
{
    size_t length_a = 0, length_b = 0;
    const char *of_a = owner_of(a, &length_a), *of_b = owner_of(b, &length_b);

    return (!of_a && !of_b) || (of_a && of_b && length_a == length_b && !strncmp(of_a, of_b, length_a));
}

/* Many lines of one tunnel leave those of another alone. */
static void make_room(json_t *lines, const char *line)
{
    size_t count = 0, oldest = 0;

    for (size_t i = json_array_size(lines); i-- > 0;)
        if (same_owner(json_string_value(json_array_get(lines, i)), line)) {
            oldest = i;
            count++;
        }
    if (count > LINES_KEPT)
        json_array_remove(lines, oldest);
}

/* Of one silence the last line tells how long it is: the others would leave no room. Of two tunnels that are silent at
 * once the lines come by turns. */
void evidence_keep_line(json_t *lines, const char *line)
{
    size_t after = json_array_size(lines); /* the owner's last line before this one */
    json_t *value = json_string(line);

    if (!value)
        return;
    while (after && !same_owner(json_string_value(json_array_get(lines, after - 1)), line))
        after--;
    if (after && same_silence(json_string_value(json_array_get(lines, after - 1)), line))
        json_array_remove(lines, after - 1);
    json_array_append_new(lines, value);
    make_room(lines, line);
}

static json_t *log_lines(const struct lab_node *node, const struct vc_plan_daemon *daemon)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s%s", node->rt.root, daemon->log);
    VC_AUTO_TALLOC char *text = read_tail(NULL, path, TAIL);
    json_t *lines = json_array();
    char *save = NULL;

    for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
        if (!is_telling(daemon->name, line))
            continue;
        evidence_keep_line(lines, line);
    }
    return lines;
}

json_t *evidence_logs(const struct lab_node *node)
{
    json_t *out = json_object();

    for (size_t i = 0; i < node->rt.plan->daemon_count; i++) {
        json_t *lines = log_lines(node, &node->rt.plan->daemons[i]);
        if (json_array_size(lines))
            json_object_set_new(out, node->rt.plan->daemons[i].name, lines);
        else
            json_decref(lines);
    }
    return out;
}

/* ---- counters ---- */

static const struct {
    const char *group, *name; /* group "": lines of one name and one number, as xfrm_stat has them */
} wanted_counters[] = {
    {"TcpExt:", "TCPMD5NotFound"}, {"TcpExt:", "TCPMD5Unexpected"},
    {"TcpExt:", "TCPMD5Failure"},  {"Ip:", "FragFails"},
    {"Ip:", "ReasmFails"},         {"", "XfrmInStateSeqError"},
    {"", "XfrmInStateProtoError"}, {"", "XfrmInNoPols"},
    {"", "XfrmInTmplMismatch"},    {"", "XfrmInNoStates"},
    {"", "XfrmOutNoStates"},       {"", "XfrmInStateMismatch"},
};

static void take_counter(json_t *out, const char *group, const char *name, const char *value)
{
    for (size_t i = 0; i < VC_COUNT(wanted_counters); i++)
        if (!strcmp(wanted_counters[i].group, group) && !strcmp(wanted_counters[i].name, name) && atoll(value))
            json_object_set_new(out, name, json_integer(atoll(value)));
}

/* "TcpExt: NAME NAME …" and below it "TcpExt: VALUE VALUE …"; or "NAME VALUE". */
static void read_counters(json_t *out, char *text)
{
    char *save = NULL, *names = NULL;

    for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
        char *name, *value, *at[2] = {NULL, NULL};

        if (!strchr(line, ':')) {
            name = strtok_r(line, " \t", &at[0]);
            value = strtok_r(NULL, " \t", &at[0]);
            if (name && value)
                take_counter(out, "", name, value);
            continue;
        }
        if (!names) {
            names = line;
            continue;
        }
        const char *group = strtok_r(names, " ", &at[0]);
        strtok_r(line, " ", &at[1]);
        while ((name = strtok_r(NULL, " ", &at[0])) && (value = strtok_r(NULL, " ", &at[1])))
            take_counter(out, group, name, value);
        names = NULL;
    }
}

/* Those that are not zero. */
json_t *evidence_counters(const struct lab_node *node)
{
    static const char *const files[] = {"netstat", "snmp", "xfrm_stat"};
    json_t *out = json_object();
    VC_NETNS_SCOPE(scope) = vc_netns_enter(node->rt.netns, NULL);

    for (size_t i = 0; scope.back >= 0 && i < VC_COUNT(files); i++) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "/proc/thread-self/net/%s", files[i]);
        VC_AUTO_TALLOC char *text = read_tail(NULL, path, TAIL);
        read_counters(out, text);
    }
    return out;
}

/* ---- firewall ---- */

/* What a match looks at, in a word. */
static const char *match_name(const json_t *left)
{
    const json_t *meta = json_object_get(left, "meta"), *payload = json_object_get(left, "payload");
    const json_t *of = meta ? meta : payload ? payload : json_object_get(left, "ct");
    const json_t *name = json_object_get(of, meta || !payload ? "key" : "field");
    const char *protocol = json_string_value(json_object_get(payload, "protocol"));

    if (protocol && !strcmp(protocol, "icmp"))
        return !strcmp(json_string_value(name), "type") ? "icmp_type" : "icmp_code";
    return json_is_string(name) ? json_string_value(name) : "other";
}

static json_t *rule_of(const json_t *rule)
{
    json_t *out = json_pack("{s:O}", "chain", json_object_get(rule, "chain")), *statement;
    size_t i;

    json_array_foreach(json_object_get(rule, "expr"), i, statement)
    {
        const json_t *match = json_object_get(statement, "match"), *mangle = json_object_get(statement, "mangle");
        const char *how = json_string_value(json_object_get(match, "op"));
        if (match)
            json_object_set(out, how && !strcmp(how, "!=") ? "other" : match_name(json_object_get(match, "left")),
                            json_object_get(match, "right"));
        if (json_object_get(json_object_get(mangle, "key"), "tcp option"))
            json_object_set(out, "mss", json_object_get(mangle, "value"));
        if (json_object_get(statement, "drop"))
            json_object_set_new(out, "verdict", json_string("drop"));
        if (json_object_get(statement, "accept"))
            json_object_set_new(out, "verdict", json_string("accept"));
    }
    return out;
}

/* The node's own table: what is dropped for a fault elsewhere on the way is in tables that are none of its business. */
json_t *evidence_firewall(const struct lab_node *node)
{
    VC_AUTO_TALLOC struct vc_nft *nft = node->rt.plan->firewall ? vc_nft_open(NULL, node->rt.netns, NULL) : NULL;
    VC_AUTO_JSON *listed = nft ? vc_nft_list(nft, "list table inet vclab", NULL) : NULL;
    json_t *out = json_array(), *item;
    size_t i;

    json_array_foreach(listed, i, item)
    {
        const json_t *rule = json_object_get(item, "rule");
        if (rule)
            json_array_append_new(out, rule_of(rule));
    }
    return out;
}

/* ---- interfaces ---- */

json_t *evidence_interfaces(const struct lab_node *node, struct vc_rtnl *rtnl)
{
    const struct vc_plan_node *plan = node->rt.plan;
    json_t *out = json_object();

    for (size_t i = 0; i < plan->iface_count + plan->gre_count; i++) {
        const char *name = i < plan->iface_count ? plan->ifaces[i].ifname : plan->gres[i - plan->iface_count].ifname;
        struct vc_rtnl_state state;
        if (vc_rtnl_state(rtnl, name, &state, NULL))
            continue;
        json_object_set_new(out, name,
                            json_pack("{s:b, s:b, s:I, s:I}", "up", state.exists && state.up, "carrier", state.carrier,
                                      "packets_in", (json_int_t)state.rx_packets, "packets_out",
                                      (json_int_t)state.tx_packets));
    }
    return out;
}
