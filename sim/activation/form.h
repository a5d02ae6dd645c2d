/*
 * The activation form as a file: what a customer's administrator types into Control Hub (docs/activation.md has every
 * member). Reading it checks each value and every rule of R8 to R18 that needs no ledger, and names all that is wrong
 * at once.
 */
#pragma once

#include "model/document.h"

enum { VC_FORM_DCS = 2, VC_FORM_CPES = 2 };
extern const char *const vc_form_dcs[VC_FORM_DCS]; /* "dc1", "dc2" */

/* A customer's device at the end of one tunnel or of both. */
struct vc_form_cpe {
    const char *name;
    struct in_addr ipsec;                                /* the public source of IKE and ESP (R8) */
    struct in_addr nat;                                  /* its own address behind the customer's NAT (R9) */
    struct vc_prefix transport[VC_FORM_DCS];             /* of the tunnel to DC1, to DC2 (R10) */
    bool has_ipsec, has_nat, has_transport[VC_FORM_DCS]; /* an address was written; else the member is zero */
    struct vc_mark mark;
};

struct vc_form_lan {
    struct vc_prefix prefix;
    struct vc_mark mark;
};

/* For the examples that come with vclab: what the form shows. Nothing of it counts when it is activated. */
struct vc_form_example {
    const char **requirements; /* "R8", … */
    const char *after;         /* a form of forms/accepted that is activated before; NULL: none */
    const char *refused;       /* part of the message that refuses it; NULL: it is accepted */
    size_t requirement_count;
};

struct vc_form {
    const char *name; /* the file's; the topology gets it */
    const char *file;
    const char *description; /* NULL: none */
    const char *customer, *order;
    unsigned quantity;        /* of Virtual Connect ordered */
    const char **regions;     /* in which Dedicated Instance was bought */
    const char *region;       /* of this order */
    const char *instance;     /* of Dedicated Instance in the region: "active", "ordered" */
    const char *role;         /* of who activates: "full-admin", "read-only" */
    struct vc_form_lan *lans; /* the enterprise behind the CPEs */
    struct vc_form_cpe *cpes;
    unsigned asn;           /* wanted by the customer; 0: Cisco chooses */
    unsigned tunnel_mask;   /* 30 or 31 */
    unsigned calls;         /* planned at the busiest time */
    const char *keepalives; /* "on"; "off": the customer's CPE has none and Cisco was told (R28) */
    struct vc_form_example example;
    const struct vc_doc *doc; /* for places of values */
    size_t region_count, lan_count, cpe_count;
};

/* The regions of Dedicated Instance that the lab knows; NULL-terminated. */
extern const char *const vc_form_regions[];

/*
 * Reads the form and checks its rules (rules.h). `role` counts in place of the form's own unless it is NULL. talloc
 * child of ctx; NULL with *err (VC_EXIT_USAGE), a line for each error as for vc_topology_load.
 */
struct vc_form *vc_form_load(void *ctx, const char *file, const char *role, vc_error **err);

/* The same into `problems`, for callers that add their own, and without the rules. NULL: it is no YAML. */
struct vc_form *vc_form_read(void *ctx, const char *file, struct vc_problems *problems);

/* What was written, without the example: as the ledger keeps it. New reference. */
json_t *vc_form_json(const struct vc_form *form);
/* What Cisco would have to configure otherwise for `now` than for `was`: "ipsec of cpe1", and its place in `now`;
 * talloc child of ctx. NULL: nothing; wording, the networks behind the CPEs, calls and keepalives may differ. */
const char *vc_form_difference(void *ctx, const struct vc_form *was, const struct vc_form *now, struct vc_mark *where);
/* And back; NULL with *err when it is damaged. */
struct vc_form *vc_form_from_json(void *ctx, const json_t *json, vc_error **err);

/* Who has the tunnel to DC `dc` (0, 1): the first CPE with a transport for it; NULL: none. */
const struct vc_form_cpe *vc_form_cpe_of(const struct vc_form *form, size_t dc);
