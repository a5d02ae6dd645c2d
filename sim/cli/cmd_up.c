/* vclab up, vclab down: a lab to work in. A supervisor in the background owns it; killing the supervisor ends the lab.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cli/commands.h"
#include "cli/labs.h"
#include "cli/session.h"
#include "run/live.h"

static const char up_usage[] =
    "Usage: vclab up TOPOLOGY [--timers PROFILE] [--plane auto|kernel|user]\n"
    "                [--wires auto|netem|ns3|veth] [--seed N] [--results DIR] [--captures]\n"
    "\n"
    "Starts a lab in the background with a voice flow to each data centre, waits until it "
    "is active/active, and says how to use it.\n"
    "TOPOLOGY is a file or a name of topologies/. --captures keeps a pcapng of every link. vclab down ends it.\n"
    "--wires ns3 carries every link by ns-3, so that vclab fault impair works on a kernel without netem; auto "
    "(default) "
    "does\nso for links that the topology gives a character such a kernel cannot.\n";
static const char down_usage[] = "Usage: vclab down [--lab ID]\n\nEnds a running lab; its result folder stays.\n";

#define CONVERGE_NS (60 * VC_NS_PER_S)

/* What the supervisor tells the command that waits for it: one line, which begins with + (active/active), ! (not yet,
 * but the lab runs) or - (no lab: its exit status follows). */
struct announcement {
    int fd;
};

static void announce(void *arg, const char *result, json_t *judged)
{
    const struct announcement *to = arg;
    json_t *first = json_array_get(json_object_get(judged, "expectations"), 0);
    const char *verdict = json_string_value(json_object_get(first, "verdict"));
    bool good = verdict && !strcmp(verdict, "pass");

    dprintf(to->fd, "%c%s: %s\n", good ? '+' : '!', result,
            good ? "active/active on both tunnels" : "not converged yet; vclab status shows what is missing");
}

/* In the background from here on: nothing is printed but through the pipe. */
static _Noreturn void supervise(struct session *session, const struct vc_scenario *scenario, int pipe_fd)
{
    struct announcement to = {pipe_fd};
    struct session_extra extra = {.stay = true, .on_steps_done = announce, .arg = &to};
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);

    setsid();
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    session->options.quiet = true;
    int status = session_run(session, session, scenario, &extra, NULL, NULL, &err);
    if (status < 0)
        dprintf(pipe_fd, "-%s\n", err->message);
    _exit(status < 0 ? (int)err->status : status);
}

static int wait_for_announcement(int fd, pid_t supervisor)
{
    VC_AUTO_FILE *in = fdopen(fd, "r");
    char line[4096];
    int status;

    if (fgets(line, sizeof line, in)) {
        fprintf(line[0] == '+' ? stdout : stderr, "%s%s", line[0] == '-' ? "vclab: " : "", line + 1);
        if (line[0] == '+')
            puts("vclab status | exec NODE -- CMD | shell NODE | fault … | capture LINK | down");
        if (line[0] != '-')
            return line[0] == '+' ? 0 : VC_EXIT_FAIL;
    }
    if (waitpid(supervisor, &status, 0) == supervisor && WIFEXITED(status))
        return WEXITSTATUS(status) ? WEXITSTATUS(status) : VC_EXIT_FAIL;
    return VC_EXIT_FAIL;
}

static int up(const char *name, const struct session_options *options, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_topology *topology = session_topology(ctx, name, err);
    int fds[2];

    if (!topology)
        return -1;
    const struct vc_timers *timers = vc_topology_timers(topology, options->timers ? options->timers : "bfd");
    if (!timers)
        return vc_fail(err, VC_EXIT_USAGE, 0, "vclab up: no timers %s in %s", options->timers, topology->name);
    struct session *session = session_open(ctx, options, err);
    if (!session)
        return -1;
    const struct vc_scenario *scenario = vc_scenario_bare(ctx, topology, timers, CONVERGE_NS);
    if (pipe2(fds, O_CLOEXEC))
        return vc_fail(err, VC_EXIT_FAIL, errno, "starting a lab");
    fflush(NULL);
    pid_t supervisor = fork();
    if (supervisor < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "starting a lab");
    if (!supervisor) {
        close(fds[0]);
        supervise(session, scenario, fds[1]);
    }
    close(fds[1]);
    return wait_for_announcement(fds[0], supervisor);
}

int vc_cmd_up(int argc, char **argv)
{
    static const struct option longs[] = {
        {"timers", required_argument, NULL, 't'},  {"plane", required_argument, NULL, 'p'},
        {"wires", required_argument, NULL, 'w'},   {"seed", required_argument, NULL, 's'},
        {"results", required_argument, NULL, 'r'}, {"captures", no_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},          {0}};
    struct session_options options = {0}; /* a lab may stay for days: its packets are not kept unless asked for */
    VC_AUTO_ERROR *err = NULL;
    int c;

    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        switch (c) {
        case 't':
            options.timers = optarg;
            break;
        case 'p':
            options.plane = optarg;
            break;
        case 'w':
            options.wires = optarg;
            break;
        case 's':
            options.seed = strtoull(optarg, NULL, 0);
            break;
        case 'r':
            options.results = optarg;
            break;
        case 'c':
            options.captures = true;
            break;
        case 'h':
            fputs(up_usage, stdout);
            return 0;
        default:
            fputs(up_usage, stderr);
            return VC_EXIT_USAGE;
        }
    }
    if (optind + 1 != argc) {
        fputs(up_usage, stderr);
        return VC_EXIT_USAGE;
    }
    int status = up(argv[optind], &options, &err);
    return status < 0 ? print_error(err) : status;
}

int vc_cmd_down(int argc, char **argv)
{
    struct lab_options options = {0};
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_FD keep = -1;
    int parsed = lab_options_parse(argc, argv, down_usage, &options);

    if (parsed)
        return parsed > 0 ? 0 : VC_EXIT_USAGE;
    VC_AUTO_JSON *request = json_pack("{s:s}", "do", "down");
    VC_AUTO_JSON *answer = lab_ask(&options, request, NULL, 0, &keep, &err);
    if (!answer)
        return print_error(err);
    /* The supervisor listens on the socket, so it is the peer. It ends after the last process of the lab, with the
     * result written: whoever comes next finds both done. */
    struct ucred supervisor;
    socklen_t size = sizeof supervisor;
    if (getsockopt(keep, SOL_SOCKET, SO_PEERCRED, &supervisor, &size))
        return VC_EXIT_FAIL;
    VC_AUTO_FD ended = (int)syscall(SYS_pidfd_open, supervisor.pid, 0);
    if (ended >= 0) /* else it has ended already */
        poll(&(struct pollfd){.fd = ended, .events = POLLIN}, 1, -1);
    return 0;
}
