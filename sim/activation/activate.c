#include "activation/activation.h"

#include <string.h>

static bool is(const struct vc_order *order, const char *status)
{
    return !strcmp(order->status, status);
}

/* A deactivated order that was allocated anew under its number is another one. */
static bool same_allocation(const struct vc_order *a, const struct vc_order *b)
{
    bool same = !memcmp(a->allocation.number, b->allocation.number, sizeof a->allocation.number);

    for (size_t dc = 0; same && dc < VC_FORM_DCS; dc++)
        same = !strcmp(a->allocation.tunnels[dc].psk, b->allocation.tunnels[dc].psk);
    return same;
}

static bool same_regions(const struct vc_form *a, const struct vc_form *b)
{
    bool same = a->region_count == b->region_count;

    for (size_t i = 0; same && i < a->region_count; i++)
        same = vc_names_find(VC_NAMES(b->regions, b->region_count), a->regions[i]) != VC_NONE;
    return same;
}

/* The order has the form's words: also those that decide nothing may be corrected, if a lab can still be made. */
static int take_words(struct vc_ledger *ledger, struct vc_order *order, const struct vc_form *form, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_problems *problems = vc_problems_new(NULL);
    const struct vc_form *was = order->form;
    struct vc_order now = *order;

    if ((was->quantity != form->quantity || !same_regions(was, form)) &&
        (vc_orders_check(ledger, form, problems, err) || vc_problems_finish(problems, err)))
        return -1;
    now.form = (struct vc_form *)(uintptr_t)form;
    vc_allocation_derive(&now.allocation, form);
    VC_AUTO_TALLOC struct vc_topology *lab = vc_activation_lab(NULL, &now, problems, err);
    return lab ? vc_ledger_reword(ledger, form, err) : -1;
}

/* What Cisco has configured changes with a new order only. */
static int refuse_another(const struct vc_order *order, const struct vc_form *form, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_problems *problems = vc_problems_new(NULL);
    struct vc_mark where;
    const char *what = vc_form_difference(problems, order->form, form, &where);

    if (what)
        vc_problem(
            problems, where,
            "found another %s than order %s of %s has (%s since %s); allowed: what is configured, the number of a "
            "new order, or the same form after vclab activate --deactivate %s, which gives back addresses and keys",
            what, order->number, order->customer, order->status, order->since, order->number);
    return vc_problems_finish(problems, err);
}

/* An order of that number that the form goes on with; NULL without *err when there is none. */
static struct vc_order *begun(void *ctx, struct vc_ledger *ledger, const struct vc_form *form, bool again,
                              vc_error **err)
{
    VC_AUTO_TALLOC struct vc_order *order = vc_ledger_order(ctx, ledger, form->order, err);

    if (!order || is(order, VC_ORDER_DEACTIVATED))
        return NULL;
    VC_AUTO_JSON *was = vc_form_json(order->form), *words = vc_form_json(form);
    bool same = json_equal(was, words);
    if (refuse_another(order, form, err))
        return NULL;
    if (same && is(order, VC_ORDER_ACTIVATED) && !again)
        vc_fail(err, VC_EXIT_USAGE, 0,
                "%s: order %s is activated since %s; vclab activate --files %s writes its files again", form->file,
                order->number, order->since, order->number);
    else if (same || !take_words(ledger, order, form, err))
        return same ? VC_STEAL_PTR(order) : vc_ledger_order(ctx, ledger, form->order, err);
    return NULL;
}

/* Allocated and In-Progress, or further. Looked for and allocated in one transaction: the same form may be activated
 * twice at once. */
static struct vc_order *allocated(void *ctx, struct vc_ledger *ledger, const struct vc_form *form,
                                  const struct vc_activation_options *options, vc_error **err)
{
    vc_error *why = NULL;

    if (vc_ledger_begin(ledger, err))
        return NULL;
    struct vc_order *order = begun(ctx, ledger, form, options->again, &why);
    if (!order && !why)
        return vc_allocate_begun(ctx, ledger, form, options->seed, err);
    if (order && !vc_ledger_commit(ledger, err))
        return order;
    vc_ledger_rollback(ledger);
    if (why)
        vc_error_move(err, &why);
    return NULL;
}

/* The order as it will be when this transaction counts: so the views say what the ledger will. */
static struct vc_order *activated(void *ctx, struct vc_ledger *ledger, const struct vc_order *allocation,
                                  vc_error **err)
{
    vc_error *why = NULL;
    struct vc_order *order = vc_ledger_order(ctx, ledger, allocation->number, &why);

    if (why)
        vc_error_move(err, &why);
    else if (!order || is(order, VC_ORDER_DEACTIVATED) || !same_allocation(order, allocation))
        vc_fail(err, VC_EXIT_USAGE, 0, "order %s was deactivated meanwhile; nothing of it was written",
                allocation->number);
    else if (is(order, VC_ORDER_ACTIVATED))
        return order;
    else if (!vc_ledger_activated(ledger, order->number, err))
        return vc_ledger_order(ctx, ledger, order->number, err);
    return NULL;
}

static void stays(const struct vc_order *allocation, vc_error **err)
{
    if (is(allocation, VC_ORDER_IN_PROGRESS))
        vc_wrap(err, "order %s stays In-Progress, and the same form again goes on with it", allocation->number);
}

struct vc_order *vc_activate_allocated(void *ctx, struct vc_ledger *ledger, const struct vc_order *allocation,
                                       const char *out, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_order *order = NULL;

    if (vc_ledger_begin(ledger, err)) {
        stays(allocation, err);
        return NULL;
    }
    order = activated(ctx, ledger, allocation, err);
    if (order && (!out || !vc_activation_write(order, out, err)) && !vc_ledger_commit(ledger, err))
        return VC_STEAL_PTR(order);
    vc_ledger_rollback(ledger);
    if (order && out && is(allocation, VC_ORDER_IN_PROGRESS) && !vc_activation_check_out(order, out, NULL))
        vc_activation_remove_views(order, out); /* which say that it is activated */
    if (order)
        stays(allocation, err);
    return NULL;
}

struct vc_order *vc_activate_form(void *ctx, struct vc_ledger *ledger, const struct vc_form *form,
                                  const struct vc_activation_options *options, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct vc_order wanted = {
        .number = form->order, .customer = form->customer, .form = (struct vc_form *)(uintptr_t)form};

    if (options->out && vc_activation_check_out(&wanted, options->out, err))
        return NULL;
    const struct vc_order *order = allocated(scratch, ledger, form, options, err);
    return order ? vc_activate_allocated(ctx, ledger, order, options->out, err) : NULL;
}

struct vc_order *vc_activate(void *ctx, struct vc_ledger *ledger, const char *file,
                             const struct vc_activation_options *options, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct vc_form *form = vc_form_load(scratch, file, options->role, err);

    return form ? vc_activate_form(ctx, ledger, form, options, err) : NULL;
}

struct vc_order *vc_order_live(void *ctx, struct vc_ledger *ledger, const char *number, vc_error **err)
{
    vc_error *why = NULL;
    VC_AUTO_TALLOC struct vc_order *order = vc_ledger_order(ctx, ledger, number, &why);

    if (why)
        vc_error_move(err, &why);
    else if (!order)
        vc_fail(err, VC_EXIT_USAGE, 0, "there is no order %s; vclab activate --status lists those there are", number);
    else if (is(order, VC_ORDER_DEACTIVATED))
        vc_fail(err, VC_EXIT_USAGE, 0, "order %s was deactivated at %s and has nothing any more", number, order->since);
    else
        return VC_STEAL_PTR(order);
    return NULL;
}

int vc_deactivate(struct vc_ledger *ledger, const char *number, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);

    if (vc_ledger_begin(ledger, err))
        return -1;
    if (vc_order_live(scratch, ledger, number, err) && !vc_ledger_return(ledger, number, err))
        return vc_ledger_commit(ledger, err);
    vc_ledger_rollback(ledger);
    return -1;
}
