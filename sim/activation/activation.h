/*
 * From the form to an order that is activated: the rules, what Cisco allocates, and the files that follow from it.
 *
 *     form ─► rules ─► ledger: In-Progress, with everything allocated ─► files ─► ledger: Activated
 *
 * Whoever is killed between the two leaves an order In-Progress; the same form again goes on from there, with the same
 * allocation. The files are written in the transaction that activates: no other process can deactivate meanwhile.
 */
#pragma once

#include "activation/ledger.h"

struct vc_activation_options {
    const char *role;     /* in place of the form's; NULL: the form's */
    const uint64_t *seed; /* of the keys and passwords; NULL: from the kernel's random numbers */
    const char *out;      /* the folder for the files, made when it is missing; NULL: none are written */
    bool again;           /* an order that this form activated before is no error: its files are written again */
};

/*
 * The order, activated; talloc child of ctx. NULL with *err: VC_EXIT_USAGE for the form (a line for each error), else
 * VC_EXIT_HOST. A form that differs from the order's only in what decides nothing of Cisco's (vc_form_difference) takes
 * its place.
 */
struct vc_order *vc_activate(void *ctx, struct vc_ledger *ledger, const char *form,
                             const struct vc_activation_options *options, vc_error **err);
/* The same of a form that was read already, with the role that counts. */
struct vc_order *vc_activate_form(void *ctx, struct vc_ledger *ledger, const struct vc_form *form,
                                  const struct vc_activation_options *options, vc_error **err);

/* Would the form be activated, as far as can be said without the ledger's other orders? Nothing is allocated. */
int vc_activation_check(const struct vc_form *form, vc_error **err);

/* What the customer's other orders say of the form (R14), into `problems`; -1 with *err: the ledger failed. In a
 * transaction. */
int vc_orders_check(struct vc_ledger *ledger, const struct vc_form *form, struct vc_problems *problems, vc_error **err);

/* Allocates for the form in a transaction of its own: the order is then In-Progress. talloc child of ctx. */
struct vc_order *vc_allocate(void *ctx, struct vc_ledger *ledger, const struct vc_form *form, const uint64_t *seed,
                             vc_error **err);

/* The same in a transaction that the caller began and that ends here. */
struct vc_order *vc_allocate_begun(void *ctx, struct vc_ledger *ledger, const struct vc_form *form,
                                   const uint64_t *seed, vc_error **err);

/* What comes after the allocation: the files, unless `out` is NULL, and the status. VC_EXIT_USAGE: the order was
 * deactivated meanwhile, and nothing was written. talloc child of ctx. */
struct vc_order *vc_activate_allocated(void *ctx, struct vc_ledger *ledger, const struct vc_order *allocation,
                                       const char *out, vc_error **err);

/* Do its keys come from that seed? Who knows the seed then has them. */
bool vc_order_has_keys_of(const struct vc_order *order, uint64_t seed);

/* Gives back what the order has. VC_EXIT_USAGE: there is no such order, or it was given back already. */
int vc_deactivate(struct vc_ledger *ledger, const char *number, vc_error **err);

/* An order that is not deactivated, or NULL with *err (VC_EXIT_USAGE) that says which there are. */
struct vc_order *vc_order_live(void *ctx, struct vc_ledger *ledger, const char *number, vc_error **err);

/* ---- its files ---- */

/* Where they go unless somebody says otherwise: "<form>.order", which no topology can be called. talloc child of ctx.
 */
char *vc_activation_folder(void *ctx, const struct vc_form *form);
/*
 * OUT/<form>.yaml, the topology, without secrets; OUT/<form>-keys.yaml (mode 0600), the same with the order's keys and
 * passwords; OUT/<form>.settings (0600) and OUT/<form>.export, the two views; OUT/.gitignore against the two with
 * secrets, unless there is one. Each is whole or as it was; under sudo they are the caller's.
 */
int vc_activation_write(const struct vc_order *order, const char *out, vc_error **err);
int vc_activation_write_settings(const struct vc_order *order, const char *out, vc_error **err); /* that one alone */
/* VC_EXIT_USAGE: the form itself, or what is not this order's, stands where its files would. */
int vc_activation_check_out(const struct vc_order *order, const char *out, vc_error **err);
void vc_activation_remove_views(const struct vc_order *order, const char *out);
/* One more file of the folder, which must be there: whole or as it was. */
int vc_activation_put(const char *out, const char *name, const char *text, mode_t mode, vc_error **err);

/* ---- the topology ---- */

/* The lab of an order, as a document; NULL with problems when the lab has no place for the customer's addresses.
 * talloc child of ctx. */
char *vc_activation_topology(void *ctx, const struct vc_order *order, struct vc_problems *problems);
/* That document as the model has it; NULL with *err: VC_EXIT_USAGE for what is wrong with the form, in the lines of
 * `problems`; VC_EXIT_HOST when vclab's own topologies are not where vc_home says. talloc child of ctx. */
struct vc_topology *vc_activation_lab(void *ctx, const struct vc_order *order, struct vc_problems *problems,
                                      vc_error **err);
/* The same with keys: a document based on that one. */
char *vc_activation_keys(void *ctx, const struct vc_order *order);

/* ---- the views ---- */

enum vc_view {
    VC_VIEW_EXPORT,   /* what Control Hub's Export settings has: no secret (R18) */
    VC_VIEW_SETTINGS, /* what View Settings shows a full admin: with the keys and BGP passwords */
};
/* Schema vclab.activation/1 (docs/activation.md). New reference. */
json_t *vc_activation_document(const struct vc_order *order, enum vc_view view);
/* The document for people; talloc child of ctx. */
char *vc_activation_text(void *ctx, const json_t *document);
/* The same for who may only see the status (R15), with a line for each order. New reference: vclab.status/1. */
json_t *vc_activation_status(struct vc_ledger *ledger, const char *number, vc_error **err);
char *vc_activation_status_text(void *ctx, const json_t *status);
