#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "vm/snapshot_private.h"

#define KEY "0123456789abcdef0123456789abcdef"

enum { CHUNK = 64 * 1024, RAM_SIZE = 64 << 20 };

static char top[] = "/tmp/vclab-snapshot-XXXXXX";

static void setup(void)
{
    cr_assert(mkdtemp(top));
}

static int drop(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED, struct FTW *at VC_UNUSED)
{
    return remove(path);
}

static void teardown(void)
{
    nftw(top, drop, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(snapshot, .init = setup, .fini = teardown, .timeout = 60);

/* ---- keys ---- */

static json_t *inputs(void)
{
    return json_pack("{s:s, s:{s:s, s:s}, s:I, s:s}", "image", "i1", "lab", "topology", "text", "timers", "bfd", "seed",
                     (json_int_t)1, "qemu", "7.2.22");
}

Test(snapshot, key_does_not_depend_on_the_order_of_members)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *one = inputs();
    VC_AUTO_JSON *two = json_pack("{s:s, s:I, s:{s:s, s:s}, s:s}", "qemu", "7.2.22", "seed", (json_int_t)1, "lab",
                                  "timers", "bfd", "topology", "text", "image", "i1");
    const char *key = vc_snapshot_key(ctx, one);

    cr_assert_str_eq(key, vc_snapshot_key(ctx, two));
    cr_assert(strlen(key) == 32 && strspn(key, "0123456789abcdef") == 32, "%s", key);
}

Test(snapshot, key_depends_on_every_member)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *base = inputs();
    const char *key = vc_snapshot_key(ctx, base), *name;
    json_t *value;

    json_object_foreach(base, name, value)
    {
        VC_AUTO_JSON *changed = json_deep_copy(base), *without = json_deep_copy(base);

        json_object_set_new(changed, name, json_string("other"));
        cr_assert_str_neq(key, vc_snapshot_key(ctx, changed), "%s", name);
        json_object_del(without, name);
        cr_assert_str_neq(key, vc_snapshot_key(ctx, without), "%s", name);
    }
    json_object_set_new(json_object_get(base, "lab"), "timers", json_string("service"));
    cr_assert_str_neq(key, vc_snapshot_key(ctx, base));
}

/* ---- hashes ---- */

static char *file_of(void *ctx, const char *name)
{
    return talloc_asprintf(ctx, "%s/%s", top, name);
}

static void write_at(const char *path, off_t size, off_t offset, const char *text)
{
    VC_AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    cr_assert(fd >= 0 && ftruncate(fd, size) == 0);
    cr_assert_eq(pwrite(fd, text, strlen(text), offset), (ssize_t)strlen(text));
}

static const char *hash_of(void *ctx, const char *path)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *hash = vc_snapshot_hash(path, &err);

    cr_assert(hash, "%s", err ? err->message : "");
    return talloc_strdup(ctx, json_string_value(json_object_get(hash, "xxh3")));
}

Test(snapshot, hash_sees_content_and_not_how_it_is_stored)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *sparse = file_of(ctx, "sparse"), *stored = file_of(ctx, "stored");
    char *zeros = talloc_zero_size(ctx, 1 << 20);

    write_at(sparse, 3 << 20, 100000, "data");
    write_at(stored, 3 << 20, 100000, "data");
    VC_AUTO_FD fd = open(stored, O_RDWR | O_CLOEXEC);
    cr_assert_eq(pwrite(fd, zeros, 1 << 20, 1 << 20), 1 << 20);
    cr_assert_str_eq(hash_of(ctx, sparse), hash_of(ctx, stored));
}

Test(snapshot, hash_sees_every_byte_and_its_place)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const off_t size = (16 << 20) + 5; /* windows, and a rest */
    /* first and last bytes of files, chunks and windows */
    const off_t places[] = {0, CHUNK - 1, CHUNK, (4 << 20) - 1, 4 << 20, (8 << 20) + 77, size - 6, size - 1};
    const char *path = file_of(ctx, "file");
    VC_AUTO_JSON *seen = json_object();

    for (size_t i = 0; i < VC_COUNT(places); i++) {
        unlink(path);
        write_at(path, size, places[i], "x");
        const char *one = hash_of(ctx, path);
        json_object_set_new(seen, one, json_true());
        write_at(path, size, places[i], "y");
        const char *other = hash_of(ctx, path);
        json_object_set_new(seen, other, json_true());
    }
    /* Data again after a hole, in the same chunk as data before it. */
    write_at(path, size, 8192, "x");
    json_object_set_new(seen, hash_of(ctx, path), json_true());
    write_at(path, size, CHUNK - 8192, "x");
    json_object_set_new(seen, hash_of(ctx, path), json_true());
    cr_assert_eq(json_object_size(seen), 2 * VC_COUNT(places) + 2);
}

Test(snapshot, hash_of_what_is_not_there)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert_null(vc_snapshot_hash("/nowhere/ram", &err));
    cr_assert_eq(err->status, VC_EXIT_HOST);
}

/* ---- opening and making ---- */

static struct vc_snapshot *open_key(void *ctx, const char *key, bool *fresh)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_snapshot *snapshot = vc_snapshot_open(ctx, top, key, fresh, &err);

    cr_assert(snapshot, "%s", err ? err->message : "");
    return snapshot;
}

static void fill(const struct vc_snapshot *snapshot)
{
    write_at(snapshot->ram, RAM_SIZE, 12345678, "memory");
    write_at(snapshot->state, 1000, 10, "state");
}

static void make(const char *key)
{
    VC_AUTO_ERROR *err = NULL;
    bool fresh;
    VC_AUTO_TALLOC struct vc_snapshot *snapshot = open_key(NULL, key, &fresh);

    cr_assert(fresh);
    fill(snapshot);
    cr_assert_eq(vc_snapshot_commit(snapshot, &err), 0, "%s", err ? err->message : "");
}

static size_t entries(const char *path)
{
    size_t count = 0;
    DIR *dir = opendir(path);

    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return dir ? count - 2 : 0;
}

Test(snapshot, made_once_and_found_again)
{
    bool fresh;

    make(KEY);
    VC_AUTO_TALLOC struct vc_snapshot *one = open_key(NULL, KEY, &fresh);
    cr_assert(!fresh);
    VC_AUTO_TALLOC struct vc_snapshot *two = open_key(NULL, KEY, &fresh); /* side by side */
    cr_assert(!fresh);
    cr_assert_str_eq(one->ram, two->ram);
    cr_assert_eq(access(two->ram, R_OK) | access(two->state, R_OK), 0);
}

Test(snapshot, not_committed_is_not_there)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *folder = file_of(ctx, "snapshots");
    bool fresh;

    struct vc_snapshot *snapshot = open_key(ctx, KEY, &fresh);
    cr_assert(fresh);
    fill(snapshot);
    talloc_free(snapshot);
    cr_assert_eq(entries(folder), 0);
    open_key(ctx, KEY, &fresh);
    cr_assert(fresh);
}

/* A maker that was killed has left files, but no meta.json. */
Test(snapshot, left_half_made_is_made_anew)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    bool fresh;
    pid_t pid = fork();

    if (pid == 0) {
        struct vc_snapshot *snapshot = vc_snapshot_open(NULL, top, KEY, &fresh, NULL);
        fill(snapshot);
        raise(SIGKILL);
    }
    waitpid(pid, NULL, 0);
    const char *ram = talloc_asprintf(ctx, "%s/snapshots/" KEY "/ram", top);
    cr_assert_eq(access(ram, F_OK), 0);
    open_key(ctx, KEY, &fresh);
    cr_assert(fresh);
    cr_assert(access(ram, F_OK) < 0, "what was left may be used");
}

static void damage(const char *member, off_t offset, const char *text, off_t cut)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/snapshots/" KEY "/%s", top, member);
    VC_AUTO_FD fd = open(path, O_RDWR | O_CLOEXEC);

    cr_assert(fd >= 0);
    cr_assert(cut < 0 || ftruncate(fd, cut) == 0);
    cr_assert_eq(pwrite(fd, text, strlen(text), offset), (ssize_t)strlen(text));
}

Test(snapshot, damaged_is_made_anew)
{
    static const struct {
        const char *member;
        off_t offset;
        const char *text;
        off_t cut;
    } cases[] = {
        {"ram", 12345678, "M", -1},      /* one bit */
        {"ram", 50 << 20, "M", -1},      /* where there was nothing */
        {"ram", 0, "", RAM_SIZE - 4096}, /* shorter, by zeros only */
        {"ram", 0, "", RAM_SIZE + 4096}, {"state", 999, "x", -1}, {"state", 0, "", 0},
        {"meta.json", 0, "x", -1},       {"meta.json", 0, "", 0},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        bool fresh;

        make(KEY);
        damage(cases[i].member, cases[i].offset, cases[i].text, cases[i].cut);
        VC_AUTO_TALLOC struct vc_snapshot *snapshot = open_key(NULL, KEY, &fresh);
        cr_assert(fresh, "case %zu was trusted", i);
    }
}

Test(snapshot, of_another_key_is_not_trusted)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    bool fresh;

    make(KEY);
    cr_assert_eq(rename(file_of(ctx, "snapshots/" KEY), file_of(ctx, "snapshots/fedcba")), 0);
    open_key(ctx, "fedcba", &fresh);
    cr_assert(fresh);
}

Test(snapshot, keys_that_are_paths_are_refused)
{
    static const char *const keys[] = {"", "..", "../a", "a/b", "KEY"};
    bool fresh;

    for (size_t i = 0; i < VC_COUNT(keys); i++) {
        VC_AUTO_ERROR *err = NULL;
        cr_assert_null(vc_snapshot_open(NULL, top, keys[i], &fresh, &err), "%s", keys[i]);
        cr_assert_eq(err->status, VC_EXIT_USAGE);
    }
}

Test(snapshot, cache_that_cannot_be_written)
{
    VC_AUTO_ERROR *err = NULL;
    bool fresh;

    cr_assert_null(vc_snapshot_open(NULL, "/nowhere", KEY, &fresh, &err));
    cr_assert_eq(err->status, VC_EXIT_HOST);
    cr_assert(strstr(err->message, "/nowhere/snapshots"), "%s", err->message);
}

/* ---- several at once ---- */

/* Whether someone waits for the lock: what /proc/locks marks with an arrow. */
static bool someone_waits(const struct vc_snapshot *snapshot)
{
    VC_AUTO_FILE *locks = fopen("/proc/locks", "re");
    struct stat st;
    char line[256], inode[64];
    bool found = false;

    cr_assert(locks && fstat(snapshot->lock, &st) == 0);
    snprintf(inode, sizeof inode, ":%ju ", (uintmax_t)st.st_ino);
    while (fgets(line, sizeof line, locks))
        found = found || (strstr(line, "->") && strstr(line, inode));
    return found;
}

static pid_t open_in_child(int inherited, int report)
{
    pid_t pid = fork();
    bool fresh;

    if (pid)
        return pid;
    close(inherited); /* or the lock would be this process' too */
    struct vc_snapshot *snapshot = vc_snapshot_open(NULL, top, KEY, &fresh, NULL);
    const char told = "wfe"[!snapshot ? 2 : fresh]; /* found whole, fresh, error */
    _exit(write(report, &told, 1) != 1 || (fresh && snapshot && talloc_free(snapshot)));
}

/* The waiter's answer after `maker` did what it does, while the waiter waited. */
static char answer_of_waiter(struct vc_snapshot *maker, bool commits)
{
    int report[2];
    char told = 0;

    cr_assert_eq(pipe(report), 0);
    VC_AUTO_PID waiter = open_in_child(maker->lock, report[1]);
    for (int i = 0; i < 2000 && !someone_waits(maker); i++)
        poll(NULL, 0, 5);
    cr_assert(someone_waits(maker));
    cr_assert_eq(poll(&(struct pollfd){.fd = report[0], .events = POLLIN}, 1, 0), 0, "it did not wait");
    if (commits)
        cr_assert_eq(vc_snapshot_commit(maker, NULL), 0);
    else
        talloc_free(maker);
    cr_assert_eq(read(report[0], &told, 1), 1);
    return told;
}

Test(snapshot, second_waits_for_the_first_and_finds_it)
{
    bool fresh;
    VC_AUTO_TALLOC struct vc_snapshot *maker = open_key(NULL, KEY, &fresh);

    fill(maker);
    cr_assert_eq(answer_of_waiter(maker, true), 'w');
}

Test(snapshot, second_makes_it_when_the_first_gives_up)
{
    bool fresh;
    struct vc_snapshot *maker = open_key(NULL, KEY, &fresh);

    fill(maker);
    cr_assert_eq(answer_of_waiter(maker, false), 'f');
}

/* ---- old ones ---- */

static void used(const char *key, time_t when)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/snapshots/%s.lock", top, key);
    const struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};

    cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static bool is_there(const char *key)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/snapshots/%s/ram", top, key);

    return access(path, F_OK) == 0;
}

Test(snapshot, unused_for_long_goes_with_the_next_open)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const time_t day = 86400, now = time(NULL);
    bool fresh;

    make("aa");
    make("bb");
    make("cc");
    used("aa", now - 15 * day);
    used("bb", now - 13 * day);
    used("cc", now - 15 * day);
    open_key(ctx, "cc", &fresh); /* is old, but used now */
    cr_assert(!fresh);
    cr_assert(!is_there("aa") && is_there("bb") && is_there("cc"));
    cr_assert(access(file_of(ctx, "snapshots/aa.lock"), F_OK) < 0);
    used("bb", now - 15 * day);
    open_key(ctx, "bb", &fresh);
    used("bb", now - 15 * day);
    open_key(ctx, "dd", &fresh);
    cr_assert(is_there("bb"), "it is in use");
}

Test(snapshot, least_recently_used_goes_when_all_are_too_large)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *folder = file_of(ctx, "snapshots");
    const time_t now = time(NULL);
    struct stat ram, state, meta;

    make("aa");
    make("bb");
    make("cc");
    used("aa", now - 100);
    used("bb", now - 300);
    used("cc", now - 200);
    cr_assert_eq(stat(file_of(ctx, "snapshots/aa/ram"), &ram) | stat(file_of(ctx, "snapshots/aa/state"), &state) |
                     stat(file_of(ctx, "snapshots/aa/meta.json"), &meta),
                 0);
    const int64_t each = 512 * (int64_t)(ram.st_blocks + state.st_blocks + meta.st_blocks);
    vc_snapshot_expire(folder, "", &(struct vc_snapshot_limits){.max_age_s = 1000, .max_bytes = 3 * each});
    cr_assert(is_there("aa") && is_there("bb") && is_there("cc"));
    vc_snapshot_expire(folder, "", &(struct vc_snapshot_limits){.max_age_s = 1000, .max_bytes = 3 * each - 1});
    cr_assert(is_there("aa") && !is_there("bb") && is_there("cc"));
    vc_snapshot_expire(folder, "cc", &(struct vc_snapshot_limits){.max_age_s = 1000, .max_bytes = 0});
    cr_assert(!is_there("aa") && is_there("cc"));
}
