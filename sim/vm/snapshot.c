/*
 * Who may do what is decided by one flock on <key>.lock, beside the folder so that it outlives it: shared to use the
 * snapshot, exclusive to make or remove it. meta.json comes last and by rename, so its presence means that making it
 * was not interrupted; its hashes, that nothing was damaged since.
 */
#include "vm/snapshot.h"

#include <errno.h>
#include <nettle/base16.h>
#include <nettle/sha2.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "vm/snapshot_private.h"

enum { KEY_BYTES = 16 };

char *vc_snapshot_key(void *ctx, const json_t *inputs)
{
    VC_AUTO_FREE char *text = json_dumps(inputs, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENSURE_ASCII);
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct sha256_ctx sha;

    if (!text)
        return NULL;
    sha256_init(&sha);
    sha256_update(&sha, strlen(text), (const uint8_t *)text);
    sha256_digest(&sha, sizeof digest, digest);
    char *key = talloc_zero_size(ctx, BASE16_ENCODE_LENGTH(KEY_BYTES) + 1);
    base16_encode_update(key, KEY_BYTES, digest);
    return key;
}

/* What the public structure does not show. */
struct snapshot {
    struct vc_snapshot public; /* first */
    char *parent, *key;
    bool made; /* or found whole */
};

static int snapshot_destroy(struct snapshot *s)
{
    if (s->public.lock < 0)
        return 0;
    if (!s->made)
        vc_snapshot_remove(s->parent, s->key);
    close(s->public.lock);
    return 0;
}

static json_t *describe(const struct snapshot *s, vc_error **err)
{
    VC_AUTO_JSON *ram = vc_snapshot_hash(s->public.ram, err);
    VC_AUTO_JSON *state = ram ? vc_snapshot_hash(s->public.state, err) : NULL;

    return state ? json_pack("{s:s, s:O, s:O}", "key", s->key, "ram", ram, "state", state) : NULL;
}

static bool has_size(const json_t *meta, const char *member, const char *path)
{
    const json_t *size = json_object_get(json_object_get(meta, member), "size");
    struct stat st;

    return json_is_integer(size) && stat(path, &st) == 0 && st.st_size == json_integer_value(size);
}

static bool is_whole(const struct snapshot *s)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/meta.json", s->public.folder);
    VC_AUTO_JSON *meta = json_load_file(path, 0, NULL);

    if (!meta || !has_size(meta, "ram", s->public.ram) || !has_size(meta, "state", s->public.state))
        return false;
    VC_AUTO_JSON *found = describe(s, NULL);
    return found && json_equal(meta, found);
}

static int make_folder(const char *path, vc_error **err)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot make the folder %s", path);
    return 0;
}

static int lock_failed(const struct snapshot *s, vc_error **err)
{
    if (errno == EINTR)
        return vc_fail(err, VC_EXIT_INTERRUPTED, 0, "interrupted while another vclab makes the snapshot");
    return vc_fail(err, VC_EXIT_HOST, errno, "cannot lock the snapshot %s", s->public.folder);
}

/*
 * Locks it shared when it is whole, else exclusively and empty. 1: someone removed it meanwhile, so from the start.
 * flock lets go of the shared lock before it waits for the exclusive one: two who do so do not wait for each other, but
 * what the first made must be looked for again.
 */
static int settle(struct snapshot *s, bool *fresh, vc_error **err)
{
    static const int hows[] = {LOCK_SH, LOCK_EX};

    for (size_t i = 0; i < VC_COUNT(hows); i++) {
        int gone = vc_snapshot_lock(s->public.lock, s->parent, s->key, hows[i]);

        if (gone)
            return gone < 0 ? lock_failed(s, err) : 1;
        *fresh = !is_whole(s);
        if (*fresh)
            continue;
        s->made = true;
        return flock(s->public.lock, LOCK_SH) < 0 ? lock_failed(s, err) : 0;
    }
    static const char *const names[] = {"meta.json", "state", "ram"};
    for (size_t i = 0; i < VC_COUNT(names); i++) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", s->public.folder, names[i]);

        if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
            return vc_fail(err, VC_EXIT_HOST, errno, "cannot remove the damaged snapshot %s", path);
    }
    return make_folder(s->public.folder, err);
}

static struct snapshot *snapshot_new(void *ctx, const char *cache, const char *key)
{
    struct snapshot *s = talloc_zero(ctx, struct snapshot);

    s->public.lock = -1;
    s->key = talloc_strdup(s, key);
    s->parent = talloc_asprintf(s, "%s/snapshots", cache);
    s->public.folder = talloc_asprintf(s, "%s/%s", s->parent, key);
    s->public.ram = talloc_asprintf(s, "%s/ram", s->public.folder);
    s->public.state = talloc_asprintf(s, "%s/state", s->public.folder);
    return s;
}

static int open_locked(struct snapshot *s, bool *fresh, vc_error **err)
{
    int again = 1;

    while (again == 1) {
        if (s->public.lock >= 0)
            close(s->public.lock);
        s->public.lock = vc_snapshot_lock_file(s->parent, s->key);
        if (s->public.lock < 0)
            return vc_fail(err, VC_EXIT_HOST, errno, "cannot lock the snapshot %s", s->public.folder);
        again = settle(s, fresh, err);
    }
    return again;
}

struct vc_snapshot *vc_snapshot_open(void *ctx, const char *cache, const char *key, bool *fresh, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct snapshot *s = snapshot_new(scratch, cache, key);

    if (!*key || key[strspn(key, "0123456789abcdef")] != 0) {
        vc_fail(err, VC_EXIT_USAGE, 0, "\"%s\" is no snapshot's key", key);
        return NULL;
    }
    if (make_folder(s->parent, err) < 0)
        return NULL;
    if (open_locked(s, fresh, err) < 0) {
        vc_close_cleanup(&s->public.lock);
        return NULL;
    }
    talloc_set_destructor(s, snapshot_destroy);
    futimens(s->public.lock, NULL); /* used now */
    vc_snapshot_expire(s->parent, s->key, &VC_SNAPSHOT_LIMITS);
    return &talloc_steal(ctx, s)->public;
}

int vc_snapshot_commit(struct vc_snapshot *snapshot, vc_error **err)
{
    struct snapshot *s = (struct snapshot *)snapshot;
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/meta.json", snapshot->folder);
    VC_AUTO_TALLOC char *draft = talloc_asprintf(NULL, "%s/meta.json.new", snapshot->folder);
    VC_AUTO_JSON *meta = describe(s, err);

    if (!meta)
        return -1;
    if (json_dump_file(meta, draft, JSON_INDENT(1) | JSON_SORT_KEYS) < 0 || rename(draft, path) < 0) {
        int errnum = errno;
        unlink(draft);
        return vc_fail(err, VC_EXIT_HOST, errnum, "cannot write %s", path);
    }
    s->made = true;
    return flock(snapshot->lock, LOCK_SH) < 0 ? lock_failed(s, err) : 0;
}
