/* Finding running labs: a lab is a result folder whose control socket answers. */
#pragma once

#include "base/error.h"

/* The control socket of the lab named by `name` (its run id or a part of it; NULL: the only one that runs). talloc
 * child of ctx. */
char *lab_find(void *ctx, const char *results, const char *name, vc_error **err);

/* The usual call: finds the lab of --lab/--results and asks it. */
struct lab_options {
    const char *results, *lab;
    bool json;
    int first; /* index of the first argument */
};
/* Options common to the hands-on commands: --lab ID, --results DIR, --json, --help. Stops at the first argument that is
 * none. Returns 0, 1 after --help, -1 after a message. */
int lab_options_parse(int argc, char **argv, const char *usage, struct lab_options *options);
json_t *lab_ask(const struct lab_options *options, const json_t *request, const int *fds, size_t fd_count, int *keep,
                vc_error **err);
/* The exit status of a command that ran in a lab, as a shell tells it: 128 + signal when one ended it. */
int lab_command_status(const json_t *answer);
