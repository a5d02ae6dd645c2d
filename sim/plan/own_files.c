#include "plan/own_files.h"

#include <string.h>

#include "plan/key.h"

/* Where a file that is no daemon's vici_config and no frr.conf stands in the node. */
static const struct {
    const char *name, *path;
} places[] = {
    {"bird.conf", "/etc/bird/bird.conf"}, {"ipsec.conf", "/etc/ipsec.conf"}, {"ipsec.secrets", "/etc/ipsec.secrets"}};

static const char *const frr_daemons[] = {"zebra", "bgpd", "bfdd", "ospfd"};

/* The lines with which a section of one daemon begins. What is not here is of all daemons; static routes are the
 * topology's, and the daemon for them runs in no node. */
static const struct {
    const char *begins, *daemon;
} frr_sections[] = {
    {"router bgp", "bgpd"},
    {"bgp ", "bgpd"},
    {"ip as-path", "bgpd"},
    {"ip community-list", "bgpd"},
    {"bfd", "bfdd"},
    {"router ospf", "ospfd"},
    {"interface ", "ospfd"},
    {"ip nht", "zebra"},
    {"no zebra", "zebra"},
    {"zebra ", "zebra"},
    {"ip forwarding", "zebra"},
    {"ip router-id", "zebra"},
    {"ip route ", "staticd"},
    {"ipv6 route ", "staticd"},
    {"router rip", "ripd"},
    {"router ripng", "ripngd"},
    {"router ospf6", "ospf6d"},
    {"router isis", "isisd"},
    {"router eigrp", "eigrpd"},
    {"router babel", "babeld"},
    {"router pim", "pimd"},
    {"mpls ldp", "ldpd"},
    {"pbr-map", "pbrd"},
    {"service integrated-vtysh-config", "vtysh"},
};

static const char *section_daemon(const char *line)
{
    for (size_t i = 0; i < VC_COUNT(frr_sections); i++) {
        size_t length = strlen(frr_sections[i].begins);

        if (!strncmp(line, frr_sections[i].begins, length) &&
            (frr_sections[i].begins[length - 1] == ' ' || line[length] == ' ' || !line[length]))
            return frr_sections[i].daemon;
    }
    return NULL;
}

/* A line of an integrated frr.conf, as they follow each other. */
struct frr_line {
    const char *at;
    size_t length;
    unsigned number;
    const char *daemon; /* that reads its section; NULL: all do */
    bool interface;     /* inside an interface's section */
    bool reads;         /* false: that daemon steps over it, as an interface's addresses are the topology's */
};

static bool next_line(const char *text, struct frr_line *line)
{
    line->at = line->at ? line->at + line->length + (line->at[line->length] == '\n') : text;
    line->length = strcspn(line->at, "\n");
    line->number++;
    if (!*line->at)
        return false;
    VC_AUTO_TALLOC char *copy = talloc_strndup(NULL, line->at, line->length);
    if (*copy != ' ' && strcmp(copy, "exit") != 0) {
        line->daemon = section_daemon(copy);
        line->interface = !strncmp(copy, "interface ", 10);
    }
    line->reads = !line->interface || *copy != ' ' || strstr(copy, "ospf");
    return true;
}

char *vc_frr_part(void *ctx, const char *text, const char *daemon)
{
    char *part = talloc_strdup(ctx, "");

    for (struct frr_line line = {0}; next_line(text, &line);)
        if (line.reads && (!line.daemon || !strcmp(line.daemon, daemon)))
            part = talloc_asprintf_append_buffer(part, "%.*s\n", (int)line.length, line.at);
    return part;
}

static bool runs(const struct vc_plan_node *node, const char *daemon)
{
    for (size_t i = 0; i < node->daemon_count; i++)
        if (!strcmp(node->daemons[i].name, daemon))
            return true;
    return false;
}

/* Where its daemons write a log is the customer's affair; the lab reads them where it always does. */
static bool is_log(const char *line)
{
    return !strncmp(line, "log ", 4) || !strncmp(line, "no log ", 7);
}

/* Says nothing of what the node does. */
static bool is_idle(const char *line)
{
    static const char *const idle[] = {"!", "#", "exit", "end", "service integrated-vtysh-config", "description"};

    line += strspn(line, " \t\r");
    for (size_t i = 0; i < VC_COUNT(idle); i++)
        if (!strncmp(line, idle[i], strlen(idle[i])))
            return true;
    return !*line;
}

void vc_frr_unused(const char *text, const struct vc_plan_node *node, vc_frr_unused_fn *unused, void *data)
{
    for (struct frr_line line = {0}; next_line(text, &line);) {
        VC_AUTO_TALLOC char *copy = talloc_strndup(NULL, line.at, line.length);
        bool begins = line.interface && *copy != ' ';

        if (!is_idle(copy) && !begins && (!line.reads || is_log(copy) || (line.daemon && !runs(node, line.daemon))))
            unused(data, line.number, copy);
    }
}

static char *with_lab_log(void *ctx, const char *daemon, const char *part)
{
    char *out = talloc_asprintf(ctx, "log file /var/log/%s.log informational\nlog timestamp precision 6\n", daemon);

    for (size_t length; *part; part += length + (part[length] == '\n')) {
        length = strcspn(part, "\n");
        if (!is_log(part))
            out = talloc_asprintf_append_buffer(out, "%.*s\n", (int)length, part);
    }
    return out;
}

char *vc_own_file_text(void *ctx, const struct vc_topology *topology, uint64_t seed, const char *text)
{
    char *out = talloc_strdup(ctx, "");

    while (*text) {
        size_t plain = strcspn(text, "<"), tunnel, length;
        enum vc_key key;

        if (!text[plain] || !vc_key_mark(topology, text + plain, &tunnel, &key, &length)) {
            plain += text[plain] != 0;
            out = talloc_strndup_append_buffer(out, text, plain);
            text += plain;
            continue;
        }
        out = talloc_strndup_append_buffer(out, text, plain);
        out = talloc_strdup_append_buffer(out, vc_key_of(out, topology, tunnel, key, seed));
        text += plain + length;
    }
    return out;
}

static bool put(struct vc_plan_node *out, const char *path, const char *text)
{
    for (size_t i = 0; i < out->file_count; i++)
        if (!strcmp(out->files[i].path, path)) {
            out->files[i].text = text;
            return true;
        }
    return false;
}

/* Did some daemon of the node read it? */
static bool use(void *ctx, const char *name, const char *text, struct vc_plan_node *out)
{
    bool used = false;

    for (size_t i = 0; i < out->daemon_count && !strcmp(name, "swanctl.conf"); i++)
        if (out->daemons[i].vici_config) {
            out->daemons[i].vici_config = text;
            used = true;
        }
    for (size_t i = 0; i < VC_COUNT(frr_daemons) && !strcmp(name, "frr.conf"); i++) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "/etc/frr/%s.conf", frr_daemons[i]);
        VC_AUTO_TALLOC char *part = vc_frr_part(NULL, text, frr_daemons[i]);
        used |= put(out, path, with_lab_log(ctx, frr_daemons[i], part));
    }
    for (size_t i = 0; i < VC_COUNT(places); i++)
        used |= !strcmp(name, places[i].name) && put(out, places[i].path, text);
    /* as `vclab export --as libreswan` has it: both files in one */
    const char *secrets = !strcmp(name, "ipsec.conf") ? strstr(text, "\n# ipsec.secrets\n") : NULL;
    if (secrets)
        put(out, "/etc/ipsec.secrets", secrets + 1);
    if (secrets)
        put(out, "/etc/ipsec.conf", talloc_strndup(ctx, text, (size_t)(secrets + 1 - text)));
    return used;
}

int vc_own_files_use(void *ctx, const struct vc_topology *topology, size_t index, uint64_t seed,
                     struct vc_plan_node *out, vc_error **err)
{
    const struct vc_node *node = &topology->nodes[index];

    for (size_t i = 0; i < node->file_count; i++)
        if (!use(ctx, node->files[i].name, vc_own_file_text(ctx, topology, seed, node->files[i].text), out))
            return vc_fail(err, VC_EXIT_USAGE, 0, "%s:%d:%d: no daemon of a node of kind %s reads a %s",
                           node->files[i].mark.file, node->files[i].mark.line, node->files[i].mark.column, node->kind,
                           node->files[i].name);
    return 0;
}
