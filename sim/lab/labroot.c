#include "lab/labroot.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* It may be one that an older vclab unpacked, or one that is not ours to remove. */
#define ADVICE "remove it, or have VCLAB_LABROOT name another, and run ./vclab, which unpacks a whole one"

/* What nodes start, relative to the root; and the links without which no program of it finds its loader. */
static const char *const programs[] = {
    "usr/lib/ipsec/charon", "usr/libexec/ipsec/pluto",    "usr/lib/frr/zebra",
    "usr/lib/frr/bgpd",     "usr/lib/frr/bfdd",           "usr/lib/frr/ospfd",
    "usr/sbin/bird",        "lib64/ld-linux-x86-64.so.2", "bin/bash",
};

static int labroot_free(struct vc_labroot *root)
{
    json_decref(root->versions);
    if (root->fd >= 0)
        close(root->fd);
    return 0;
}

static int load_versions(struct vc_labroot *root, vc_error **err)
{
    json_error_t error;
    VC_AUTO_FD fd = openat(root->fd, "versions.json", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "the lab root %s is not whole: versions.json (" ADVICE ")",
                       root->path);
    root->versions = json_loadfd(fd, 0, &error);
    if (!json_is_object(root->versions))
        return vc_fail(err, VC_EXIT_HOST, 0, "%s/versions.json:%d: %s (" ADVICE ")", root->path, error.line,
                       root->versions ? "an object is expected" : error.text);
    return 0;
}

struct vc_labroot *vc_labroot_open(void *ctx, vc_error **err)
{
    const char *path = getenv("VCLAB_LABROOT");

    if (!path || !*path) {
        vc_fail(err, VC_EXIT_HOST, 0,
                "no lab root: start vclab by ./vclab, which unpacks one, or set VCLAB_LABROOT to one");
        return NULL;
    }
    struct vc_labroot *root = talloc_zero(ctx, struct vc_labroot);
    root->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    talloc_set_destructor(root, labroot_free);
    root->path = talloc_strdup(root, path);
    int failed = root->fd < 0
                     ? vc_fail(err, VC_EXIT_HOST, errno,
                               "cannot open the lab root %s (./vclab run unpacks one; VCLAB_LABROOT names it)", path)
                     : load_versions(root, err);
    for (size_t i = 0; !failed && i < VC_COUNT(programs); i++)
        if (faccessat(root->fd, programs[i], X_OK, 0) < 0)
            failed =
                vc_fail(err, VC_EXIT_HOST, errno, "the lab root %s is not whole: %s (" ADVICE ")", path, programs[i]);
    if (!failed)
        return root;
    talloc_free(root);
    return NULL;
}
