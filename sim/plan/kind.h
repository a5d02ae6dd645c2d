/*
 * A kind of node as its folder describes it: nodes/<kind>/kind.yaml, read as it stands. Every text in it is a Mustache
 * template over the node's context (context.h). The daemons it names are described once for all kinds in
 * nodes/daemons.yaml; a template is looked for in the kind's folder first and then in nodes/ itself, so that a kind can
 * replace what it shares. `like: KIND` starts from another kind: what its kind.yaml does not say is that one's, and its
 * templates are looked for in that one's folder after its own.
 */
#pragma once

#include "model/topology.h"

struct vc_kind_file {
    const char *path;     /* inside the node */
    const char *template; /* its file name */
};

struct vc_kind_files {
    struct vc_kind_file *items;
    size_t count;
};

struct vc_kind_daemon {
    const char *name;
    const char *when;               /* a dotted name in the context: runs only where that is true; NULL: always */
    const char *const *environment; /* "NAME=value" */
    const char *const *argv, *const *needs, *const *directories, *const *sockets; /* NULL-terminated */
    const char *ready, *log;
    const char *vici_config;  /* a template's file name, or NULL */
    const char *const *load;  /* NULL-terminated commands, one a line */
    const char *const *opens; /* NULL-terminated: files of the lab root that it starts or opens by name */
    bool kernel_sas;          /* its SAs are watched in the kernel */
    bool rare;                /* in a guest's image only where a node of the topology runs it */
    int rt_priority_kernel, rt_priority_user;
    bool after_bgp;
    struct vc_kind_files files;
};

struct vc_kind {
    const char *name, *description;
    const char *const *folders; /* where templates are looked for, in this order, NULL-terminated: the kind's own, those
                                   of the kinds it is like, and nodes/ */
    const char *const *sysctls, *const *directories;
    struct vc_kind_files files;
    const char *firewall, *routes;  /* templates' file names, or NULL */
    struct vc_kind_daemon *daemons; /* in start order */
    size_t daemon_count;
};

/* Reads kinds_dir/<name>/kind.yaml, those of the kinds it is like, and kinds_dir/daemons.yaml. talloc child of ctx, or
 * NULL (VC_EXIT_USAGE, every error with its place). */
struct vc_kind *vc_kind_load(void *ctx, const char *kinds_dir, const char *name, vc_error **err);

/* The names of the daemons called rare that nodes of `topology` run: NULL-terminated, each once, in the order of their
 * alphabet. talloc child of ctx, or NULL as vc_kind_load. */
const char *const *vc_kind_rare(void *ctx, const char *kinds_dir, const struct vc_topology *topology, vc_error **err);

/* The text of a template of that kind. talloc child of ctx; *path, if given, is the file it came from. */
char *vc_kind_template(void *ctx, const struct vc_kind *kind, const char *template, const char **path, vc_error **err);
