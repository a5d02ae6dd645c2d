/* No two parts of a topology may claim the same addresses, unless one lies inside the other by design. */
#include <string.h>

#include "model/read.h"

enum owner { SERVICE, CUSTOMER, DC, LINK, TUNNEL, TRANSPORT_CPE, TRANSPORT_CISCO, OWNERS };

struct claim {
    enum owner owner;
    const char *what, *name;
    struct vc_prefix prefix; /* len 0: could not be read */
    struct vc_mark mark;
};

/* nests[outer][inner]: a DC's /25 is part of the service's /24, a LAN link of the customer's network, … */
static const bool nests[OWNERS][OWNERS] = {
    [SERVICE] = {[DC] = true, [LINK] = true},
    [CUSTOMER] = {[LINK] = true, [TRANSPORT_CPE] = true},
    [DC] = {[LINK] = true},
};

static bool may_share(const struct claim *a, const struct claim *b)
{
    return (nests[a->owner][b->owner] && vc_prefix_covers(a->prefix, b->prefix)) ||
           (nests[b->owner][a->owner] && vc_prefix_covers(b->prefix, a->prefix));
}

static struct claim claim(enum owner owner, const char *what, const char *name, struct vc_prefix prefix,
                          struct vc_mark mark)
{
    return (struct claim){owner, what, name, vc_prefix_network(prefix), mark};
}

static size_t claim_tunnel(struct claim *out, const struct vc_doc *doc, const struct vc_tunnel *tunnel)
{
    const char *const address[] = {"tunnels", tunnel->name, "address", "cpe", NULL};
    const char *const cpe[] = {"tunnels", tunnel->name, "transport", "cpe", NULL};
    const char *const cisco[] = {"tunnels", tunnel->name, "transport", "cisco", NULL};
    struct vc_prefix from = {tunnel->transport_cpe, 32}, to = {tunnel->transport_cisco, 32};

    out[0] = claim(TUNNEL, "tunnel", tunnel->name, tunnel->address_cpe, vc_doc_mark(doc, address));
    out[1] = claim(TRANSPORT_CPE, "the CPE's transport of tunnel", tunnel->name, from, vc_doc_mark(doc, cpe));
    out[2] = claim(TRANSPORT_CISCO, "Cisco's transport of tunnel", tunnel->name, to, vc_doc_mark(doc, cisco));
    return 3;
}

static struct claim *collect(void *ctx, const struct vc_topology *t, const struct vc_doc *doc, size_t *count)
{
    struct claim *claims = talloc_array(ctx, struct claim, 2 + t->dc_count + t->link_count + 3 * t->tunnel_count);
    size_t n = 0;

    claims[n++] = claim(SERVICE, "the service", "", t->service, vc_doc_mark(doc, (const char *[]){"service", NULL}));
    claims[n++] =
        claim(CUSTOMER, "the customer", "", t->customer, vc_doc_mark(doc, (const char *[]){"customer", NULL}));
    for (size_t i = 0; i < t->dc_count; i++)
        claims[n++] = claim(DC, "DC", t->dcs[i].name, t->dcs[i].prefix,
                            vc_doc_mark(doc, (const char *[]){"dcs", t->dcs[i].name, "prefix", NULL}));
    for (size_t i = 0; i < t->link_count; i++)
        claims[n++] = claim(LINK, "link", t->links[i].name, t->links[i].end[0].address, t->links[i].mark);
    for (size_t i = 0; i < t->tunnel_count; i++)
        n += claim_tunnel(claims + n, doc, &t->tunnels[i]);
    *count = n;
    return claims;
}

void vc_topology_check_overlaps(struct vc_reader *reader, const struct vc_doc *doc)
{
    size_t count;
    VC_AUTO_TALLOC struct claim *claims = collect(NULL, reader->topology, doc, &count);

    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct claim *a = &claims[j], *b = &claims[i];

            if (!a->prefix.addr.s_addr || !b->prefix.addr.s_addr || !vc_prefix_overlaps(a->prefix, b->prefix) ||
                may_share(a, b))
                continue;
            bool elsewhere = strcmp(a->mark.file, b->mark.file) != 0; /* one of them is in a base */
            vc_problem(reader->problems, b->mark,
                       "found %s of %s%s%s, which overlaps %s of %s%s%s (%s%sline %d); allowed: addresses of its own",
                       vc_prefix_text(b->prefix).s, b->what, *b->name ? " " : "", b->name, vc_prefix_text(a->prefix).s,
                       a->what, *a->name ? " " : "", a->name, elsewhere ? a->mark.file : "", elsewhere ? ", " : "",
                       a->mark.line);
        }
}
