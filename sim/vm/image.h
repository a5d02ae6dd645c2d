/*
 * The guest image: the lab root's stock kernel as an uncompressed vmlinux (it boots by PVH, without a decompressor),
 * and an initramfs of exactly what a sealed lab runs. Made without privilege, kept in the user's cache directory under
 * the hash of everything it is made of, so it is rebuilt when any input changes and never otherwise.
 *
 * Inside the initramfs:
 *     /init                the vclab binary (the engine is PID 1), with this host's loader and libraries
 *     /vclab/nodes/        the kinds of nodes (VCLAB_HOME is /vclab)
 *     /vclab/modules/      NN-name.ko in load order, decompressed and stripped
 *     /labroot/            the programs that nodes run and their dependency closure, with the lab root's loader and
 * libc /proc /sys /dev /tmp /run /results /newroot      empty
 */
#pragma once

#include "base/error.h"

struct vc_image_inputs {
    const char *labroot; /* path of the lab root */
    const char *binary;  /* the vclab binary that becomes /init; normally /proc/self/exe resolved */
    const char *nodes;   /* the nodes/ folder */
    /* Of the daemons that nodes/daemons.yaml calls rare those that are in the image, NULL-terminated; NULL: none.
     * Without them the image, which the guest unpacks when it boots, is as small as most topologies need it. */
    const char *const *rare;
    const char *cache; /* the user's cache directory for vclab; NULL: vc_cache_dir() */
};

struct vc_image {
    char *kernel;         /* path of the vmlinux */
    char *initrd;         /* path of the initramfs */
    char *kernel_version; /* "6.12.117+deb13-cloud-amd64" */
    char id[33];          /* hash over all inputs, hexadecimal */
};

/* One line of progress for a person, called before a step that takes a while; may be NULL. */
typedef void vc_image_progress_fn(void *arg, const char *line);

/*
 * Finds the image or builds it (a second or two). Two vclabs that build at the same time do not disturb each other: the
 * image appears whole by rename, and the second waits for the first (flock). Images that no run has used for 30 days
 * are removed, and when there are more than ten the least recently used of them. Returns a talloc child of ctx, or NULL
 * (VC_EXIT_HOST: what is missing in the lab root or cannot be written).
 */
struct vc_image *vc_image_get(void *ctx, const struct vc_image_inputs *inputs, vc_image_progress_fn *progress,
                              void *arg, vc_error **err);

/* ${XDG_CACHE_HOME:-~/.cache}/vclab, made when it is missing. Under sudo it is the invoking user's. */
char *vc_cache_dir(void *ctx, vc_error **err);
/* Under sudo gives a file or folder made in it, with what is inside, to the invoking user. */
void vc_cache_give(const char *path);
