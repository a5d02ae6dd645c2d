/*
 * A CPE as a running-config of IOS-XE, in the order in which a router shows one. Everything of one tunnel has a name
 * with the tunnel's in it, so that what differs between two tunnels has a place.
 */
#include <ctype.h>
#include <string.h>

#include "config/private.h"
#include "config/words.h"

struct writer {
    const struct vc_cpe *cpe;
    FILE *out;
    bool secrets;
    void *scratch;
};

/* "VC-DC1" */
static const char *name_of(const struct writer *w, const struct vc_cpe_tunnel *t)
{
    char *name = talloc_asprintf(w->scratch, "VC-%s", t->name);

    for (char *c = name; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return name;
}

static const char *key_of(const struct writer *w, const struct vc_cpe_key *key, const char *mark,
                          const struct vc_cpe_tunnel *t)
{
    return w->secrets && key->text ? key->text : talloc_asprintf(w->scratch, "<%s-%s>", mark, t->name);
}

/* ---- IKE and IPsec ---- */

static void write_proposal(const struct writer *w, const struct vc_cpe_tunnel *t)
{
    const struct vc_word *parts[VC_WORD_PARTS];

    vc_words_split(t->ike, parts);
    fprintf(w->out, "crypto ikev2 proposal %s\n encryption %s\n", name_of(w, t), parts[VC_WORD_CIPHER]->ikev2);
    if (parts[VC_WORD_INTEGRITY])
        fprintf(w->out, " integrity %s\n", parts[VC_WORD_INTEGRITY]->ikev2);
    if (parts[VC_WORD_PRF])
        fprintf(w->out, " prf %s\n", parts[VC_WORD_PRF]->ikev2);
    fprintf(w->out, " group %s\n", parts[VC_WORD_GROUP]->ikev2);
}

static void write_ikev1(const struct writer *w, const struct vc_cpe_tunnel *t, size_t number)
{
    const struct vc_word *parts[VC_WORD_PARTS];

    vc_words_split(t->ike, parts);
    fprintf(w->out, "crypto isakmp policy %zu\n encr %s\n hash %s\n group %s\n", 10 * (number + 1),
            parts[VC_WORD_CIPHER]->transform + strlen("esp-"), parts[VC_WORD_PRF]->ikev2, parts[VC_WORD_GROUP]->ikev2);
    fprintf(w->out, " authentication pre-share\n lifetime %u\n!\n", t->ike_lifetime_s);
    fprintf(w->out, "crypto isakmp key %s address %s\n", key_of(w, &t->psk, "PSK", t), vc_addr_text(t->peer).s);
    if (t->dpd_delay_s)
        fprintf(w->out, "crypto isakmp keepalive %u %u periodic\n", t->dpd_delay_s, t->dpd_retries);
    fputs("!\n", w->out);
}

static const char *identity_kind(const char *identity)
{
    struct in_addr address;

    return vc_addr_parse(identity, &address) ? "address" : strchr(identity, '@') ? "email" : "fqdn";
}

static void write_profile(const struct writer *w, const struct vc_cpe_tunnel *t)
{
    const char *name = name_of(w, t), *remote = identity_kind(t->remote_identity);
    bool address = !strcmp(remote, "address");

    fprintf(w->out,
            "crypto ikev2 profile %s\n match identity remote %s %s%s\n identity local %s %s\n authentication remote "
            "pre-share\n authentication local pre-share\n keyring local VC\n lifetime %u\n",
            name, remote, t->remote_identity, address ? " 255.255.255.255" : "", identity_kind(t->identity),
            t->identity, t->ike_lifetime_s);
    if (t->dpd_delay_s)
        fprintf(w->out, " dpd %u %u periodic\n", t->dpd_delay_s, t->dpd_retries);
    fputs("!\n", w->out);
}

static void write_ike(const struct writer *w)
{
    bool any = false;

    for (size_t i = 0; i < w->cpe->tunnel_count; i++)
        if (w->cpe->tunnels[i].ike_version == 1)
            write_ikev1(w, &w->cpe->tunnels[i], i);
        else
            any = true;
    if (!any)
        return;
    for (size_t i = 0; i < w->cpe->tunnel_count; i++)
        if (w->cpe->tunnels[i].ike_version == 2)
            write_proposal(w, &w->cpe->tunnels[i]);
    fputs("!\ncrypto ikev2 policy VC\n", w->out);
    for (size_t i = 0; i < w->cpe->tunnel_count; i++)
        if (w->cpe->tunnels[i].ike_version == 2)
            fprintf(w->out, " proposal %s\n", name_of(w, &w->cpe->tunnels[i]));
    fputs("!\ncrypto ikev2 keyring VC\n", w->out);
    for (size_t i = 0; i < w->cpe->tunnel_count; i++) {
        const struct vc_cpe_tunnel *t = &w->cpe->tunnels[i];
        if (t->ike_version == 2)
            fprintf(w->out, " peer %s\n  address %s\n  pre-shared-key %s\n !\n", name_of(w, t), vc_addr_text(t->peer).s,
                    key_of(w, &t->psk, "PSK", t));
    }
    fputs("!\n", w->out);
    for (size_t i = 0; i < w->cpe->tunnel_count; i++)
        if (w->cpe->tunnels[i].ike_version == 2)
            write_profile(w, &w->cpe->tunnels[i]);
}

/* Outside of the IPsec addresses IOS-XE uses transport mode only where it may use no other. */
static void write_transform(const struct writer *w, const struct vc_cpe_tunnel *t)
{
    const struct vc_word *parts[VC_WORD_PARTS];

    vc_words_split(t->esp, parts);
    fprintf(w->out, "crypto ipsec transform-set %s %s%s%s\n mode %s%s\n!\n", name_of(w, t),
            parts[VC_WORD_CIPHER]->transform, parts[VC_WORD_INTEGRITY] ? " " : "",
            parts[VC_WORD_INTEGRITY] ? parts[VC_WORD_INTEGRITY]->transform : "", t->mode,
            strcmp(t->mode, "transport") ? "" : " require");
}

static void write_replay(const struct writer *w, const char *before, unsigned window)
{
    if (window)
        fprintf(w->out, "%s security-association replay window-size %u\n", before, window);
    else
        fprintf(w->out, "%s security-association replay disable\n", before);
}

static void write_map(const struct writer *w, const struct vc_cpe_tunnel *t, size_t number)
{
    const struct vc_word *parts[VC_WORD_PARTS] = {NULL};
    const char *name = name_of(w, t);

    fprintf(w->out, "crypto map VC %zu ipsec-isakmp\n set peer %s\n", 10 * (number + 1), vc_addr_text(t->peer).s);
    fprintf(w->out, " set security-association lifetime seconds %u\n set transform-set %s\n", t->child_lifetime_s,
            name);
    if (t->replay_window != w->cpe->tunnels[0].replay_window)
        write_replay(w, " set", t->replay_window);
    if (vc_words_split(t->esp, parts) && parts[VC_WORD_GROUP])
        fprintf(w->out, " set pfs group%s\n", parts[VC_WORD_GROUP]->ikev2);
    if (t->ike_version == 2)
        fprintf(w->out, " set ikev2-profile %s\n", name);
    fprintf(w->out, " match address %s\n!\n", name);
}

/* ---- interfaces ---- */

static const struct vc_cpe_interface *owner(const struct vc_cpe *cpe, struct in_addr address)
{
    for (size_t i = 0; i < cpe->interface_count; i++)
        if (cpe->interfaces[i].address.addr.s_addr == address.s_addr)
            return &cpe->interfaces[i];
    return NULL;
}

/* The first tunnel of that transport; its loopback has the tunnel's number. */
static size_t first_with(const struct vc_cpe *cpe, struct in_addr transport)
{
    size_t i = 0;

    while (cpe->tunnels[i].transport_local.s_addr != transport.s_addr)
        i++;
    return i;
}

static void write_loopbacks(const struct writer *w)
{
    for (size_t i = 0; i < w->cpe->tunnel_count; i++) {
        struct in_addr local = w->cpe->tunnels[i].transport_local;

        if (!owner(w->cpe, local) && first_with(w->cpe, local) == i)
            fprintf(w->out, "interface Loopback%zu\n ip address %s 255.255.255.255\n!\n", i + 1, vc_addr_text(local).s);
    }
}

static void write_tunnel(const struct writer *w, const struct vc_cpe_tunnel *t)
{
    const struct vc_cpe_interface *source = owner(w->cpe, t->transport_local);

    fprintf(w->out, "interface %s\n description %s\n ip address %s %s\n ip mtu %u\n", t->ifname, t->name,
            vc_addr_text(t->address.addr).s, vc_mask_text(t->address.len, false).s, t->mtu);
    if (t->mss)
        fprintf(w->out, " ip tcp adjust-mss %u\n", t->mss);
    if (w->cpe->bfd_interval_ms)
        fprintf(w->out, " bfd interval %u min_rx %u multiplier %u\n", w->cpe->bfd_interval_ms, w->cpe->bfd_interval_ms,
                w->cpe->bfd_multiplier);
    if (t->keepalive_s)
        fprintf(w->out, " keepalive %u %u\n", t->keepalive_s, t->retries);
    if (source)
        fprintf(w->out, " tunnel source %s\n", source->name);
    else
        fprintf(w->out, " tunnel source Loopback%zu\n", first_with(w->cpe, t->transport_local) + 1);
    fprintf(w->out, " tunnel destination %s\n", vc_addr_text(t->transport_remote).s);
    if (t->pmtud)
        fputs(" tunnel path-mtu-discovery\n", w->out);
    if (t->vrf)
        fprintf(w->out, " tunnel vrf VRF%u\n", t->vrf);
    if (t->shutdown)
        fputs(" shutdown\n", w->out);
    fputs("!\n", w->out);
}

static void write_interfaces(const struct writer *w)
{
    write_loopbacks(w);
    for (size_t i = 0; i < w->cpe->tunnel_count; i++)
        write_tunnel(w, &w->cpe->tunnels[i]);
    for (size_t i = 0; i < w->cpe->interface_count; i++) {
        const struct vc_cpe_interface *p = &w->cpe->interfaces[i];

        fprintf(w->out, "interface %s\n description %s\n ip address %s %s\n", p->name, p->description,
                vc_addr_text(p->address.addr).s, vc_mask_text(p->address.len, false).s);
        if (p->wan)
            fputs(" crypto map VC\n", w->out);
        if (p->lan && w->cpe->ospf)
            fputs(" ip ospf network point-to-point\n", w->out);
        fputs("!\n", w->out);
    }
}

/* ---- routing ---- */

static void write_session(const struct writer *w, const struct vc_cpe_tunnel *t)
{
    const struct vc_ip_text to = vc_addr_text(t->neighbor);

    fprintf(w->out, " neighbor %s remote-as %u\n neighbor %s description %s\n", to.s, t->remote_as, to.s, t->name);
    if (t->local_as != w->cpe->asn)
        fprintf(w->out, " neighbor %s local-as %u no-prepend replace-as\n", to.s, t->local_as);
    if (t->password.text)
        fprintf(w->out, " neighbor %s password %s\n", to.s, key_of(w, &t->password, "BGP-PW", t));
    fprintf(w->out, " neighbor %s timers %u %u\n", to.s, t->bgp_keepalive_s, t->bgp_hold_s);
    if (w->cpe->bfd_interval_ms)
        fprintf(w->out, " neighbor %s fall-over bfd\n", to.s);
    if (!t->bgp)
        fprintf(w->out, " neighbor %s shutdown\n", to.s);
}

static void write_family(const struct writer *w, const struct vc_cpe_tunnel *t)
{
    const struct vc_ip_text to = vc_addr_text(t->neighbor);

    fprintf(w->out, "  neighbor %s activate\n", to.s);
    if (t->sends_default)
        fprintf(w->out, "  neighbor %s default-originate\n", to.s);
    if (t->filters_in)
        fprintf(w->out, "  neighbor %s prefix-list %s-IN in\n", to.s, name_of(w, t));
    fprintf(w->out, "  neighbor %s prefix-list %s-OUT out\n", to.s, name_of(w, t));
}

static void write_bgp(const struct writer *w)
{
    const struct vc_cpe *cpe = w->cpe;

    fprintf(w->out, "router bgp %u\n bgp router-id %s\n bgp log-neighbor-changes\n", cpe->asn,
            vc_addr_text(cpe->router_id).s);
    for (size_t i = 0; i < cpe->tunnel_count; i++)
        write_session(w, &cpe->tunnels[i]);
    for (size_t i = 0; i < cpe->neighbor_count; i++)
        fprintf(w->out, " neighbor %s remote-as %u\n neighbor %s description %s\n",
                vc_addr_text(cpe->neighbors[i].address).s, cpe->asn, vc_addr_text(cpe->neighbors[i].address).s,
                cpe->neighbors[i].node);
    fputs(" !\n address-family ipv4\n", w->out);
    for (size_t i = 0; i < cpe->tunnel_count; i++)
        write_family(w, &cpe->tunnels[i]);
    for (size_t i = 0; i < cpe->neighbor_count; i++) {
        const struct vc_ip_text to = vc_addr_text(cpe->neighbors[i].address);

        fprintf(w->out, "  neighbor %s activate\n", to.s);
        if (cpe->neighbors[i].next_hop_self)
            fprintf(w->out, "  neighbor %s next-hop-self\n", to.s);
        if (!cpe->neighbors[i].cpe && strcmp(cpe->redistribute, "all") != 0)
            fprintf(w->out, "  neighbor %s prefix-list TO-LAN out\n", to.s);
    }
    fputs(" exit-address-family\n!\n", w->out);
}

static void write_ospf(const struct writer *w)
{
    const struct vc_cpe *cpe = w->cpe;

    fprintf(w->out, "router ospf 1\n router-id %s\n", vc_addr_text(cpe->router_id).s);
    if (strcmp(cpe->redistribute, "none") != 0)
        fprintf(w->out, " redistribute bgp %u metric 20 metric-type 1 subnets tag %u route-map TO-LAN\n", cpe->asn,
                cpe->asn);
    for (size_t i = 0; i < cpe->interface_count; i++)
        if (cpe->interfaces[i].lan)
            fprintf(w->out, " network %s 0.0.0.0 area 0\n", vc_addr_text(cpe->interfaces[i].address.addr).s);
    fputs(" distance ospf external 255\n!\n", w->out);
}

static void write_prefix_list(const struct writer *w, const char *name, const char *suffix,
                              const struct vc_prefix *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fprintf(w->out, "ip prefix-list %s%s seq %zu permit %s\n", name, suffix, 5 * (i + 1),
                vc_prefix_text(items[i]).s);
    if (!count)
        fprintf(w->out, "ip prefix-list %s%s seq 5 deny 0.0.0.0/0 le 32\n", name, suffix);
}

/* What the LAN is told, as a list: nothing, the shared prefix, or that and the tunnels' own. */
static void write_to_lan(const struct writer *w)
{
    const struct vc_cpe *cpe = w->cpe;
    struct vc_cpe_prefixes list = {0};

    if (!cpe->ospf && !strcmp(cpe->redistribute, "all"))
        return;
    if (strcmp(cpe->redistribute, "none") != 0)
        vc_cpe_prefix_add(w->scratch, &list, cpe->service);
    for (size_t i = 0; cpe->ospf && !strcmp(cpe->redistribute, "all") && i < cpe->tunnel_count; i++)
        for (size_t k = 0; k < cpe->tunnels[i].accept.count; k++)
            if (!vc_cpe_prefix_has(&list, cpe->tunnels[i].accept.items[k]))
                vc_cpe_prefix_add(w->scratch, &list, cpe->tunnels[i].accept.items[k]);
    write_prefix_list(w, "TO-LAN", "", list.items, list.count);
}

static void write_lists(const struct writer *w)
{
    const struct vc_prefix everything = {{0}, 0};
    const struct vc_cpe *cpe = w->cpe;

    for (size_t i = 0; i < cpe->tunnel_count; i++) {
        const struct vc_cpe_tunnel *t = &cpe->tunnels[i];

        fprintf(w->out, "ip access-list extended %s\n permit %s", name_of(w, t), t->protocol);
        const struct vc_prefix ends[] = {t->selector_local, t->selector_remote};
        for (int e = 0; e < 2; e++)
            if (ends[e].len == 32)
                fprintf(w->out, " host %s", vc_addr_text(ends[e].addr).s);
            else
                fprintf(w->out, " %s %s", vc_addr_text(ends[e].addr).s, vc_mask_text(ends[e].len, true).s);
        fputs("\n!\n", w->out);
    }
    for (size_t i = 0; i < cpe->tunnel_count; i++) {
        const struct vc_cpe_tunnel *t = &cpe->tunnels[i];
        struct vc_cpe_prefixes out = {0};

        if (t->filters_in)
            write_prefix_list(w, name_of(w, t), "-IN", t->accept.items, t->accept.count);
        vc_cpe_prefix_add(w->scratch, &out, everything);
        for (size_t k = 0; k < t->leak.count; k++)
            vc_cpe_prefix_add(w->scratch, &out, t->leak.items[k]);
        write_prefix_list(w, name_of(w, t), "-OUT", out.items, out.count);
    }
    write_to_lan(w);
    fputs("!\n", w->out);
    if (cpe->ospf)
        fputs("route-map TO-LAN permit 10\n match ip address prefix-list TO-LAN\n!\n", w->out);
}

static void write_vrfs(const struct writer *w)
{
    for (size_t i = 0; i < w->cpe->tunnel_count; i++)
        if (w->cpe->tunnels[i].vrf)
            fprintf(w->out, "vrf definition VRF%u\n address-family ipv4\n exit-address-family\n!\n",
                    w->cpe->tunnels[i].vrf);
}

/* Is there a word for each part of them? A router takes part of a proposal as one of its own. */
static int check_words(const struct vc_cpe_tunnel *t, vc_error **err)
{
    const struct vc_word *ike[VC_WORD_PARTS], *esp[VC_WORD_PARTS];
    bool known = vc_words_split(t->ike, ike) && ike[VC_WORD_CIPHER] && ike[VC_WORD_PRF] && ike[VC_WORD_GROUP];
    bool aead = known && ike[VC_WORD_CIPHER]->aead;

    if (!known || (t->ike_version == 1 ? aead : aead == (ike[VC_WORD_INTEGRITY] != NULL)))
        return vc_fail(err, VC_EXIT_USAGE, 0, "tunnel %s: IOS-XE has no words for the IKEv%u proposal %s", t->name,
                       t->ike_version, t->ike);
    if (!vc_words_split(t->esp, esp) || !esp[VC_WORD_CIPHER] ||
        esp[VC_WORD_CIPHER]->aead == (esp[VC_WORD_INTEGRITY] != NULL))
        return vc_fail(err, VC_EXIT_USAGE, 0, "tunnel %s: IOS-XE has no words for the ESP proposal %s", t->name,
                       t->esp);
    return 0;
}

char *vc_cpe_ios_xe(void *ctx, const struct vc_cpe *cpe, bool secrets, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    VC_AUTO_FREE char *text = NULL;
    size_t size = 0;
    struct writer w = {cpe, NULL, secrets, scratch};

    for (size_t i = 0; i < cpe->tunnel_count; i++)
        if (check_words(&cpe->tunnels[i], err))
            return NULL;
    if (!(w.out = open_memstream(&text, &size)))
        abort();
    fprintf(w.out, "hostname %s\n!\n", cpe->hostname);
    if (cpe->unsaid)
        fprintf(w.out, "! IOS-XE has no words for what the lab's node has otherwise: %s\n!\n", cpe->unsaid);
    write_vrfs(&w);
    write_ike(&w);
    for (size_t i = 0; i < cpe->tunnel_count; i++)
        write_transform(&w, &cpe->tunnels[i]);
    write_replay(&w, "crypto ipsec", cpe->tunnels[0].replay_window);
    fputs("!\n", w.out);
    for (size_t i = 0; i < cpe->tunnel_count; i++)
        write_map(&w, &cpe->tunnels[i], i);
    write_interfaces(&w);
    write_bgp(&w);
    if (cpe->ospf)
        write_ospf(&w);
    fputs("! Cisco's addresses never by way of a tunnel\n", w.out);
    for (size_t i = 0; i < cpe->route_count; i++)
        fprintf(w.out, "ip route %s %s %s\n", vc_addr_text(cpe->routes[i].prefix.addr).s,
                vc_mask_text(cpe->routes[i].prefix.len, false).s, vc_addr_text(cpe->routes[i].via).s);
    fputs("!\n", w.out);
    write_lists(&w);
    fputs("end\n", w.out);
    if (fclose(w.out) != 0)
        abort();
    return talloc_strdup(ctx, text);
}
