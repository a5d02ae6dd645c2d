/*
 * Keys of tunnels. Marks: <PSK-TUNNEL> and <BGP-PW-TUNNEL> stand for a tunnel's keys wherever a key may be said, in
 * documents and in files of a node, so that what is given to others says which keys are the same without saying any.
 */
#pragma once

#include "model/topology.h"

enum vc_key { VC_KEY_PSK, VC_KEY_BGP };
/* A tunnel's key as the topology has it, or derived from the seed. Borrowed, or a talloc child of ctx. */
const char *vc_key_of(void *ctx, const struct vc_topology *topology, size_t tunnel, enum vc_key key, uint64_t seed);
/* What is meant by `text`: the key that it is a mark of, else itself. */
const char *vc_key_meant(void *ctx, const struct vc_topology *topology, const char *text, uint64_t seed);
/* Does a mark of one of the topology's tunnels begin at `text`? *length is the mark's. */
bool vc_key_mark(const struct vc_topology *topology, const char *text, size_t *tunnel, enum vc_key *key,
                 size_t *length);
