#include "activation/pools.h"

#include <arpa/inet.h>
#include <string.h>

enum { HEADENDS_PER_DC = 4, HEADEND_STEP = 4, REGION_STEP = 16, DC_STEP = 128 };
enum { TRANSPORT_SPAN = 1 << 15 }; /* DC2's transports lie so far behind DC1's */

/* Public and routed by nobody (R12): first what RFC 2544 keeps for benchmarks, then a block that is assigned and hardly
 * announced. */
static const struct pool {
    const char *name;
    const char *prefixes[2];
    uint8_t len;       /* of what is given away */
    unsigned numbered; /* instead of prefixes */
} pools[VC_POOLS] = {
    [VC_POOL_SERVICE] = {"service", {"198.18.0.0/16", "25.0.0.0/8"}, 24, 0},
    [VC_POOL_TUNNEL] = {"tunnel", {"100.64.0.0/10"}, 29, 0},
    [VC_POOL_TRANSPORT] = {"transport", {"198.19.0.0/16"}, 32, TRANSPORT_SPAN - 1},
    [VC_POOL_ASN] = {"asn", {NULL}, 0, VC_ASN_LAST - VC_ASN_FIRST + 1},
};

static struct vc_prefix parsed(const char *text)
{
    struct vc_prefix prefix = {0};

    if (text)
        vc_prefix_parse(text, &prefix);
    return prefix;
}

struct in_addr vc_addr_behind(struct in_addr base, uint32_t step)
{
    return (struct in_addr){htonl(ntohl(base.s_addr) + step)};
}

const char *vc_pool_name(enum vc_pool pool)
{
    return pools[pool].name;
}

static unsigned room(const struct pool *pool, size_t i)
{
    return pool->prefixes[i] ? 1U << (pool->len - parsed(pool->prefixes[i]).len) : 0;
}

unsigned vc_pool_size(enum vc_pool pool)
{
    return pools[pool].numbered ? pools[pool].numbered : room(&pools[pool], 0) + room(&pools[pool], 1);
}

/* The first and last transport of a block look like a network and its broadcast address: allowed, but a trap. */
bool vc_pool_reserves(enum vc_pool pool, unsigned number)
{
    return (pool == VC_POOL_TRANSPORT && number == 0) || (pool == VC_POOL_ASN && number + VC_ASN_FIRST == VC_ASN_CISCO);
}

unsigned vc_pool_number_of_asn(unsigned asn)
{
    return asn - VC_ASN_FIRST;
}

static struct vc_prefix block(enum vc_pool pool, unsigned number)
{
    const struct pool *p = &pools[pool];
    size_t i = number >= room(p, 0);
    struct vc_prefix first = parsed(p->prefixes[i]);

    number -= i ? room(p, 0) : 0;
    return (struct vc_prefix){vc_addr_behind(first.addr, number << (32 - p->len)), p->len};
}

const char *vc_pool_overlapped(enum vc_pool pool, struct vc_prefix prefix)
{
    for (size_t i = 0; i < VC_COUNT(pools[pool].prefixes); i++)
        if (pools[pool].prefixes[i] && vc_prefix_overlaps(parsed(pools[pool].prefixes[i]), prefix))
            return pools[pool].prefixes[i];
    return NULL;
}

static unsigned region_number(const char *region)
{
    unsigned i = 0;

    while (vc_form_regions[i] && strcmp(vc_form_regions[i], region) != 0)
        i++;
    return i;
}

/* Orders take turns, so that each headend has a fair share of them. */
static struct in_addr headend(const char *region, size_t dc, unsigned turn)
{
    uint32_t at = (uint32_t)dc * DC_STEP + region_number(region) * REGION_STEP + turn % HEADENDS_PER_DC * HEADEND_STEP;

    return vc_addr_behind(parsed(VC_HEADENDS).addr, at + 1);
}

static void derive_tunnel(struct vc_allocated_tunnel *tunnel, const struct vc_allocation *allocation,
                          const struct vc_form *form, size_t dc)
{
    struct in_addr slot = block(VC_POOL_TUNNEL, allocation->number[VC_POOL_TUNNEL]).addr;
    uint8_t mask = (uint8_t)form->tunnel_mask;
    /* A /30 has its network's address before the first end. */
    struct in_addr cisco = vc_addr_behind(slot, mask == 31 ? 2 * (uint32_t)dc : 4 * (uint32_t)dc + 1);

    tunnel->name = vc_form_dcs[dc];
    tunnel->cpe = vc_form_cpe_of(form, dc);
    tunnel->headend = headend(form->region, dc, allocation->number[VC_POOL_TUNNEL]);
    tunnel->transport = vc_addr_behind(parsed(pools[VC_POOL_TRANSPORT].prefixes[0]).addr,
                                       allocation->number[VC_POOL_TRANSPORT] + (uint32_t)dc * TRANSPORT_SPAN);
    tunnel->half = (struct vc_prefix){vc_addr_behind(allocation->service.addr, (uint32_t)dc * 128), 25};
    tunnel->address_cisco = (struct vc_prefix){cisco, mask};
    tunnel->address_cpe = (struct vc_prefix){vc_addr_behind(cisco, 1), mask};
}

void vc_allocation_derive(struct vc_allocation *allocation, const struct vc_form *form)
{
    allocation->service = block(VC_POOL_SERVICE, allocation->number[VC_POOL_SERVICE]);
    allocation->asn = VC_ASN_FIRST + allocation->number[VC_POOL_ASN];
    for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
        derive_tunnel(&allocation->tunnels[dc], allocation, form, dc);
}
