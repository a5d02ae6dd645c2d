#include "activation/example.h"

#include <string.h>

#include "activation/rules.h"
#include "model/files.h"

static const uint64_t seed = 1;

static struct vc_order *activate(void *ctx, struct vc_ledger *ledger, const char *file, vc_error **err)
{
    return vc_activate(ctx, ledger, file, &(struct vc_activation_options){.seed = &seed}, err);
}

/* What is activated before it, and what is activated before that. */
static int activate_before(void *ctx, struct vc_ledger *ledger, const char *folder, const struct vc_form *form,
                           unsigned depth, vc_error **err)
{
    if (!form->example.after || !depth)
        return 0;
    const char *file = talloc_asprintf(ctx, "%s/accepted/%s.yaml", folder, form->example.after);
    const struct vc_form *before = vc_form_load(ctx, file, NULL, err);

    return before && !activate_before(ctx, ledger, folder, before, depth - 1, err) && activate(ctx, ledger, file, err)
               ? 0
               : -1;
}

/* ---- what an accepted form shows ---- */

/* The order before and after Cisco's side was done. */
struct shown {
    const struct vc_form *form;
    const struct vc_order *half, *order;
};

static bool shows_source(const struct shown *s)
{
    bool all = true;

    for (size_t i = 0; i < s->form->cpe_count; i++)
        all = all && !vc_addr_not_public(s->form->cpes[i].ipsec);
    return all;
}

static bool shows_nat(const struct shown *s)
{
    bool any = false;

    for (size_t i = 0; i < s->form->cpe_count; i++)
        any = any || s->form->cpes[i].has_nat;
    return any;
}

static bool each_tunnel(const struct shown *s, bool (*holds)(const struct vc_allocated_tunnel *, size_t))
{
    bool all = true;

    for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
        all = all && holds(&s->order->allocation.tunnels[dc], dc);
    return all;
}

static bool has_transports(const struct vc_allocated_tunnel *t, size_t dc)
{
    return t->cpe->transport[dc].len == 32 &&
           vc_pool_overlapped(VC_POOL_TRANSPORT, (struct vc_prefix){t->transport, 32});
}

static bool shows_transports(const struct shown *s)
{
    return each_tunnel(s, has_transports);
}

static bool has_shared_space(const struct vc_allocated_tunnel *t, size_t dc VC_UNUSED)
{
    return vc_pool_overlapped(VC_POOL_TUNNEL, t->address_cpe) && vc_pool_overlapped(VC_POOL_TUNNEL, t->address_cisco);
}

static bool shows_shared_space(const struct shown *s)
{
    return each_tunnel(s, has_shared_space);
}

static bool shows_service(const struct shown *s)
{
    const struct vc_allocation *a = &s->order->allocation;
    bool all = a->service.len == 24 && vc_pool_overlapped(VC_POOL_SERVICE, a->service);

    for (size_t dc = 0; dc < VC_FORM_DCS; dc++)
        all = all && a->tunnels[dc].half.len == 25 && vc_prefix_covers(a->service, a->tunnels[dc].half);
    return all && !vc_prefix_equal(a->tunnels[0].half, a->tunnels[1].half);
}

static bool shows_asn(const struct shown *s)
{
    return s->form->asn && s->order->allocation.asn == s->form->asn;
}

static bool shows_orders(const struct shown *s)
{
    return s->form->quantity > 1 && s->form->region_count >= s->form->quantity;
}

static bool shows_role(const struct shown *s)
{
    return vc_doc_member(s->form->doc, "role");
}

static bool shows_status(const struct shown *s)
{
    return !strcmp(s->half->status, VC_ORDER_IN_PROGRESS) && !strcmp(s->order->status, VC_ORDER_ACTIVATED);
}

static bool shows_security(const struct shown *s)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    VC_AUTO_JSON *document = vc_activation_document(s->order, VC_VIEW_EXPORT);
    const json_t *security = json_object_get(document, "security");
    struct vc_settings cisco;

    vc_settings_default(scratch, &cisco);
    return !strcmp(json_string_value(json_object_get(security, "ike")), cisco.ike_proposal) &&
           !strcmp(json_string_value(json_object_get(security, "esp")), cisco.esp_proposal);
}

static bool shows_secrets(const struct shown *s)
{
    VC_AUTO_JSON *export = vc_activation_document(s->order, VC_VIEW_EXPORT);
    VC_AUTO_JSON *settings = vc_activation_document(s->order, VC_VIEW_SETTINGS);
    VC_AUTO_FREE char *open = json_dumps(export, 0), *own = json_dumps(settings, 0);
    bool all = true;

    for (size_t dc = 0; dc < VC_FORM_DCS; dc++) {
        const struct vc_allocated_tunnel *t = &s->order->allocation.tunnels[dc];

        all = all && strstr(own, t->psk) && strstr(own, t->bgp_password) && !strstr(open, t->psk) &&
              !strstr(open, t->bgp_password);
    }
    return all;
}

/* A form that cites a rule shows it by what it says or, for rules of behaviour, by what becomes of it. */
static const struct {
    const char *id;
    bool (*holds)(const struct shown *);
} shows[] = {
    {"R8", shows_source},   {"R9", shows_nat},       {"R10", shows_transports}, {"R11", shows_shared_space},
    {"R12", shows_service}, {"R13", shows_asn},      {"R14", shows_orders},     {"R15", shows_role},
    {"R16", shows_status},  {"R17", shows_security}, {"R18", shows_secrets},
};

/* The first rule that is cited and not shown; NULL: none. */
static const char *not_shown(const struct shown *s)
{
    for (size_t i = 0; i < s->form->example.requirement_count; i++)
        for (size_t k = 0; k < VC_COUNT(shows); k++)
            if (!strcmp(shows[k].id, s->form->example.requirements[i]) && !shows[k].holds(s))
                return shows[k].id;
    return NULL;
}

/* ---- playing ---- */

static void play_accepted(void *scratch, struct vc_examples *examples, struct vc_example *example,
                          struct vc_ledger *ledger, vc_error **err)
{
    struct shown s = {.form = vc_form_load(scratch, example->file, NULL, err)};

    s.half = s.form ? vc_allocate(scratch, ledger, s.form, &seed, err) : NULL;
    s.order = s.half ? activate(scratch, ledger, example->file, err) : NULL;
    const char *missing = s.order ? not_shown(&s) : NULL;
    if (!s.order)
        example->said = talloc_strdup(examples, (*err)->message);
    else if (missing)
        example->said = talloc_asprintf(examples, "%s: cites %s and does not show it", example->file, missing);
    example->good = !example->said && !example->form->example.refused;
}

static void play(struct vc_examples *examples, struct vc_example *example, const char *folder)
{
    enum { CHAIN_MAX = 4 };
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    struct vc_ledger *ledger = vc_ledger_open(scratch, VC_LEDGER_MEMORY, VC_LEDGER_WRITE, &err);

    /* Also of a form that is refused: what it expects stands in it. */
    example->form = vc_form_read(examples, example->file, vc_problems_new(scratch));
    if (!ledger || !example->form || activate_before(scratch, ledger, folder, example->form, CHAIN_MAX, &err)) {
        example->said = talloc_strdup(examples, err ? err->message : "it is no form");
        return;
    }
    if (example->accepts) {
        play_accepted(scratch, examples, example, ledger, &err);
        return;
    }
    if (!activate(scratch, ledger, example->file, &err))
        example->said = talloc_strdup(examples, err->message);
    const char *wanted = example->form->example.refused;
    example->good = example->said && wanted && strstr(example->said, wanted);
}

static void read_folder(struct vc_examples *examples, const char *forms, bool accepts)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *folder = talloc_asprintf(scratch, "%s/%s", forms, accepts ? "accepted" : "refused");
    struct vc_names files = vc_documents(scratch, folder);

    examples->list =
        talloc_realloc(examples, examples->list, struct vc_example, (unsigned)(examples->count + files.count + 1));
    for (size_t i = 0; i < files.count; i++) {
        struct vc_example *example = &examples->list[examples->count++];
        const char *name = vc_names_at(files, i);

        *example = (struct vc_example){.name = talloc_strdup(examples, name),
                                       .file = talloc_asprintf(examples, "%s/%s.yaml", folder, name),
                                       .accepts = accepts};
        play(examples, example, forms);
    }
}

struct vc_examples *vc_examples_read(void *ctx, const char *home)
{
    struct vc_examples *examples = talloc_zero(ctx, struct vc_examples);
    /* "." would only lengthen every line. */
    const char *forms = strcmp(home, ".") ? talloc_asprintf(examples, "%s/forms", home) : "forms";

    read_folder(examples, forms, true);
    read_folder(examples, forms, false);
    return examples;
}

bool vc_example_shows(const struct vc_example *example, const char *id)
{
    for (size_t i = 0; example->form && i < example->form->example.requirement_count; i++)
        if (!strcmp(example->form->example.requirements[i], id))
            return true;
    return false;
}
