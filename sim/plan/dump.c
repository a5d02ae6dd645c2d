/* The plan as text: every field of every node, files indented below their path, so that a golden test shows a change
 * where it is. */
#include <inttypes.h>
#include <string.h>

#include "plan/plan.h"

static void dump_list(FILE *out, const char *title, const char *const *list)
{
    for (size_t i = 0; list && list[i]; i++)
        fprintf(out, "  %s %s\n", title, list[i]);
}

static void dump_block(FILE *out, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");

        fprintf(out, "%s%.*s\n", len ? "    | " : "    |", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

static void dump_wire(FILE *out, const struct vc_wire *wire, uint64_t seed)
{
    VC_AUTO_TALLOC char *text = vc_wire_text(NULL, wire);

    if (vc_wire_is_perfect(wire))
        return;
    fprintf(out, "    wire %s", text);
    if (vc_wire_needs_netem(wire)) /* a rate leaves nothing to chance */
        fprintf(out, ", seed %016" PRIx64, seed);
    fputc('\n', out);
}

static void dump_interface(FILE *out, const struct vc_plan_iface *i)
{
    fprintf(out, "  interface %s %s mac %02x:%02x:%02x:%02x:%02x:%02x mtu %u link %zu end %u\n", i->ifname,
            vc_prefix_text(i->address).s, i->mac[0], i->mac[1], i->mac[2], i->mac[3], i->mac[4], i->mac[5], i->mtu,
            i->link, i->end);
    dump_wire(out, &i->wire, i->wire_seed);
}

static void dump_gre(FILE *out, const struct vc_plan_gre *g)
{
    fprintf(out, "  gre %s %s -> %s address %s peer %s mtu %u keepalive %us x %u%s%s\n", g->ifname,
            vc_addr_text(g->local).s, vc_addr_text(g->remote).s, vc_prefix_text(g->address).s,
            vc_addr_text(g->peer_address).s, g->mtu, g->keepalive_s, g->retries,
            g->ignores_keepalives ? " ignores keepalives" : "", g->shut ? " shut" : "");
    dump_wire(out, &g->wire, g->wire_seed);
}

static void dump_route(FILE *out, const struct vc_plan_route *r)
{
    fprintf(out, "  route %s", vc_prefix_text(r->prefix).s);
    if (r->blackhole)
        fputs(" blackhole", out);
    if (r->via.s_addr)
        fprintf(out, " via %s", vc_addr_text(r->via).s);
    if (r->ifname)
        fprintf(out, " dev %s", r->ifname);
    fprintf(out, " table %" PRIu32 " metric %" PRIu32 "\n", r->table, r->metric);
}

static void dump_daemon(FILE *out, const struct vc_plan_daemon *d)
{
    fprintf(out, "  daemon %s", d->name);
    for (size_t i = 0; d->argv[i]; i++)
        fprintf(out, " %s", d->argv[i]);
    fputc('\n', out);
    for (size_t i = 0; d->needs[i]; i++)
        fprintf(out, "    needs %s\n", d->needs[i]);
    fprintf(out, "    ready %s\n    log %s\n    rt_priority %d\n", d->ready, d->log, d->rt_priority);
    if (d->after_bgp)
        fputs("    after_bgp\n", out);
    if (d->kernel_sas)
        fputs("    kernel_sas\n", out);
    for (size_t i = 0; d->load[i]; i++)
        fprintf(out, "    load %s\n", d->load[i]);
    if (d->vici_config) {
        fputs("    vici_config\n", out);
        dump_block(out, d->vici_config);
    }
}

static void dump_node(FILE *out, const struct vc_plan_node *n)
{
    fprintf(out, "\nnode %s kind %s\n", n->name, n->kind);
    dump_list(out, "sysctl", n->sysctls);
    for (size_t i = 0; i < n->iface_count; i++)
        dump_interface(out, &n->ifaces[i]);
    for (size_t i = 0; i < n->loopback_count; i++)
        fprintf(out, "  loopback %s/32\n", vc_addr_text(n->loopbacks[i]).s);
    for (size_t i = 0; i < n->gre_count; i++)
        dump_gre(out, &n->gres[i]);
    for (size_t i = 0; i < n->route_count; i++)
        dump_route(out, &n->routes[i]);
    if (n->firewall) {
        fputs("  firewall\n", out);
        dump_block(out, n->firewall);
    }
    dump_list(out, "directory", n->directories);
    dump_list(out, "socket", n->sockets);
    for (size_t i = 0; i < n->file_count; i++) {
        fprintf(out, "  file %s mode %04o\n", n->files[i].path, n->files[i].mode);
        dump_block(out, n->files[i].text);
    }
    for (size_t i = 0; i < n->daemon_count; i++)
        dump_daemon(out, &n->daemons[i]);
}

char *vc_plan_dump(const struct vc_plan *plan)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    fprintf(out, "plan of %s: %s plane, timers %s, seed %" PRIu64 "\n", plan->topology->name,
            plan->options.plane == VC_PLANE_USER ? "user" : "kernel", plan->options.timers->name, plan->options.seed);
    for (size_t i = 0; i < plan->node_count; i++)
        dump_node(out, &plan->nodes[i]);
    if (fclose(out) != 0)
        abort();
    return text;
}
