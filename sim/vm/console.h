/* What a guest prints on its console: kept for console.log, quoted when something went wrong. */
#pragma once

#include "base/util.h"

/* Appends what `fd` has to *text (talloc), of which a megabyte is kept at most: a guest that prints without end fills
 * no memory and no disk. False at the end of `fd`. */
bool vc_console_read(int fd, char **text);

/* `folder`/console.log. A log that cannot be written is no reason to lose a run: no error. */
void vc_console_write(const char *text, const char *folder);

bool vc_console_panicked(const char *text);

/* The last words, as one line for a reason: the last lines, or what follows a panic's own words. Lines that every
 * healthy guest prints are left out. talloc child of ctx. */
char *vc_console_quote(void *ctx, const char *text);
