/*
 * The ends of GRE tunnels. An interface's flags, addresses and MTU are the kernel's, and where the kernel carries GRE
 * its ends too. In the user-space plane the endpoint is the device: there its ends are what it runs with. Keepalives
 * are the endpoint's in both.
 */
#include "lab/evidence.h"

static json_t *keepalive(const struct lab_gre *gre)
{
    const struct vc_gre_report *c = &gre->counters;
    json_t *out = json_pack("{s:i, s:i, s:I, s:I, s:I}", "every_s", (int)gre->plan->keepalive_s, "retries",
                            (int)gre->plan->retries, "sent", (json_int_t)c->keepalives_sent, "answered",
                            (json_int_t)c->keepalives_answered, "returned", (json_int_t)c->keepalives_returned);

    evidence_age(gre->lab, out, "answered_age_s", gre->answered_ns);
    evidence_age(gre->lab, out, "returned_age_s", gre->returned_ns);
    return out;
}

static json_t *gre_end(const struct lab_gre *gre, struct vc_rtnl *rtnl)
{
    struct vc_rtnl_link link;
    json_t *out = json_pack("{s:s, s:b, s:o}", "ifname", gre->plan->ifname, "up", gre->up, "keepalive", keepalive(gre));

    evidence_age(gre->lab, out, "changed_s", gre->changed_ns);
    if (vc_rtnl_link(rtnl, gre->plan->ifname, &link, NULL) || !link.exists)
        return out;
    json_object_set_new(out, "local", json_string(vc_addr_text(link.gre ? link.local : gre->plan->local).s));
    json_object_set_new(out, "remote", json_string(vc_addr_text(link.gre ? link.remote : gre->plan->remote).s));
    json_object_set_new(out, "address", json_string(link.address.len ? vc_prefix_text(link.address).s : "none"));
    json_object_set_new(out, "mtu", json_integer(link.mtu));
    return out;
}

json_t *evidence_gre(const struct lab_node *node, struct vc_rtnl *rtnl)
{
    json_t *out = json_object();

    for (size_t i = 0; i < node->rt.plan->gre_count; i++)
        json_object_set_new(out, node->gres[i].lab->plan->topology->tunnels[node->gres[i].plan->tunnel].name,
                            gre_end(&node->gres[i], rtnl));
    return out;
}
