/*
 * The ledger: which order has which numbers of the pools, its status and its secrets. One SQLite file, mode 0600: one
 * that is there and has another gets it. An
 * order's rows come and go in one transaction, so a process that is killed leaves an order whole or not at all; who
 * comes while another writes waits for it. ledger.c says more.
 *
 * Every failure is one line (VC_EXIT_HOST; VC_EXIT_USAGE for what the caller asked for) and leaves the ledger as it
 * was.
 */
#pragma once

#include "activation/pools.h"

enum { VC_LEDGER_VERSION = 1 };

struct vc_ledger; /* talloc; freeing closes it and takes back what was begun */

enum vc_ledger_use {
    VC_LEDGER_READ,  /* it must be there */
    VC_LEDGER_WRITE, /* made when it is missing, with its folder */
};
#define VC_LEDGER_MEMORY ((const char *)NULL) /* instead of a file: gone when it is closed */
struct vc_ledger *vc_ledger_open(void *ctx, const char *file, enum vc_ledger_use use, vc_error **err);

/* $XDG_STATE_HOME/vclab/ledger.sqlite, or ~/.local/state/…, under sudo the caller's; NULL with *err without a home.
 * talloc child of ctx. */
char *vc_ledger_default(void *ctx, vc_error **err);

#define VC_ORDER_IN_PROGRESS "in-progress" /* allocated; Cisco's side is not done */
#define VC_ORDER_ACTIVATED   "activated"   /* Cisco's side is done (R16) */
#define VC_ORDER_DEACTIVATED "deactivated" /* what it had was returned */

struct vc_order {
    const char *number, *customer, *region;
    const char *status;              /* one of the three above */
    const char *since;               /* of that status: "2026-01-31T12:00:00Z" */
    struct vc_form *form;            /* as it was allocated for */
    struct vc_allocation allocation; /* of a deactivated one: zero */
};

/* Begins to write, waiting for others; what follows counts with vc_ledger_commit, or not at all. */
int vc_ledger_begin(struct vc_ledger *ledger, vc_error **err);
int vc_ledger_commit(struct vc_ledger *ledger, vc_error **err);
void vc_ledger_rollback(struct vc_ledger *ledger);

/* The order with that number: talloc child of ctx. NULL without *err: there is none. */
struct vc_order *vc_ledger_order(void *ctx, struct vc_ledger *ledger, const char *number, vc_error **err);
/* Every order's number, oldest first; ctx owns them. */
struct vc_names vc_ledger_numbers(void *ctx, struct vc_ledger *ledger, vc_error **err);

/* The customer's other orders that are not deactivated, oldest first, with their regions (R14). talloc child of ctx;
 * NULL with *err. */
struct vc_other_order {
    const char *number, *region;
};
struct vc_other_order *vc_ledger_other_orders(void *ctx, struct vc_ledger *ledger, const struct vc_form *form,
                                              size_t *count, vc_error **err);
/* Another customer's order that comes from that public address (R8): its number, "" when there is none (talloc child of
 * ctx), or NULL with *err. */
char *vc_ledger_other_source(void *ctx, struct vc_ledger *ledger, const char *customer, struct in_addr address,
                             vc_error **err);

/* Adds an order, in progress: in a transaction. */
int vc_ledger_add(struct vc_ledger *ledger, const struct vc_form *form, vc_error **err);
/* Takes a number of the pool for the order, that nobody has: `wanted`, or with VC_ANY one that was free for longest. 1:
 * another order has the wanted one. */
#define VC_ANY ((unsigned)-1)
int vc_ledger_take(struct vc_ledger *ledger, const struct vc_form *form, enum vc_pool pool, unsigned wanted,
                   unsigned *number, vc_error **err);
/* Keeps a secret of the order's tunnel; `kind` is "psk" or "bgp_password". */
int vc_ledger_keep(struct vc_ledger *ledger, const char *number, const char *tunnel, const char *kind,
                   const char *secret, vc_error **err);
/* Keeps the form in place of the order's: vc_form_difference finds nothing between the two. In a transaction. */
int vc_ledger_reword(struct vc_ledger *ledger, const struct vc_form *form, vc_error **err);
/* In-Progress to Activated; VC_EXIT_USAGE: it is not In-Progress. */
int vc_ledger_activated(struct vc_ledger *ledger, const char *number, vc_error **err);
/* Returns what the order has, and forgets its secrets. */
int vc_ledger_return(struct vc_ledger *ledger, const char *number, vc_error **err);

/* Every live order has one number of each pool and four secrets, no number and no secret is anybody else's, and the
 * file is whole. *orders (may be NULL) gets how many live ones there are. */
int vc_ledger_check(struct vc_ledger *ledger, unsigned *orders, vc_error **err);
