/*
 * Configurations that a node brings along (`files`, model/topology.h): they take the place of what its kind's templates
 * give. `<PSK-TUNNEL>` and `<BGP-PW-TUNNEL>` in them stand for that tunnel's keys, so that a file that is given to
 * others need not hold any.
 */
#pragma once

#include "plan/plan.h"

/* Puts them into `out`, whose daemons and files are rendered. Fails (VC_EXIT_USAGE) when no daemon of the node reads
 * such a file. */
int vc_own_files_use(void *ctx, const struct vc_topology *topology, size_t node, uint64_t seed,
                     struct vc_plan_node *out, vc_error **err);

/* Such a file's text with the keys in the place of their marks. talloc child of ctx. */
char *vc_own_file_text(void *ctx, const struct vc_topology *topology, uint64_t seed, const char *text);

/* The part of an integrated frr.conf that one daemon of FRR reads; lists, maps and what is of all daemons are in every
 * part. talloc child of ctx. */
char *vc_frr_part(void *ctx, const char *text, const char *daemon);

/* Tells each line that no daemon of the node reads, with its number from 1. Comments and empty lines are none. */
typedef void vc_frr_unused_fn(void *data, unsigned line, const char *text);
void vc_frr_unused(const char *text, const struct vc_plan_node *node, vc_frr_unused_fn *unused, void *data);
