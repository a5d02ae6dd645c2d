#include "base/caller.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

bool vc_caller(uid_t *uid, gid_t *gid)
{
    const char *user = getenv("SUDO_UID"), *group = getenv("SUDO_GID");

    if (geteuid() != 0 || !user || !group)
        return false;
    *uid = (uid_t)strtoul(user, NULL, 10);
    *gid = (gid_t)strtoul(group, NULL, 10);
    return *uid != 0;
}

const char *vc_caller_home(void)
{
    uid_t uid;
    gid_t gid;
    const char *home = getenv("HOME");
    const struct passwd *user = vc_caller(&uid, &gid) ? getpwuid(uid) : NULL;

    return user ? user->pw_dir : home && *home ? home : NULL;
}

void vc_caller_give(const char *path)
{
    uid_t uid;
    gid_t gid;

    if (vc_caller(&uid, &gid) && lchown(path, uid, gid) < 0) {
        /* A file system without owners (a share, say) is no reason to refuse it. */
    }
}
