/* Who really calls under sudo: what vclab makes for him in his folders is his. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* true: this is root by sudo, for that user. */
bool vc_caller(uid_t *uid, gid_t *gid);
/* The caller's home folder, or the user's own; NULL: it has none. Borrowed until the next look-up of a user. */
const char *vc_caller_home(void);
/* Gives what was just made, a file or folder that is no link, to the caller. Does nothing without sudo, or where the
 * file system has no owners. */
void vc_caller_give(const char *path);
