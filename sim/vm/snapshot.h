/*
 * Snapshots of a converged lab, one for each (image, topology, timers, seed, QEMU, machine): a folder in the user's
 * cache with ram        the guest's memory, mapped copy on write by every fork state      the rest of the machine
 * (vc_machine_save) meta.json  {"key": …, "ram": {"size", "xxh3"}, "state": {"size", "xxh3"}} A snapshot that is not
 * whole (size, hash, key) is removed and made anew; it is never trusted.
 */
#pragma once

#include "base/error.h"

/* Everything a snapshot depends on, as a JSON object whose members are hashed in sorted order: "image", "topology"
 * (text), "timers", "seed", "qemu", "ram_bytes", … Returns the key in hexadecimal, talloc child of ctx. A pure
 * function. */
char *vc_snapshot_key(void *ctx, const json_t *inputs);

struct vc_snapshot {
    char *folder; /* talloc children of the snapshot */
    char *ram;    /* paths */
    char *state;
    int lock; /* held shared while forks may map the files, exclusively while it is made; closed by the destructor */
};

/*
 * Opens the snapshot `key`. When it is there and whole, *fresh is false and the files may be used. Otherwise *fresh is
 * true: the caller holds it exclusively, makes `ram` and `state`, and calls vc_snapshot_commit; without that call it is
 * removed with the talloc child that is returned. Waits while another process makes it. Snapshots unused for 14 days
 * are removed, and the least recently used ones when all together are over 8 GiB.
 */
struct vc_snapshot *vc_snapshot_open(void *ctx, const char *cache, const char *key, bool *fresh, vc_error **err);
/* Makes it visible: hashes, writes meta.json last; the lock becomes shared. */
int vc_snapshot_commit(struct vc_snapshot *snapshot, vc_error **err);
