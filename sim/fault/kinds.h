/* The table behind fault.h: one row for each kind. */
#pragma once

#include "fault/fault.h"

/* A fault that is active, or being applied or healed. */
struct fault {
    struct vc_lab *lab;
    const struct fault_kind *kind;
    const char *name;
    json_t *spec; /* owned */
    unsigned serial;
    size_t link, node; /* VC_NONE where the kind has none */
    unsigned end;
    struct vc_daemon *daemon;
    uint64_t counted;
    void *plan;                           /* misconfigure: owns what `otherwise` is part of, until the lab takes it */
    const struct vc_plan_node *otherwise; /* misconfigure: the node as it is to be */
};

/*
 * `prove` and `gone` look once and return 1 with *evidence (talloc child of the fault) when the effect is seen, 0 when
 * not yet, -1 on an error. They are asked again at once after each netlink or child event and at least every few
 * milliseconds. A fault that is not proved is taken back: healed, and asked whether it is gone.
 */
struct fault_kind {
    const char *name;
    int (*check)(struct fault *fault, vc_error **err); /* or NULL: fails where it could not succeed; changes nothing */
    int (*apply)(struct fault *fault, vc_error **err);
    int (*prove)(struct fault *fault, char **evidence, vc_error **err);
    int (*heal)(struct fault *fault, vc_error **err);
    int (*gone)(struct fault *fault, char **evidence, vc_error **err);
    unsigned prove_limit_s; /* a selector whose traffic is rare needs longer */
    bool momentary;         /* over once it is proved: nothing stays active and there is nothing to heal */
    bool one_a_node;        /* takes the place of an active one of this kind at the same node */
};

extern const struct fault_kind fault_kinds[];
extern const size_t fault_kind_count;
