/* What Cisco would have to configure otherwise for one form than for another. */
#include <string.h>

#include "activation/form.h"

static const char *cpe_difference(void *ctx, const struct vc_form_cpe *was, const struct vc_form_cpe *now,
                                  const struct vc_doc *doc, struct vc_mark *where)
{
    const char *member = was->ipsec.s_addr != now->ipsec.s_addr ? "ipsec"
                         : was->nat.s_addr != now->nat.s_addr   ? "nat"
                                                                : NULL;
    const char *dc = NULL;

    for (size_t i = 0; i < VC_FORM_DCS && !member; i++)
        if (!vc_prefix_equal(was->transport[i], now->transport[i])) {
            member = "transport";
            dc = vc_form_dcs[i];
        }
    if (strcmp(was->name, now->name) != 0) {
        *where = now->mark;
        return talloc_asprintf(ctx, "name of %s", was->name);
    }
    if (!member)
        return NULL;
    *where = vc_doc_mark(doc, (const char *[]){"cpes", now->name, member, dc, NULL});
    return talloc_asprintf(ctx, "%s of %s%s%s", member, now->name, dc ? " to " : "", dc ? dc : "");
}

const char *vc_form_difference(void *ctx, const struct vc_form *was, const struct vc_form *now, struct vc_mark *where)
{
    const struct {
        const char *member;
        bool differs;
    } members[] = {
        {"order", strcmp(was->order, now->order) != 0},        {"customer", strcmp(was->customer, now->customer) != 0},
        {"region", strcmp(was->region, now->region) != 0},     {"asn", was->asn != now->asn},
        {"tunnel_mask", was->tunnel_mask != now->tunnel_mask}, {"cpes", was->cpe_count != now->cpe_count}};
    const char *found = NULL;

    for (size_t i = 0; i < VC_COUNT(members); i++)
        if (members[i].differs) {
            *where = vc_doc_mark(now->doc, (const char *[]){members[i].member, NULL});
            return talloc_strdup(ctx, members[i].member);
        }
    for (size_t i = 0; i < now->cpe_count && !found; i++)
        found = cpe_difference(ctx, &was->cpes[i], &now->cpes[i], now->doc, where);
    return found;
}
