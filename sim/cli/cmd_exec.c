/* vclab exec, vclab shell: programs of the lab root in a node. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "cli/commands.h"
#include "cli/labs.h"
#include "cli/session.h"

static const char exec_usage[] =
    "Usage: vclab exec [--lab ID] NODE -- COMMAND [ARGUMENT...]\n\n"
    "Runs a program of the lab root in a node, e.g. vclab exec cpe1 -- ip route. Exit status: the command's.\n";
static const char shell_usage[] = "Usage: vclab shell [--lab ID] NODE\n\nA shell in a node.\n";

static int status_of(const json_t *answer)
{
    int status = (int)json_integer_value(json_object_get(answer, "status"));

    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int vc_cmd_exec(int argc, char **argv)
{
    struct lab_options options = {0};
    VC_AUTO_ERROR *err = NULL;
    int parsed = lab_options_parse(argc, argv, exec_usage, &options);
    int command = options.first + 1;
    int fds[3] = {0, 1, 2};

    if (parsed)
        return parsed > 0 ? 0 : VC_EXIT_USAGE;
    if (command < argc && !strcmp(argv[command], "--"))
        command++;
    if (command >= argc) {
        fputs(exec_usage, stderr);
        return VC_EXIT_USAGE;
    }
    json_t *words = json_array();
    for (int i = command; i < argc; i++)
        json_array_append_new(words, json_string(argv[i]));
    VC_AUTO_JSON *request = json_pack("{s:s, s:s, s:o}", "do", "exec", "node", argv[options.first], "argv", words);
    VC_AUTO_JSON *answer = lab_ask(&options, request, fds, 3, NULL, &err);
    return answer ? status_of(answer) : print_error(err);
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

int vc_cmd_shell(int argc, char **argv)
{
    struct lab_options options = {0};
    VC_AUTO_ERROR *err = NULL;
    int parsed = lab_options_parse(argc, argv, shell_usage, &options);
    struct termios saved;

    if (parsed)
        return parsed > 0 ? 0 : VC_EXIT_USAGE;
    if (options.first + 1 != argc) {
        fputs(shell_usage, stderr);
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
        _exit(answer ? status_of(answer) : print_error(err));
    }
    close(VC_STEAL_FD(slave));
    bool terminal = !tcgetattr(0, &saved);
    if (terminal) {
        struct termios raw = saved;
        cfmakeraw(&raw);
        tcsetattr(0, TCSADRAIN, &raw);
    }
    relay(master);
    if (terminal)
        tcsetattr(0, TCSADRAIN, &saved);
    int status = 0;
    waitpid(VC_STEAL_FD(waiter), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : VC_EXIT_FAIL;
}
