/*
 * What a customer can take along: IOS-XE by its writer, everything else as the plan has the node's files, so that what
 * is exported is what is played.
 */
#include <string.h>

#include "config/private.h"
#include "config/redact_file.h"
#include "plan/key.h"
#include "plan/own_files.h"

const char *const vc_export_forms[] = {"ios-xe", "strongswan", "frr", "bird", "libreswan", NULL};

/* A key that stands in a name or a description is not guessed at. Short ones may be ordinary words. */
static int check_leftovers(const struct vc_secrets *secrets, const struct vc_node *node, vc_error **err)
{
    enum { TELLING_BYTES = 6 };
    const char *secret;

    for (size_t i = 0; i < node->file_count; i++)
        for (size_t k = 0; (secret = vc_secrets_text(secrets, k)); k++)
            if (strlen(secret) >= TELLING_BYTES && strstr(node->files[i].text, secret))
                return vc_fail(err, VC_EXIT_USAGE, 0,
                               "%s: a key also stands outside of its own place (in a name or description); take it out",
                               node->files[i].path);
    return 0;
}

/* The node's own files with a mark or word for each key. */
static int redact_files(void *ctx, const struct vc_topology *topology, uint64_t seed, struct vc_node *node,
                        vc_error **err)
{
    struct vc_secrets *secrets = vc_secrets_new(ctx);
    VC_AUTO_JSON *replaced = json_array();

    for (size_t i = 0; i < topology->tunnel_count; i++) {
        const char *name = topology->tunnels[i].name;

        vc_secrets_note(secrets, vc_key_of(ctx, topology, i, VC_KEY_PSK, seed), talloc_asprintf(ctx, "<PSK-%s>", name));
        vc_secrets_note(secrets, vc_key_of(ctx, topology, i, VC_KEY_BGP, seed),
                        talloc_asprintf(ctx, "<BGP-PW-%s>", name));
    }
    node->files = talloc_memdup(ctx, node->files, node->file_count * sizeof *node->files);
    for (size_t i = 0; i < node->file_count; i++) {
        struct vc_own_file *file = &node->files[i];
        VC_AUTO_JSON *text = vc_redact_file(secrets, file->name, file->path, file->text, replaced, err);

        if (!text)
            return -1;
        file->text = talloc_strdup(ctx, json_string_value(text));
    }
    return check_leftovers(secrets, node, err);
}

static struct vc_configure *without_own_keys(void *ctx, const struct vc_configure *own)
{
    struct vc_configure *configure = talloc_zero(ctx, struct vc_configure);
    json_t *knobs = json_deep_copy(own->knobs), *tunnel;
    const char *name;

    *configure = (struct vc_configure){own->tunnel, knobs};
    json_object_del(knobs, "psk");
    if (strcmp(json_string_value(json_object_get(knobs, "bgp_password")) ?: "", "none") != 0)
        json_object_del(knobs, "bgp_password");
    json_object_foreach(json_object_get(knobs, "tunnels"), name, tunnel)
    {
        json_object_del(tunnel, "psk");
        if (strcmp(json_string_value(json_object_get(tunnel, "bgp_password")) ?: "", "none") != 0)
            json_object_del(tunnel, "bgp_password");
    }
    talloc_set_destructor(configure, vc_cpe_drop_knobs);
    return configure;
}

/* A copy in which marks stand for every key of the node. */
static struct vc_topology *without_keys(void *ctx, const struct vc_topology *topology, uint64_t seed, size_t node,
                                        vc_error **err)
{
    struct vc_topology *bare = talloc_memdup(ctx, topology, sizeof *topology);

    bare->tunnels = talloc_memdup(bare, topology->tunnels, topology->tunnel_count * sizeof *topology->tunnels);
    for (size_t i = 0; i < bare->tunnel_count; i++) {
        bare->tunnels[i].psk = talloc_asprintf(bare, "<PSK-%s>", bare->tunnels[i].name);
        bare->tunnels[i].bgp_password = talloc_asprintf(bare, "<BGP-PW-%s>", bare->tunnels[i].name);
    }
    bare->nodes = talloc_memdup(bare, topology->nodes, topology->node_count * sizeof *topology->nodes);
    struct vc_node *own = &bare->nodes[node];
    if (own->configure)
        own->configure = without_own_keys(bare, own->configure);
    return redact_files(bare, topology, seed, own, err) ? NULL : bare;
}

int vc_cpe_drop_knobs(struct vc_configure *configure)
{
    json_decref(configure->knobs);
    return 0;
}

static const char *file_of(const struct vc_plan_node *node, const char *path)
{
    for (size_t i = 0; i < node->file_count; i++)
        if (!strcmp(node->files[i].path, path))
            return node->files[i].text;
    return NULL;
}

static char *strongswan(void *ctx, const struct vc_plan_node *node)
{
    for (size_t i = 0; i < node->daemon_count; i++)
        if (node->daemons[i].vici_config)
            return talloc_strdup(ctx, node->daemons[i].vici_config);
    return NULL;
}

static const struct vc_own_file *own_file(const struct vc_node *node, const char *name)
{
    for (size_t i = 0; i < node->file_count; i++)
        if (!strcmp(node->files[i].name, name))
            return &node->files[i];
    return NULL;
}

/* FRR's integrated file: what each daemon has, and what all of them have once. */
static char *frr(void *ctx, const struct vc_plan_node *node)
{
    static const char *const daemons[] = {"zebra", "bgpd", "bfdd", "ospfd"};
    char *text = NULL;

    for (size_t i = 0; i < VC_COUNT(daemons); i++) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "/etc/frr/%s.conf", daemons[i]);
        const char *part = file_of(node, path);

        while (part && *part) {
            size_t length = strcspn(part, "\n");
            VC_AUTO_TALLOC char *line = talloc_strndup(NULL, part, length);

            /* a daemon's log is the node's own affair; a name is said once */
            if (strncmp(line, "log ", 4) != 0 && (strncmp(line, "hostname ", 9) != 0 || !text))
                text = talloc_asprintf_append(text ? text : talloc_strdup(ctx, ""), "%s\n", line);
            part += length + (part[length] == '\n');
        }
    }
    return text;
}

static char *bird(void *ctx, const struct vc_plan_node *node)
{
    const char *text = file_of(node, "/etc/bird/bird.conf");

    return text ? talloc_strdup(ctx, text) : NULL;
}

/* ipsec.conf, and ipsec.secrets below a line that says so. */
static char *libreswan(void *ctx, const struct vc_plan_node *node)
{
    const char *conf = file_of(node, "/etc/ipsec.conf"), *secrets = file_of(node, "/etc/ipsec.secrets");

    return conf && secrets ? talloc_asprintf(ctx, "%s# ipsec.secrets\n%s", conf, secrets) : NULL;
}

static const struct {
    const char *form, *what;
    char *(*text)(void *ctx, const struct vc_plan_node *node);
} forms[] = {
    {"strongswan", "strongSwan", strongswan},
    {"frr", "FRR", frr},
    {"bird", "BIRD", bird},
    {"libreswan", "Libreswan", libreswan},
};

static char *planned(void *ctx, const struct vc_topology *topology, const struct vc_plan_options *options, size_t node,
                     const char *form, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_plan *plan = vc_plan_make(NULL, topology, options, err);
    const struct vc_own_file *own = own_file(&topology->nodes[node], "frr.conf");
    char *text = NULL;
    size_t f = 0;

    if (!plan)
        return NULL;
    while (strcmp(forms[f].form, form) != 0)
        f++;
    if (own && !strcmp(form, "frr")) /* whole, not as the daemons share it */
        return vc_own_file_text(ctx, topology, options->seed, own->text);
    text = forms[f].text(ctx, &plan->nodes[node]);
    if (!text)
        vc_fail(err, VC_EXIT_USAGE, 0, "node %s of kind %s runs no %s", topology->nodes[node].name,
                topology->nodes[node].kind, forms[f].what);
    return text;
}

char *vc_cpe_export(void *ctx, const struct vc_topology *topology, const struct vc_plan_options *options, size_t node,
                    const char *form, bool secrets, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    bool ios = !strcmp(form, "ios-xe");

    if (!vc_topology_is_cpe(topology, node)) {
        vc_fail(err, VC_EXIT_USAGE, 0, "node %s is the CPE of no tunnel of topology %s", topology->nodes[node].name,
                topology->name);
        return NULL;
    }
    if (ios && topology->nodes[node].file_count) {
        vc_fail(err, VC_EXIT_USAGE, 0,
                "node %s has a %s of its own, which vclab does not say in words of IOS-XE; export it from the topology "
                "that this one is based on",
                topology->nodes[node].name, topology->nodes[node].files[0].name);
        return NULL;
    }
    if (!secrets && !(topology = without_keys(scratch, topology, options->seed, node, err)))
        return NULL;
    if (!ios)
        return planned(ctx, topology, options, node, form, err);
    const struct vc_cpe *config = vc_cpe_of(scratch, topology, options, node, err);
    return config ? vc_cpe_ios_xe(ctx, config, secrets, err) : NULL;
}
