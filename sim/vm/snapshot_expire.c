#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "vm/snapshot_private.h"

static const char *const members[] = {"ram", "state", "meta.json"};

int vc_snapshot_lock_file(const char *folder, const char *key)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s.lock", folder, key);

    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

int vc_snapshot_lock(int lock, const char *folder, const char *key, int how)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s.lock", folder, key);
    struct stat held, found;

    if (flock(lock, how) < 0 || fstat(lock, &held) < 0)
        return -1;
    return stat(path, &found) < 0 || found.st_ino != held.st_ino || found.st_dev != held.st_dev;
}

void vc_snapshot_remove(const char *folder, const char *key)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", folder, key);
    VC_AUTO_TALLOC char *lock = talloc_asprintf(NULL, "%s/%s.lock", folder, key);

    /* meta.json first: without it nothing is trusted, should this end half-way. */
    for (size_t i = VC_COUNT(members); i-- > 0;) {
        VC_AUTO_TALLOC char *member = talloc_asprintf(NULL, "%s/%s", path, members[i]);
        unlink(member);
    }
    rmdir(path);
    unlink(lock);
}

struct old {
    char key[65];
    time_t used;
    int64_t bytes;
};

static int64_t stored_bytes(const char *folder, const char *key)
{
    int64_t sum = 0;

    for (size_t i = 0; i < VC_COUNT(members); i++) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s/%s", folder, key, members[i]);
        struct stat st;

        if (stat(path, &st) == 0)
            sum += (int64_t)st.st_blocks * 512;
    }
    return sum;
}

/* The lock file's time of change is the snapshot's last use. */
static struct old *list_snapshots(void *ctx, const char *folder)
{
    struct old *list = talloc_array(ctx, struct old, 0);
    DIR *dir = opendir(folder);

    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        size_t length = strlen(entry->d_name), count = talloc_array_length(list);
        struct stat st;

        if (length <= 5 || length - 5 >= sizeof list->key || strcmp(entry->d_name + length - 5, ".lock") != 0 ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        list = talloc_realloc(ctx, list, struct old, (unsigned)count + 1);
        list[count] = (struct old){.used = st.st_mtime};
        memcpy(list[count].key, entry->d_name, length - 5);
        list[count].bytes = stored_bytes(folder, list[count].key);
    }
    if (dir)
        closedir(dir);
    return list;
}

static int by_use(const void *a, const void *b)
{
    const struct old *x = a, *y = b;

    return x->used != y->used ? (x->used < y->used ? -1 : 1) : strcmp(x->key, y->key);
}

static bool expire_one(const char *folder, const char *key)
{
    VC_AUTO_FD lock = vc_snapshot_lock_file(folder, key);

    if (lock < 0 || vc_snapshot_lock(lock, folder, key, LOCK_EX | LOCK_NB) != 0)
        return false; /* in use */
    vc_snapshot_remove(folder, key);
    return true;
}

void vc_snapshot_expire(const char *folder, const char *keep, const struct vc_snapshot_limits *limits)
{
    VC_AUTO_TALLOC struct old *list = list_snapshots(NULL, folder);
    size_t count = talloc_array_length(list);
    time_t now = time(NULL);
    int64_t bytes = 0;

    qsort(list, count, sizeof *list, by_use);
    for (size_t i = 0; i < count; i++)
        bytes += list[i].bytes;
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].key, keep) != 0 && (now - list[i].used > limits->max_age_s || bytes > limits->max_bytes) &&
            expire_one(folder, list[i].key))
            bytes -= list[i].bytes;
}
