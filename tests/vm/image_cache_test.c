/* Guest images in their cache: damage, several at a time, old ones, and where it is. */
#include "image_fixture.h"

TestSuite(image_cache, .init = setup, .fini = teardown);

Test(image_cache, a_damaged_one_is_made_anew)
{
    int built;
    VC_AUTO_TALLOC struct vc_image *image = get(&built);
    VC_AUTO_TALLOC char *meta =
        talloc_asprintf(NULL, "%.*s/image.json", (int)(strrchr(image->kernel, '/') - image->kernel), image->kernel);
    const char *const paths[] = {image->kernel, image->initrd, meta};

    for (size_t i = 0; i < VC_COUNT(paths); i++) {
        size_t size, again;
        VC_AUTO_TALLOC char *was = slurp(NULL, paths[i], &size);
        cr_assert_eq(truncate(paths[i], (off_t)size / 2), 0);
        VC_AUTO_TALLOC struct vc_image *made = get(&built);
        VC_AUTO_TALLOC char *is = slurp(NULL, paths[i], &again);
        cr_assert(built == 1 && size == again && !memcmp(was, is, size), "%s", paths[i]);
        cr_assert_eq(unlink(paths[i]), 0);
        VC_AUTO_TALLOC struct vc_image *gone = get(&built);
        cr_assert_eq(built, 1, "%s", paths[i]);
    }
}

Test(image_cache, a_damaged_index_is_not_believed)
{
    int built;
    VC_AUTO_TALLOC struct vc_image *image = get(&built);
    VC_AUTO_TALLOC char *list = talloc_asprintf(NULL, "%s/cache/images", top);
    static const char *const contents[] = {"", "{", "{\"id\": \"x\", \"inputs\": {}}", "[]"};

    for (size_t i = 0; i < VC_COUNT(contents); i++) {
        struct dirent **entries;
        int count = scandir(list, &entries, NULL, alphasort);
        for (int e = 0; e < count; e++) {
            if (!strncmp(entries[e]->d_name, "index-", 6)) {
                VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "cache/images/%s", entries[e]->d_name);
                text(path, contents[i]);
            }
            free(entries[e]);
        }
        free(entries);
        VC_AUTO_TALLOC struct vc_image *again = get(&built);
        cr_assert(built == 0 && !strcmp(again->id, image->id), "%s", contents[i]);
    }
}

Test(image_cache, what_an_interrupted_build_left_is_removed)
{
    int built;

    text("cache/images/new-0123456789abcdef0123456789abcdef/initrd", "half");
    VC_AUTO_TALLOC struct vc_image *image = get(&built);
    cr_assert_neq(access(at("cache/images/new-0123456789abcdef0123456789abcdef"), F_OK), 0);
}

/* ---- several, and old ones ---- */

Test(image_cache, two_at_the_same_time_build_once)
{
    enum { CALLERS = 4 };
    struct shared {
        int built[CALLERS];
        char ids[CALLERS][33];
    } *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int total = 0;
    pid_t pids[CALLERS];

    for (int i = 0; i < CALLERS; i++)
        if (!(pids[i] = fork())) {
            /* No assertion here: Criterion waits for ever when a child of a test reports one. */
            const struct vc_image *image = get_in(at("cache"), &shared->built[i], NULL);
            if (image)
                memcpy(shared->ids[i], image->id, sizeof image->id);
            _exit(0);
        }
    for (int i = 0; i < CALLERS; i++) {
        int status;
        cr_assert(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
        total += shared->built[i];
        cr_assert(*shared->ids[i] && !strcmp(shared->ids[i], shared->ids[0]));
    }
    cr_assert_eq(total, 1);
}

static void put_old_image(const char *name, time_t age)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "cache/images/%s/initrd", name);
    const struct timespec then[2] = {{time(NULL) - age, 0}, {time(NULL) - age, 0}};

    text(path, "old");
    *strrchr(path, '/') = '\0';
    cr_assert_eq(utimensat(AT_FDCWD, at(path), then, 0), 0);
}

Test(image_cache, unused_ones_are_removed_after_thirty_days)
{
    int built;

    put_old_image("00000000000000000000000000000001", 29 * 86400);
    put_old_image("00000000000000000000000000000002", 31 * 86400);
    VC_AUTO_TALLOC struct vc_image *image = get(&built);
    cr_assert_eq(access(at("cache/images/00000000000000000000000000000001"), F_OK), 0);
    cr_assert_neq(access(at("cache/images/00000000000000000000000000000002"), F_OK), 0);
    cr_assert_eq(access(image->kernel, F_OK), 0);
}

Test(image_cache, use_keeps_one_alive)
{
    int built;
    VC_AUTO_TALLOC struct vc_image *image = get(&built);
    VC_AUTO_TALLOC char *folder =
        talloc_strndup(NULL, image->kernel, (size_t)(strrchr(image->kernel, '/') - image->kernel));
    const struct timespec then[2] = {{1000, 0}, {1000, 0}};
    struct stat st;

    cr_assert_eq(utimensat(AT_FDCWD, folder, then, 0), 0);
    VC_AUTO_TALLOC struct vc_image *again = get(&built);
    cr_assert(stat(folder, &st) == 0 && st.st_mtime > 1000);
}

Test(image_cache, of_many_the_least_recently_used_go_unless_one_may_be_in_use)
{
    int built, left = 0;

    for (int i = 0; i < 9; i++)
        put_old_image(talloc_asprintf(names, "%032x", i), 600 + i);
    for (int i = 9; i < 15; i++)
        put_old_image(talloc_asprintf(names, "%032x", i), 86400 + i);
    VC_AUTO_TALLOC struct vc_image *image = get(&built);
    for (int i = 0; i < 15; i++)
        left += !access(at(talloc_asprintf(names, "cache/images/%032x", i)), F_OK);
    cr_assert_eq(left, 9);
    cr_assert_eq(access(at("cache/images/00000000000000000000000000000008"), F_OK), 0);
}

/* ---- where it is ---- */

Test(image_cache, the_cache_directory_follows_the_environment)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct stat st;

    setenv("XDG_CACHE_HOME", at("xdg/deep"), 1);
    cr_assert_str_eq(vc_cache_dir(ctx, NULL), at("xdg/deep/vclab"));
    cr_assert(stat(at("xdg/deep/vclab"), &st) == 0 && S_ISDIR(st.st_mode));
    unsetenv("XDG_CACHE_HOME");
    unsetenv("SUDO_UID");
    setenv("HOME", at("home"), 1);
    cr_assert_str_eq(vc_cache_dir(ctx, NULL), at("home/.cache/vclab"));
    text("file", "");
    setenv("XDG_CACHE_HOME", at("file"), 1);
    VC_AUTO_ERROR *err = NULL;
    cr_assert_null(vc_cache_dir(ctx, &err));
    cr_assert_eq(err->status, VC_EXIT_HOST);
}

Test(image_cache, under_sudo_it_belongs_to_the_caller)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct stat st;
    int built;

    if (geteuid() != 0)
        cr_skip_test("only root can give files away");
    setenv("SUDO_UID", "4242", 1);
    setenv("SUDO_GID", "4243", 1);
    setenv("XDG_CACHE_HOME", at("sudo"), 1);
    const char *cache = vc_cache_dir(ctx, NULL);
    VC_AUTO_TALLOC struct vc_image *image = get_in(NULL, &built, NULL);
    const char *const paths[] = {at("sudo"), cache, image->kernel, image->initrd, at("sudo/vclab/images/lock")};
    for (size_t i = 0; i < VC_COUNT(paths); i++)
        cr_assert(stat(paths[i], &st) == 0 && st.st_uid == 4242 && st.st_gid == 4243, "%s", paths[i]);
}
