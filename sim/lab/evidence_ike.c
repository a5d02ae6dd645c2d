/*
 * IKE and IPsec as the node has them: the daemon's configuration, and its SAs. Charon tells its SAs over vici, and of
 * what it was loaded with the addresses, identities, selectors and mode; what it does not tell (proposals, secrets,
 * what starts it) is read from the text it was given, as an engineer reads a device's configuration. Libreswan's is a
 * file.
 */
#include <string.h>

#include "lab/evidence.h"
#include "net/xfrm.h"
#include "plan/libreswan.h"

static void set_text(json_t *out, const char *name, const json_t *value)
{
    const json_t *text = json_is_array(value) ? json_array_get(value, 0) : value;

    if (json_is_string(text))
        json_object_set_new(out, name, json_string(json_string_value(text)));
}

static json_int_t seconds(const json_t *value)
{
    return json_is_string(value) ? (json_int_t)strtoll(json_string_value(value), NULL, 10) : 0;
}

static size_t tunnel_named(const struct vc_lab *lab, const char *name)
{
    return vc_topology_tunnel(lab->plan->topology, name);
}

/* The kernel's SA of that SPI, or NULL: it has none, as where the daemon carries ESP itself. */
static const json_t *kernel_sa(const json_t *kernel, const char *spi)
{
    size_t i;
    json_t *sa;

    json_array_foreach(kernel, i, sa)
    {
        const char *own = json_string_value(json_object_get(sa, "spi"));
        if (spi && own && !strcmp(own, spi))
            return sa;
    }

    return NULL;
}

/* How many packets of the SA out of which they come overtook each other by more than the window. */
static void set_late(json_t *child, const json_t *kernel, const json_t *status)
{
    const json_t *sa = kernel_sa(kernel, json_string_value(json_object_get(status, "spi-in")));

    if (sa)
        json_object_set_new(child, "late", json_integer(json_integer_value(json_object_get(sa, "late"))));
}

/* ---- charon ---- */

static json_t *charon_connection(const struct vc_lab *lab, const char *name, const json_t *connection,
                                 const json_t *secrets)
{
    const json_t *child = json_object_get(json_object_get(connection, "children"), name);
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *section = talloc_asprintf(scratch, "ike-%s", name);
    const char *psk = json_string_value(json_object_get(json_object_get(secrets, section), "secret"));
    json_t *out = json_object();

    json_object_set_new(out, "version", json_integer(seconds(json_object_get(connection, "version"))));
    set_text(out, "ike", json_object_get(connection, "proposals"));
    set_text(out, "local", json_object_get(connection, "local_addrs"));
    set_text(out, "remote", json_object_get(connection, "remote_addrs"));
    set_text(out, "local_id", json_object_get(json_object_get(connection, "local"), "id"));
    set_text(out, "remote_id", json_object_get(json_object_get(connection, "remote"), "id"));
    set_text(out, "esp", json_object_get(child, "esp_proposals"));
    set_text(out, "mode", json_object_get(child, "mode"));
    set_text(out, "local_ts", json_object_get(child, "local_ts"));
    set_text(out, "remote_ts", json_object_get(child, "remote_ts"));
    set_text(out, "start", json_object_get(child, "start_action"));
    json_object_set_new(out, "lifetime_s", json_integer(seconds(json_object_get(child, "life_time"))));
    json_object_set_new(out, "replay_window", json_integer(seconds(json_object_get(child, "replay_window"))));
    size_t tunnel = tunnel_named(lab, name);
    if (tunnel != VC_NONE)
        json_object_set_new(out, "psk", json_string(evidence_secret(psk, evidence_psk(scratch, lab, tunnel))));
    return out;
}

/* What charon has now goes before what it was given at its start. */
static void set_loaded(json_t *out, const char *name, const json_t *loaded)
{
    const json_t *child = json_object_get(json_object_get(loaded, "children"), name);
    const char *version = json_string_value(json_object_get(loaded, "version"));
    const char *mode = json_string_value(json_object_get(child, "mode"));

    set_text(out, "local", json_object_get(loaded, "local_addrs"));
    set_text(out, "remote", json_object_get(loaded, "remote_addrs"));
    set_text(out, "local_id", json_object_get(json_object_get(loaded, "local-1"), "id"));
    set_text(out, "remote_id", json_object_get(json_object_get(loaded, "remote-1"), "id"));
    set_text(out, "local_ts", json_object_get(child, "local-ts"));
    set_text(out, "remote_ts", json_object_get(child, "remote-ts"));
    if (version && !strncmp(version, "IKEv", 4))
        json_object_set_new(out, "version", json_integer(atoi(version + 4)));
    if (mode)
        json_object_set_new(out, "mode", json_string(strcmp(mode, "TUNNEL") ? "transport" : "tunnel"));
}

static json_t *charon_configured(const struct vc_daemon *daemon, const json_t *loaded)
{
    VC_AUTO_JSON *conf = daemon->plan->vici_config ? vc_swanctl_parse(daemon->plan->vici_config, NULL) : NULL;
    json_t *out = json_object(), *connection, *item;
    const char *name;
    size_t i;

    json_object_foreach(json_object_get(conf, "connections"), name, connection)
    {
        json_object_set_new(out, name,
                            charon_connection(daemon->lab, name, connection, json_object_get(conf, "secrets")));
    }
    json_array_foreach(loaded, i, item)
    {
        json_object_foreach(item, name, connection)
        {
            if (json_object_get(out, name))
                set_loaded(json_object_get(out, name), name, connection);
        }
    }

    return out;
}

/* Vici's numbers are texts. */
static void set_number(json_t *out, const char *name, const json_t *sa, const char *member)
{
    const json_t *value = json_object_get(sa, member);

    if (json_is_string(value))
        json_object_set_new(out, name, json_integer(seconds(value)));
}

static json_t *charon_child(const json_t *sa, const json_t *kernel)
{
    static const char *const numbers[][2] = {
        {"packets_in", "packets-in"}, {"packets_out", "packets-out"}, {"idle_in_s", "use-in"},
        {"idle_out_s", "use-out"},    {"age_s", "install-time"},      {"rekey_in_s", "rekey-time"},
        {"dies_in_s", "life-time"},
    };
    static const char *const texts[] = {"name", "state", "mode", "encr-alg", "integ-alg", "dh-group", "encap"};
    json_t *out = json_object();

    for (size_t i = 0; i < VC_COUNT(texts); i++)
        set_text(out, texts[i], json_object_get(sa, texts[i]));
    for (size_t i = 0; i < VC_COUNT(numbers); i++)
        set_number(out, numbers[i][0], sa, numbers[i][1]);
    set_text(out, "local_ts", json_object_get(sa, "local-ts"));
    set_text(out, "remote_ts", json_object_get(sa, "remote-ts"));
    set_late(out, kernel, sa);
    return out;
}

static json_t *charon_sa(const char *name, const json_t *sa, const json_t *kernel)
{
    json_t *children = json_array(), *child, *out = json_pack("{s:s, s:o}", "connection", name, "children", children);
    const char *key;

    set_text(out, "state", json_object_get(sa, "state"));
    set_text(out, "remote", json_object_get(sa, "remote-host"));
    set_text(out, "initiator", json_object_get(sa, "initiator"));
    set_number(out, "version", sa, "version");
    set_number(out, "established_s", sa, "established");
    set_number(out, "remote_port", sa, "remote-port");
    if (json_array_size(json_object_get(sa, "tasks-active"))) /* what it asked and has no answer to yet */
        json_object_set(out, "asks", json_object_get(sa, "tasks-active"));
    json_object_foreach(json_object_get(sa, "child-sas"), key, child)
    {
        json_array_append_new(children, charon_child(child, kernel));
    }

    return out;
}

/* One of vici's lists; NULL: it does not answer. */
static json_t *ask(const struct vc_daemon *daemon, const char *command, const char *event)
{
    int fd = vc_node_connect(&daemon->node->rt, daemon->plan->ready, NULL);

    if (fd < 0)
        return NULL;
    VC_AUTO_TALLOC struct vc_vici *vici = vc_vici_new(NULL, fd);
    VC_AUTO_JSON *reply = vc_vici_call(vici, command, NULL, event, NULL);
    return json_incref(json_object_get(reply, "items"));
}

static json_t *charon_sas(const struct vc_daemon *daemon)
{
    VC_AUTO_JSON *items = ask(daemon, "list-sas", "list-sa");
    VC_AUTO_JSON *kernel = vc_xfrm_list(daemon->node->rt.netns, NULL);
    json_t *out = items ? json_array() : NULL, *item, *sa;
    const char *name;
    size_t i;

    json_array_foreach(items, i, item)
    {
        json_object_foreach(item, name, sa)
        {
            json_array_append_new(out, charon_sa(name, sa, kernel));
        }
    }

    return out;
}

/* ---- Libreswan ---- */

/* The words of ipsec.conf beside ours. */
static const struct {
    const char *keyword, *member;
} libreswan_words[] = {{"ike", "ike"},
                       {"esp", "esp"},
                       {"left", "local"},
                       {"right", "remote"},
                       {"leftid", "local_id"},
                       {"rightid", "remote_id"},
                       {"type", "mode"},
                       {"leftsubnet", "local_ts"},
                       {"rightsubnet", "remote_ts"}};

static void read_word(json_t *connection, const char *keyword, const char *value)
{
    for (size_t i = 0; i < VC_COUNT(libreswan_words); i++)
        if (!strcmp(libreswan_words[i].keyword, keyword))
            json_object_set_new(connection, libreswan_words[i].member, json_string(value));
    if (!strcmp(keyword, "keyexchange"))
        json_object_set_new(connection, "version", json_integer(strcmp(value, "ikev1") ? 2 : 1));
    else if (!strcmp(keyword, "auto"))
        json_object_set_new(connection, "start",
                            json_string(!strcmp(value, "add") || !strcmp(value, "ignore") ? "none"
                                        : !strcmp(value, "start")                         ? "start"
                                                                                          : "trap"));
    else if (!strcmp(keyword, "ipsec-lifetime"))
        json_object_set_new(connection, "lifetime_s", json_integer(strtoll(value, NULL, 10)));
    else if (!strcmp(keyword, "replay-window"))
        json_object_set_new(connection, "replay_window", json_integer(strtoll(value, NULL, 10)));
    else if (!strcmp(keyword, "leftprotoport"))
        json_object_set_new(connection, "protocol", json_string(value));
}

/* In strongSwan's words, so that rules need not know whose they are. */
static void in_our_words(const struct vc_lab *lab, json_t *connection)
{
    const struct vc_settings *s = &lab->plan->topology->settings;
    const char *protocol = json_string_value(json_object_get(connection, "protocol"));
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    bool pfs;
    const struct {
        const char *member, *theirs, *ours;
    } proposals[] = {{"ike", vc_libreswan_ike(scratch, s->ike_proposal, NULL), s->ike_proposal},
                     {"esp", vc_libreswan_esp(scratch, s->esp_proposal, &pfs, NULL), s->esp_proposal}};
    static const char *const selectors[] = {"local_ts", "remote_ts"};
    static const char *const identities[] = {"local_id", "remote_id"};

    for (size_t i = 0; i < VC_COUNT(proposals); i++) {
        const char *value = json_string_value(json_object_get(connection, proposals[i].member));
        if (value && proposals[i].theirs && !strcmp(value, proposals[i].theirs))
            json_object_set_new(connection, proposals[i].member, json_string(proposals[i].ours));
    }
    for (size_t i = 0; i < VC_COUNT(selectors); i++) {
        const char *value = json_string_value(json_object_get(connection, selectors[i]));
        if (value)
            json_object_set_new(connection, selectors[i],
                                protocol ? json_sprintf("%s[%s]", value, strcmp(protocol, "47") ? protocol : "gre")
                                         : json_string(value));
    }
    for (size_t i = 0; i < VC_COUNT(identities); i++) {
        const char *value = json_string_value(json_object_get(connection, identities[i]));
        if (value && *value == '@')
            json_object_set_new(connection, identities[i], json_string(value + 1));
    }
}

static json_t *libreswan_configured(const struct lab_node *node)
{
    VC_AUTO_TALLOC char *text = evidence_file(NULL, node, "/etc/ipsec.conf");
    VC_AUTO_TALLOC char *secrets = evidence_file(NULL, node, "/etc/ipsec.secrets");
    json_t *out = json_object(), *connection = NULL;
    char *save = NULL;
    const char *name;

    for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
        char *equals = strchr(line, '=');
        if (!strncmp(line, "conn ", 5)) {
            connection = NULL; /* what is no tunnel's, such as %default, says nothing of one */
            if (tunnel_named(node->daemons->lab, line + 5) == VC_NONE)
                continue;
            connection = json_object();
            json_object_set_new(out, line + 5, connection);
        } else if (connection && equals) {
            *equals = '\0';
            read_word(connection, line + strspn(line, " \t"), equals + 1);
        }
    }
    json_object_foreach(out, name, connection)
    {
        in_our_words(node->daemons->lab, connection);
    }

    if (secrets)
        evidence_read_secrets(node->daemons->lab, secrets, out);
    return out;
}

/* What the kernel counted in the SA of that SPI, as charon tells it of its own. */
static void set_counts(json_t *child, const json_t *kernel, const json_t *status, const char *way)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const json_t *sa =
        kernel_sa(kernel, json_string_value(json_object_get(status, talloc_asprintf(scratch, "spi-%s", way))));

    if (!sa)
        return;
    json_object_set(child, talloc_asprintf(scratch, "packets_%s", way), json_object_get(sa, "packets"));
    if (json_object_get(sa, "idle_s"))
        json_object_set(child, talloc_asprintf(scratch, "idle_%s_s", way), json_object_get(sa, "idle_s"));
}

/* What is up in the kernel; a tunnel without SAs is not there. */
static json_t *libreswan_sas(const struct vc_daemon *daemon)
{
    VC_AUTO_JSON *items = daemon->sas ? vc_xfrm_watch_status(daemon->sas) : json_array();
    VC_AUTO_JSON *kernel = vc_xfrm_list(daemon->node->rt.netns, NULL);
    json_t *out = json_array(), *item, *sa, *child;
    const char *name, *key;
    size_t i;

    json_array_foreach(items, i, item)
    {
        json_object_foreach(item, name, sa)
        {
            json_t *children = json_array();
            json_object_foreach(json_object_get(sa, "child-sas"), key, child)
            {
                json_t *told = json_pack("{s:s, s:s}", "name", name, "state", "INSTALLED");
                set_counts(told, kernel, child, "in");
                set_counts(told, kernel, child, "out");
                set_late(told, kernel, child);
                json_array_append_new(children, told);
            }

            json_array_append_new(
                out, json_pack("{s:s, s:s, s:o}", "connection", name, "state", "ESTABLISHED", "children", children));
        }
    }

    return out;
}

/* ---- either ---- */

json_t *evidence_sas(const struct lab_node *node)
{
    const struct vc_daemon *charon = evidence_daemon(node, "charon"), *pluto = evidence_daemon(node, "pluto");

    return charon ? charon_sas(charon) : pluto ? libreswan_sas(pluto) : json_array();
}

json_t *evidence_ike(const struct lab_node *node)
{
    for (size_t i = 0; i < node->rt.plan->daemon_count; i++) {
        const struct vc_daemon *daemon = &node->daemons[i];
        bool charon = !strcmp(daemon->plan->name, "charon");
        if (!charon && strcmp(daemon->plan->name, "pluto") != 0)
            continue;
        bool answers = charon && evidence_daemon(node, "charon");
        VC_AUTO_JSON *loaded = answers ? ask(daemon, "list-conns", "list-conn") : NULL;
        return json_pack("{s:s, s:o, s:o*}", "daemon", daemon->plan->name, "configured",
                         charon ? charon_configured(daemon, loaded) : libreswan_configured(node), "sas",
                         evidence_sas(node));
    }
    return NULL;
}
