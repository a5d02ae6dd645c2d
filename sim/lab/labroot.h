/*
 * The lab root: the directory that holds the daemons of nodes, unpacked from the distribution's packages by
 * packaging/labroot-build and named by the environment variable VCLAB_LABROOT, which ./vclab sets. The host has none of
 * these programs installed.
 */
#pragma once

#include "base/error.h"

struct vc_labroot {
    const char *path;
    int fd;           /* O_PATH; closed when the lab root is freed */
    json_t *versions; /* {"frr": "10.3-3", …}, every package of the root; dropped when the lab root is freed */
};

/* Opens the lab root and checks that it is whole: its versions.json, the programs of nodes. talloc child of ctx; NULL
 * with *err (VC_EXIT_HOST) that says how to get one. */
struct vc_labroot *vc_labroot_open(void *ctx, vc_error **err);
