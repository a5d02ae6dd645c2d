/* What a node's configuration is by the plan. The plan's own context says it, so that there is one place that knows. */
#include "config/config.h"

#include <stdarg.h>
#include <string.h>

#include "config/private.h"
#include "plan/configured.h"

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

static const json_t *object_of(const json_t *object, const char *member)
{
    return json_object_get(object, member);
}

static unsigned number_of(const json_t *object, const char *member)
{
    return (unsigned)json_integer_value(json_object_get(object, member));
}

static struct in_addr address_of(const json_t *object, const char *member)
{
    struct in_addr address = {0};

    vc_addr_parse(text_of(object, member), &address);
    return address;
}

static struct vc_prefix prefix_of(const char *text)
{
    struct vc_prefix prefix = {0};

    vc_prefix_parse(text, &prefix);
    return prefix;
}

static void add_text(struct vc_cpe *cpe, const char ***list, size_t *count, int line, const char *format, va_list args)
{
    char *text = line ? talloc_asprintf(cpe, "%s:%d: ", cpe->file, line) : talloc_asprintf(cpe, "%s: ", cpe->file);

    text = talloc_vasprintf_append(text, format, args);
    for (size_t i = 0; i < *count; i++)
        if (!strcmp((*list)[i], text))
            return; /* of one line that counts for several tunnels */
    *list = talloc_realloc(cpe, *list, const char *, *count + 1);
    (*list)[(*count)++] = text;
}

void vc_cpe_error(struct vc_cpe *cpe, int line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_text(cpe, &cpe->errors, &cpe->error_count, line, format, args);
    va_end(args);
}

void vc_cpe_note(struct vc_cpe *cpe, int line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_text(cpe, &cpe->notes, &cpe->note_count, line, format, args);
    va_end(args);
}

void vc_cpe_prefix_add(void *ctx, struct vc_cpe_prefixes *list, struct vc_prefix prefix)
{
    list->items = talloc_realloc(ctx, list->items, struct vc_prefix, list->count + 1);
    list->items[list->count++] = prefix;
}

bool vc_cpe_prefix_has(const struct vc_cpe_prefixes *list, struct vc_prefix prefix)
{
    for (size_t i = 0; i < list->count; i++)
        if (vc_prefix_equal(list->items[i], prefix))
            return true;
    return false;
}

/* "10.200.0.1/32[gre]" */
static struct vc_prefix selector_of(const json_t *selectors, const char *end, const char **protocol)
{
    const char *text = text_of(selectors, end), *bracket = strchr(text, '[');
    VC_AUTO_TALLOC char *prefix = talloc_strndup(NULL, text, bracket ? (size_t)(bracket - text) : strlen(text));

    *protocol = bracket ? "gre" : "ip";
    return prefix_of(prefix);
}

static void take_ipsec(struct vc_cpe *cpe, struct vc_cpe_tunnel *t, const json_t *tunnel, const json_t *settings)
{
    const json_t *identity = object_of(tunnel, "identity");

    t->crypto = true;
    t->peer = address_of(tunnel, "peer");
    t->ike_version = number_of(tunnel, "ike_version");
    t->ike = talloc_strdup(cpe, text_of(settings, "ike_proposal"));
    t->psk.text = talloc_strdup(cpe, text_of(tunnel, "psk"));
    t->identity = talloc_strdup(cpe, text_of(identity, "local"));
    t->remote_identity = talloc_strdup(cpe, text_of(identity, "remote"));
    t->ike_lifetime_s = number_of(settings, "ike_rekey_s") + number_of(settings, "ike_over_s");
    t->dpd_delay_s = number_of(settings, "dpd_delay_s");
    t->esp = talloc_strdup(cpe, text_of(settings, "esp_proposal"));
    t->mode = talloc_strdup(cpe, text_of(tunnel, "mode"));
    t->child_lifetime_s = number_of(settings, "child_lifetime_s");
    t->replay_window = number_of(settings, "replay_window");
    t->selector_local = selector_of(object_of(tunnel, "selectors"), "local", &t->protocol);
    t->selector_remote = selector_of(object_of(tunnel, "selectors"), "remote", &t->protocol);
    t->underlay = json_is_object(object_of(tunnel, "underlay"));
}

static void take_bgp(struct vc_cpe *cpe, struct vc_cpe_tunnel *t, const json_t *tunnel, const json_t *node_timers)
{
    const json_t *own = object_of(tunnel, "own_timers"), *item;
    const json_t *timers = json_is_object(own) ? own : object_of(node_timers, "bgp");
    const json_t *password = object_of(tunnel, "bgp_password"), *local_as = object_of(tunnel, "local_as");
    size_t i;

    t->bgp = !json_is_true(object_of(tunnel, "bgp_off"));
    t->neighbor = address_of(tunnel, "neighbor");
    t->remote_as = number_of(tunnel, "remote_asn");
    t->local_as = json_is_integer(local_as) ? (uint32_t)json_integer_value(local_as) : cpe->asn;
    t->password.text = json_is_string(password) ? talloc_strdup(cpe, json_string_value(password)) : NULL;
    t->bgp_keepalive_s = number_of(timers, "keepalive_s");
    t->bgp_hold_s = number_of(timers, "hold_s");
    t->sends_default = json_is_true(object_of(tunnel, "default"));
    t->filters_in = json_is_true(object_of(tunnel, "inbound_policy"));
    json_array_foreach(object_of(tunnel, "accept"), i, item)
        vc_cpe_prefix_add(cpe, &t->accept, prefix_of(text_of(item, "prefix")));
    json_array_foreach(object_of(tunnel, "leak"), i, item)
        vc_cpe_prefix_add(cpe, &t->leak, prefix_of(json_string_value(item)));
}

static void take_gre(struct vc_cpe_tunnel *t, const struct vc_plan_gre *gre, const json_t *settings, const json_t *vrf,
                     bool pmtud)
{
    t->transport_local = gre->local;
    t->transport_remote = gre->remote;
    t->vrf = (unsigned)json_integer_value(vrf);
    t->address = gre->address;
    t->mtu = gre->mtu;
    t->mss = number_of(settings, "mss");
    t->pmtud = pmtud;
    t->keepalive_s = gre->keepalive_s;
    t->shutdown = gre->shut;
    t->retries = gre->retries;
}

static void take_tunnels(struct vc_cpe *cpe, const struct vc_topology *topology, const struct vc_plan_node *planned,
                         const json_t *context)
{
    const json_t *tunnels = object_of(context, "tunnels"), *tunnel;
    bool pmtud = json_is_true(object_of(object_of(context, "guard"), "pmtud"));
    size_t i;

    cpe->tunnels = talloc_zero_array(cpe, struct vc_cpe_tunnel, json_array_size(tunnels));
    json_array_foreach(tunnels, i, tunnel)
    {
        const json_t *own = object_of(tunnel, "settings"), *settings = own ? own : object_of(context, "settings");
        struct vc_cpe_tunnel *t = &cpe->tunnels[cpe->tunnel_count++];

        t->name = talloc_strdup(cpe, text_of(tunnel, "name"));
        t->ifname = talloc_asprintf(cpe, "Tunnel%zu", i + 1);
        t->dpd_retries = topology->settings.dpd_retries;
        take_ipsec(cpe, t, tunnel, settings);
        take_bgp(cpe, t, tunnel, object_of(context, "timers"));
        take_gre(t, &planned->gres[i], settings, object_of(tunnel, "transport_vrf"), pmtud);
    }
}

static void take_interfaces(struct vc_cpe *cpe, const json_t *context)
{
    const json_t *interfaces = object_of(context, "interfaces"), *tunnels = object_of(context, "tunnels"), *item,
                 *tunnel;
    size_t i, k;

    cpe->interfaces = talloc_zero_array(cpe, struct vc_cpe_interface, json_array_size(interfaces));
    json_array_foreach(interfaces, i, item)
    {
        struct vc_cpe_interface *out = &cpe->interfaces[cpe->interface_count++];

        *out = (struct vc_cpe_interface){.name = talloc_asprintf(cpe, "GigabitEthernet%zu", i + 1),
                                         .description = talloc_strdup(cpe, text_of(item, "ifname")),
                                         .address = prefix_of(text_of(item, "address")),
                                         .lan = json_is_true(object_of(item, "customer"))};
        json_array_foreach(tunnels, k, tunnel) out->wan |=
            address_of(object_of(tunnel, "ipsec"), "source").s_addr == out->address.addr.s_addr;
    }
}

static void add_route(struct vc_cpe *cpe, struct vc_prefix prefix, struct in_addr via)
{
    for (size_t i = 0; i < cpe->route_count; i++)
        if (vc_prefix_equal(cpe->routes[i].prefix, prefix))
            return;
    cpe->routes = talloc_realloc(cpe, cpe->routes, struct vc_cpe_route, cpe->route_count + 1);
    cpe->routes[cpe->route_count++] = (struct vc_cpe_route){prefix, via};
}

static void take_routes(struct vc_cpe *cpe, const json_t *context)
{
    const json_t *tunnel;
    size_t i;

    json_array_foreach(object_of(context, "tunnels"), i, tunnel)
    {
        const json_t *underlay = object_of(tunnel, "underlay");
        struct in_addr via = address_of(underlay, "via");

        if (!json_is_object(underlay))
            continue;
        if (json_is_true(object_of(tunnel, "default_route"))) {
            add_route(cpe, (struct vc_prefix){{0}, 0}, via);
            continue;
        }
        add_route(cpe, (struct vc_prefix){address_of(tunnel, "peer"), 32}, via);
        add_route(cpe, (struct vc_prefix){address_of(object_of(tunnel, "transport"), "remote"), 32}, via);
    }
}

static void take_neighbors(struct vc_cpe *cpe, const json_t *context)
{
    const json_t *ibgp = object_of(context, "ibgp"), *item, *said = object_of(context, "redistribute");
    bool self = json_is_true(object_of(context, "next_hop_self"));
    size_t i;

    cpe->neighbors = talloc_zero_array(cpe, struct vc_cpe_neighbor, json_array_size(ibgp));
    json_array_foreach(ibgp, i, item) cpe->neighbors[cpe->neighbor_count++] =
        (struct vc_cpe_neighbor){.node = talloc_strdup(cpe, text_of(item, "node")),
                                 .address = address_of(item, "address"),
                                 .cpe = json_is_true(object_of(item, "cpe")),
                                 .next_hop_self = self};
    cpe->redistribute = json_is_true(object_of(said, "none"))      ? "none"
                        : json_is_true(object_of(said, "summary")) ? "summary"
                                                                   : "all";
}

/* Knobs of the node that mean something which a running-config does not say in these terms. */
static const char *unsaid_knobs(void *ctx, const struct vc_topology *topology, size_t node)
{
    static const char *const knobs[] = {"initiate",    "stateful",          "loop_guard",
                                        "clear_guard", "keepalive_answers", "firewall"};
    char *list = talloc_strdup(ctx, "");

    for (size_t k = 0; k < VC_COUNT(knobs); k++) {
        bool turned = vc_configured(topology, node, VC_NONE, knobs[k]);

        for (size_t i = 0; i < topology->tunnel_count && !turned; i++)
            turned = topology->tunnels[i].cpe == node && vc_configured(topology, node, i, knobs[k]);
        if (turned)
            list = talloc_asprintf_append(list, "%s%s", *list ? ", " : "", knobs[k]);
    }
    return *list ? list : NULL;
}

static bool runs_ospf(const struct vc_plan_node *node)
{
    for (size_t i = 0; i < node->daemon_count; i++)
        if (!strcmp(node->daemons[i].name, "ospfd"))
            return true;
    return false;
}

struct vc_cpe *vc_cpe_of(void *ctx, const struct vc_topology *topology, const struct vc_plan_options *options,
                         size_t node, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_plan *plan = vc_plan_make(NULL, topology, options, err);

    if (!plan)
        return NULL;
    VC_AUTO_JSON *context = vc_context(topology, options, node);
    struct vc_cpe *cpe = talloc_zero(ctx, struct vc_cpe);
    cpe->file = cpe->hostname = talloc_strdup(cpe, topology->nodes[node].name);
    cpe->asn = topology->nodes[node].asn;
    cpe->router_id = address_of(context, "router_id");
    vc_prefix_parse(text_of(context, "service"), &cpe->service);
    take_tunnels(cpe, topology, &plan->nodes[node], context);
    take_interfaces(cpe, context);
    take_routes(cpe, context);
    take_neighbors(cpe, context);
    cpe->bfd_interval_ms = options->timers->bfd_interval_ms;
    cpe->bfd_multiplier = options->timers->bfd_multiplier;
    cpe->ospf = runs_ospf(&plan->nodes[node]);
    cpe->unsaid = unsaid_knobs(cpe, topology, node);
    return cpe;
}

struct vc_topology *vc_cpe_plain_topology(void *ctx, const struct vc_topology *topology, size_t node)
{
    struct vc_topology *plain = talloc_memdup(ctx, topology, sizeof *topology);

    talloc_set_name_const(plain, "struct vc_topology");
    plain->nodes = talloc_memdup(plain, topology->nodes, topology->node_count * sizeof *topology->nodes);
    plain->nodes[node].configure = NULL;
    plain->nodes[node].files = NULL;
    plain->nodes[node].file_count = 0;
    return plain;
}

struct vc_cpe *vc_cpe_ordered(void *ctx, const struct vc_topology *topology, const struct vc_plan_options *options,
                              size_t node, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_topology *plain = vc_cpe_plain_topology(NULL, topology, node);

    return vc_cpe_of(ctx, plain, options, node, err);
}
