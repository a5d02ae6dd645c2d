/* vclab capture: pcapng of a link or tunnel of a running lab, until Ctrl-C or for a time. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "cli/commands.h"
#include "cli/labs.h"
#include "cli/session.h"

static const char usage[] = "Usage: vclab capture [--lab ID] LINK [FILE] [SECONDS]\n"
                            "\n"
                            "Writes a pcapng of a link (inet-dc1) or of the inside of a tunnel (gre-dc1) to FILE, "
                            "default standard output, until Ctrl-C or for\n"
                            "SECONDS: vclab capture inet-dc1 | tshark -r -\n";

static int wait_for_end(int seconds, int lab)
{
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    VC_AUTO_FD signals = signalfd(-1, &ends, SFD_CLOEXEC);
    struct pollfd fds[2] = {{.fd = signals, .events = POLLIN}, {.fd = lab, .events = POLLIN}};
    return poll(fds, 2, seconds > 0 ? seconds * 1000 : -1);
}

int vc_cmd_capture(int argc, char **argv)
{
    struct lab_options options = {0};
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_FD keep = -1;
    int parsed = lab_options_parse(argc, argv, usage, &options);
    int left = argc - options.first;

    if (parsed)
        return parsed > 0 ? 0 : VC_EXIT_USAGE;
    if (left < 1 || left > 3) {
        fputs(usage, stderr);
        return VC_EXIT_USAGE;
    }
    const char *file = left > 1 && strcmp(argv[options.first + 1], "-") ? argv[options.first + 1] : NULL;
    VC_AUTO_FD out = file ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : dup(1);
    if (out < 0) {
        fprintf(stderr, "vclab capture: %s: %s\n", file, strerror(errno));
        return VC_EXIT_USAGE;
    }
    if (!file && isatty(1)) {
        fputs("vclab capture: a capture is binary: give a FILE or a pipe\n", stderr);
        return VC_EXIT_USAGE;
    }
    VC_AUTO_JSON *request = json_pack("{s:s, s:s}", "do", "capture", "link", argv[options.first]);
    VC_AUTO_JSON *answer = lab_ask(&options, request, &out, 1, &keep, &err);
    if (!answer)
        return print_error(err);
    fprintf(stderr, "capturing %s, Ctrl-C ends it\n", argv[options.first]);
    wait_for_end(left > 2 ? atoi(argv[options.first + 2]) : 0, keep);
    /* The lab writes what it still holds and then closes its side. */
    shutdown(keep, SHUT_WR);
    poll(&(struct pollfd){.fd = keep, .events = POLLIN}, 1, 2000);
    return 0;
}
