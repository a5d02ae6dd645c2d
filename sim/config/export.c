/*
 * What a customer can take along: IOS-XE by its writer, everything else as the plan has the node's files, so that what
 * is exported is what is played.
 */
#include <string.h>

#include "config/private.h"

const char *const vc_export_forms[] = {"ios-xe", "strongswan", "frr", "bird", "libreswan", NULL};

/* A copy in which marks stand for every key of the node. */
static struct vc_topology *without_keys(void *ctx, const struct vc_topology *topology, size_t node)
{
    struct vc_topology *bare = talloc_memdup(ctx, topology, sizeof *topology);
    const struct vc_configure *own = topology->nodes[node].configure;

    bare->tunnels = talloc_memdup(bare, topology->tunnels, topology->tunnel_count * sizeof *topology->tunnels);
    for (size_t i = 0; i < bare->tunnel_count; i++) {
        bare->tunnels[i].psk = talloc_asprintf(bare, "<PSK-%s>", bare->tunnels[i].name);
        bare->tunnels[i].bgp_password = talloc_asprintf(bare, "<BGP-PW-%s>", bare->tunnels[i].name);
    }
    if (!own)
        return bare;
    struct vc_configure *configure = talloc_zero(bare, struct vc_configure);
    json_t *knobs = json_deep_copy(own->knobs), *tunnel;
    const char *name;
    bare->nodes = talloc_memdup(bare, topology->nodes, topology->node_count * sizeof *topology->nodes);
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
    bare->nodes[node].configure = configure;
    return bare;
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
    char *text = NULL;
    size_t f = 0;

    if (!plan)
        return NULL;
    while (strcmp(forms[f].form, form) != 0)
        f++;
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
    bool cpe = false;

    for (size_t i = 0; i < topology->tunnel_count; i++)
        cpe |= topology->tunnels[i].cpe == node;
    if (!cpe) {
        vc_fail(err, VC_EXIT_USAGE, 0, "node %s is the CPE of no tunnel of topology %s", topology->nodes[node].name,
                topology->name);
        return NULL;
    }
    if (!secrets)
        topology = without_keys(scratch, topology, node);
    if (strcmp(form, "ios-xe") != 0)
        return planned(ctx, topology, options, node, form, err);
    const struct vc_cpe *config = vc_cpe_of(scratch, topology, options, node, err);
    return config ? vc_cpe_ios_xe(ctx, config, secrets) : NULL;
}
