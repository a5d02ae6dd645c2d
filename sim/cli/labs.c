#include "cli/labs.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cli/session.h"
#include "run/control.h"

static bool answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    VC_AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || (size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s", path) >= sizeof address.sun_path)
        return false;
    return !connect(fd, (struct sockaddr *)&address, sizeof address);
}

char *lab_find(void *ctx, const char *results, const char *name, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *folder = results ? results : session_folder(scratch, "results");
    struct dirent **entries;
    char *found = NULL, *names = talloc_strdup(scratch, "");
    unsigned matches = 0;
    int count = scandir(folder, &entries, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        char *path = talloc_asprintf(scratch, "%s/%s/control", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && (!name || strstr(entries[i]->d_name, name)) && answers(path)) {
            found = path;
            names = talloc_asprintf_append(names, " %s", entries[i]->d_name);
            matches++;
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    if (matches == 1)
        return talloc_steal(ctx, found);
    if (matches)
        vc_fail(err, VC_EXIT_USAGE, 0, "vclab: several labs run; say which with --lab:%s", names);
    else
        vc_fail(err, VC_EXIT_USAGE, 0, "vclab: no lab%s%s runs here (%s); vclab up TOPOLOGY starts one",
                name ? " " : "", name ? name : "", folder);
    return NULL;
}

int lab_options_parse(int argc, char **argv, const char *usage, struct lab_options *options)
{
    static const struct option longs[] = {{"lab", required_argument, NULL, 'l'},
                                          {"results", required_argument, NULL, 'r'},
                                          {"json", no_argument, NULL, 'J'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int c;

    while ((c = getopt_long(argc, argv, "+h", longs, NULL)) != -1) {
        switch (c) {
        case 'l':
            options->lab = optarg;
            break;
        case 'r':
            options->results = optarg;
            break;
        case 'J':
            options->json = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return 1;
        default:
            fputs(usage, stderr);
            return -1;
        }
    }
    options->first = optind;
    return 0;
}

json_t *lab_ask(const struct lab_options *options, const json_t *request, const int *fds, size_t fd_count, int *keep,
                vc_error **err)
{
    VC_AUTO_TALLOC char *path = lab_find(NULL, options->results, options->lab, err);

    return path ? vc_control_call(path, request, fds, fd_count, keep, err) : NULL;
}
