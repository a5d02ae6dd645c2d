/*
 * A sealed run from outside: image, machine, events, results; the counterpart of run/live.h and judged by the same
 * code. Needs no privilege. Blocks until the run is over; SIGINT and SIGTERM end it and it is judged as interrupted.
 */
#pragma once

#include "run/live.h"
#include "vm/blob.h"
#include "vm/image.h"
#include "vm/machine.h"

struct vc_sealed_config {
    const struct vc_scenario *scenario;
    const struct vc_image *image;
    const char *cache;  /* vc_cache_dir */
    const char *result; /* the result folder; logs/ and captures/ are unpacked into it, console.log is written there */
    uint64_t seed;
    bool captures;
    bool evidence; /* of its end, also when it passes */
    bool cold;     /* boot; else fork from the snapshot of the converged lab, which is made when it is missing */
    enum vc_accel accel;
    const char *shell;     /* interactive: the node, on the caller's terminal */
    unsigned wall_limit_s; /* 0: 900, and a minute for each hour that the scenario may take */
    size_t results_size;   /* bytes of the results device; 0: 256 MiB */
    vc_event_fn *on_event; /* every event as it arrives; may be NULL */
    void (*on_progress)(void *arg,
                        const char *line); /* "making the snapshot of two-cpe with service timers"; may be NULL */
    void *arg;
};

struct vc_sealed_outcome {
    struct vc_live_outcome run;
    double virtual_s; /* the lab's clock at the end */
    bool forked;      /* from a snapshot */
    char *qemu;       /* its version; talloc child of the ctx given */
};

/*
 * Fails only when no run took place. A guest that panicked, hung, ran past its limits, or whose results did not come
 * out whole is judged as error with that reason; a panic or hang quotes the console's last lines.
 */
int vc_sealed_run(void *ctx, const struct vc_sealed_config *config, struct vc_sealed_outcome *outcome, vc_error **err);
