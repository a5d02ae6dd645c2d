/* The user's cache directory. Under sudo it is the invoking user's, and so is what is made in it. */
#include "vm/image_private.h"

#include <errno.h>
#include <fts.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

static bool sudo_user(uid_t *uid, gid_t *gid)
{
    const char *user = getenv("SUDO_UID"), *group = getenv("SUDO_GID");

    if (geteuid() != 0 || !user || !group)
        return false;
    *uid = (uid_t)strtoul(user, NULL, 10);
    *gid = (gid_t)strtoul(group, NULL, 10);
    return *uid != 0;
}

void vc_cache_give(const char *path)
{
    uid_t uid;
    gid_t gid;

    if (!sudo_user(&uid, &gid))
        return;
    VC_AUTO_FREE char *root = strdup(path);
    FTS *tree = fts_open((char *const[]){root, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (const FTSENT *entry; tree && (entry = fts_read(tree));)
        if (entry->fts_info != FTS_DP && lchown(entry->fts_accpath, uid, gid)) {
            /* A file system without owners (a share, say) is no reason to refuse it. */
        }
    if (tree)
        fts_close(tree);
}

static const char *user_home(void)
{
    uid_t uid;
    gid_t gid;
    const char *home = getenv("HOME");
    bool sudo = sudo_user(&uid, &gid);
    const struct passwd *user = sudo || !home || *home != '/' ? getpwuid(sudo ? uid : geteuid()) : NULL;

    return user ? user->pw_dir : home && *home == '/' ? home : NULL;
}

int image_make_folders(const char *path, vc_error **err)
{
    VC_AUTO_FREE char *copy = strdup(path);
    struct stat st;

    for (char *slash = copy; slash;) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        if (!mkdir(copy, 0755))
            vc_cache_give(copy);
        else if (errno != EEXIST && (stat(copy, &st) || !S_ISDIR(st.st_mode)))
            return vc_fail(err, VC_EXIT_HOST, errno,
                           "cannot make the cache folder %s (XDG_CACHE_HOME can name another place)", copy);
        if (slash)
            *slash = '/';
    }
    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return vc_fail(err, VC_EXIT_HOST, ENOTDIR, "cannot use %s as cache (XDG_CACHE_HOME can name another place)",
                       path);
    return 0;
}

char *vc_cache_dir(void *ctx, vc_error **err)
{
    const char *named = getenv("XDG_CACHE_HOME");
    const char *home = named && *named == '/' ? NULL : user_home();
    char *path = home                     ? talloc_asprintf(ctx, "%s/.cache/vclab", home)
                 : named && *named == '/' ? talloc_asprintf(ctx, "%s/vclab", named)
                                          : NULL;

    if (!path)
        vc_fail(err, VC_EXIT_HOST, 0, "there is no place for a cache: neither XDG_CACHE_HOME nor HOME is set");
    else if (!image_make_folders(path, err))
        return path;
    talloc_free(path);
    return NULL;
}
