/* The parts of a snapshot: its hashes (snapshot_hash.c) and the removal of old ones (snapshot_expire.c). */
#pragma once

#include <time.h>

#include "vm/snapshot.h"

/*
 * {"size", "xxh3"} of a file: XXH3_128 over its 64 KiB chunks that are not all zero, each after its number. So holes
 * cost nothing, and it does not matter which zeros the file system stores. New reference; NULL with *err
 * (VC_EXIT_HOST).
 */
json_t *vc_snapshot_hash(const char *path, vc_error **err);

struct vc_snapshot_limits {
    time_t max_age_s;
    int64_t max_bytes; /* as stored, all together */
};
#define VC_SNAPSHOT_LIMITS ((struct vc_snapshot_limits){.max_age_s = 14 * 86400, .max_bytes = 8LL << 30})

/* Opens <folder>/<key>.lock without waiting; -1 with errno. */
int vc_snapshot_lock_file(const char *folder, const char *key);
/* Takes flock `how`, after which the lock file is still the one that others find: 0; 1: it was removed, open it again;
 * -1 with errno. */
int vc_snapshot_lock(int lock, const char *folder, const char *key, int how);
/* Removes the files of a snapshot whose lock is held exclusively. */
void vc_snapshot_remove(const char *folder, const char *key);

/* Removes the snapshots of `folder` that are too old, and the least recently used ones while all are too large. The one
 * named `keep` and those in use stay. Failures are left to the next time. */
void vc_snapshot_expire(const char *folder, const char *keep, const struct vc_snapshot_limits *limits);
