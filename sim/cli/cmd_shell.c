/* vclab shell: a shell in a node, of a running lab or of a machine of its own. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include "cli/commands.h"
#include "cli/labs.h"
#include "cli/numbers.h"
#include "cli/session.h"

static const char usage[] =
    "Usage: vclab shell [--lab ID] NODE\n"
    "       vclab shell --sealed TOPOLOGY NODE [--timers PROFILE] [--seed N] [--results DIR]\n"
    "\n"
    "A shell in a node: of a running lab, or (--sealed) of a lab in a virtual machine, which ends with the shell and\n"
    "needs no root. The machine then runs in real time and takes typed input: it is not deterministic.\n";

#define CONVERGE_S   60
#define SHELL_S      86400 /* a session forgotten in a terminal ends some time */
#define KVM_PROBE_MS 10000

/* ---- a running lab ---- */

/* False when standard input is no terminal. */
static bool make_raw(struct termios *saved)
{
    if (tcgetattr(0, saved))
        return false;
    struct termios raw = *saved;
    cfmakeraw(&raw);
    tcsetattr(0, TCSADRAIN, &raw);
    return true;
}

/* A terminal of our own for the node: its shell then has job control, whatever session this command runs in. */
static int open_terminal(int *slave, vc_error **err)
{
    VC_AUTO_FD master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct winsize size;
    char name[64];

    if (master < 0 || grantpt(master) || unlockpt(master) || ptsname_r(master, name, sizeof name))
        return vc_fail(err, VC_EXIT_FAIL, errno, "opening a terminal");
    *slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*slave < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "opening %s", name);
    if (!ioctl(0, TIOCGWINSZ, &size))
        ioctl(master, TIOCSWINSZ, &size);
    return VC_STEAL_FD(master);
}

static bool copy(int from, int to)
{
    char buffer[4096];
    ssize_t n = read(from, buffer, sizeof buffer);

    return n > 0 && write(to, buffer, (size_t)n) == n;
}

/* Until the shell's side is closed. */
static void relay(int master)
{
    struct pollfd fds[2] = {{.fd = 0, .events = POLLIN}, {.fd = master, .events = POLLIN}};

    for (;;) {
        if (poll(fds, 2, -1) < 0)
            return;
        if (fds[1].revents && !copy(master, 1))
            return;
        if (fds[0].revents && !copy(0, master))
            fds[0].fd = -1; /* end of our input: the shell decides when to go */
    }
}

static int live_shell(int argc, char **argv)
{
    struct lab_options options = {0};
    VC_AUTO_ERROR *err = NULL;
    int parsed = lab_options_parse(argc, argv, usage, &options);
    struct termios saved;

    if (parsed)
        return parsed > 0 ? 0 : VC_EXIT_USAGE;
    if (options.first + 1 != argc) {
        fputs(usage, stderr);
        return VC_EXIT_USAGE;
    }
    VC_AUTO_FD slave = -1;
    VC_AUTO_FD master = open_terminal(&slave, &err);
    if (master < 0)
        return print_error(err);
    VC_AUTO_JSON *request = json_pack("{s:s, s:s, s:[s, s], s:b}", "do", "exec", "node", argv[options.first], "argv",
                                      "/bin/bash", "-i", "tty", 1);
    fflush(NULL);
    /* The answer comes at the shell's end; a child waits for it while this process relays the terminal. */
    VC_AUTO_PID waiter = fork();
    if (!waiter) {
        int fds[3] = {slave, slave, slave};
        close(master);
        VC_AUTO_JSON *answer = lab_ask(&options, request, fds, 3, NULL, &err);
        _exit(answer ? lab_command_status(answer) : print_error(err));
    }
    close(VC_STEAL_FD(slave));
    bool terminal = make_raw(&saved);
    relay(master);
    if (terminal)
        tcsetattr(0, TCSADRAIN, &saved);
    int status = 0;
    waitpid(VC_STEAL_FD(waiter), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : VC_EXIT_FAIL;
}

/* ---- a machine of its own ---- */

struct sealed_shell {
    struct session_options session;
    const char *topology, *timers;
};

/* Returns 0, or -1 after a message or (*help) after the usage. */
static int parse_sealed(int argc, char **argv, struct sealed_shell *shell, bool *help)
{
    static const struct option longs[] = {
        {"sealed", no_argument, NULL, 'S'},     {"timers", required_argument, NULL, 't'},
        {"seed", required_argument, NULL, 's'}, {"results", required_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},       {0}};
    int c;

    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        switch (c) {
        case 'S':
            break;
        case 't':
            shell->timers = optarg;
            break;
        case 's':
            if (parse_number("shell", "seed", optarg, 0, INT64_MAX, &shell->session.seed))
                return -1;
            break;
        case 'r':
            shell->session.results = optarg;
            break;
        default:
            *help = c == 'h';
            fputs(usage, *help ? stdout : stderr);
            return -1;
        }
    }
    if (optind + 2 != argc) {
        fputs(usage, stderr);
        return -1;
    }
    shell->topology = argv[optind];
    shell->session.shell = argv[optind + 1];
    return 0;
}

static const struct vc_scenario *bare(void *ctx, const struct sealed_shell *shell, vc_error **err)
{
    struct vc_topology *topology = session_topology(ctx, shell->topology, err);

    if (!topology)
        return NULL;
    const struct vc_timers *timers = vc_topology_timers(topology, shell->timers);
    if (!timers)
        vc_fail(err, VC_EXIT_USAGE, 0, "vclab shell: no timers %s in %s", shell->timers, topology->name);
    else if (vc_topology_node(topology, shell->session.shell) == VC_NONE)
        vc_fail(err, VC_EXIT_USAGE, 0, "vclab shell: no node %s in %s", shell->session.shell, topology->name);
    else
        return vc_scenario_bare(ctx, topology, timers, CONVERGE_S * VC_NS_PER_S);
    return NULL;
}

/* A guest is told a scenario by its document: the same as `bare`, written. The shell comes after its only step. */
static json_t *scenario_document(const struct vc_scenario *bare, const char *topology_path)
{
    json_t *flows = json_object();

    for (size_t i = 0; i < bare->flow_count; i++)
        json_object_set_new(flows, bare->flows[i].name,
                            json_pack("{s:s, s:s}", "from", bare->topology->nodes[bare->flows[i].from].name, "to",
                                      bare->topology->nodes[bare->flows[i].to].name));
    return json_pack("{s:s, s:s, s:o, s:s, s:[s], s:o, s:[{s:[{s:{s:o}}]}]}", "scenario", "shell", "description",
                     "A lab to look into.", "topology", json_sprintf("../%s", topology_path), "timers",
                     bare->timers->name, "requirements", "R1", "flows", flows, "steps", "expect", "converged", "within",
                     json_sprintf("%ds", CONVERGE_S));
}

static json_t *documents_of(const struct vc_scenario *bare, vc_error **err)
{
    json_t *documents = vc_blob_lab_documents(bare->topology, bare->timers->name, err);
    const char *topology = json_string_value(json_object_get(documents, "topology"));

    if (!documents)
        return NULL;
    VC_AUTO_JSON *scenario = scenario_document(bare, topology);
    VC_AUTO_FREE char *text = json_dumps(scenario, JSON_INDENT(1));
    json_object_set_new(json_object_get(documents, "documents"), "shell/shell.yaml", json_string(text));
    json_object_set_new(documents, "scenario", json_string("shell/shell.yaml"));
    return documents;
}

static void choose_accelerator(struct session *session)
{
    session->options.accel = vc_machine_probe_kvm(session->image->kernel, session->image->initrd, KVM_PROBE_MS, NULL)
                                 ? VC_ACCEL_REALTIME
                                 : VC_ACCEL_KVM;
    fprintf(stderr, "vclab: a shell in %s, %s; in real time and with typed input, so not deterministic\n",
            session->options.shell,
            session->options.accel == VC_ACCEL_KVM ? "by KVM" : "emulated (KVM does not work here)");
}

static int run_sealed(struct sealed_shell *shell, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_scenario *scenario = bare(ctx, shell, err);
    VC_AUTO_JSON *documents = scenario ? documents_of(scenario, err) : NULL;
    struct session_extra extra = {.documents = documents, .name = "shell"};
    struct session *session = documents ? session_open(ctx, &shell->session, err) : NULL;
    char *result = NULL;
    struct termios saved;

    if (!session)
        return -1;
    session->options.quiet = true; /* the terminal is the shell's */
    choose_accelerator(session);
    fprintf(stderr,
            "vclab: %s with %s timers; the prompt comes when the lab is active/active, or after %d s of trying\n",
            scenario->topology->name, scenario->timers->name, CONVERGE_S);
    bool terminal = make_raw(&saved);
    int status = session_run(ctx, session, NULL, &extra, NULL, &result, err);
    if (terminal)
        tcsetattr(0, TCSADRAIN, &saved);
    if (result)
        fprintf(stderr, "\nvclab: result: %s\n", result);
    return status < 0 ? -1 : VC_EXIT_PASS;
}

static int sealed_shell(int argc, char **argv)
{
    struct sealed_shell shell = {.session = {.sealed = true, .cold = true, .seed = 1, .wall_limit_s = SHELL_S},
                                 .timers = "bfd"};
    VC_AUTO_ERROR *err = NULL;
    bool help = false;

    if (parse_sealed(argc, argv, &shell, &help))
        return help ? 0 : VC_EXIT_USAGE;
    int status = run_sealed(&shell, &err);
    return status < 0 ? print_error(err) : status;
}

int vc_cmd_shell(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--sealed"))
            return sealed_shell(argc, argv);
    return live_shell(argc, argv);
}
