/* Programs that a test runs, and the results they leave. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "host.h"

#define NOBODY 65534

static int command_free(struct command *command)
{
    if (command->pid > 0) {
        kill(command->pid, SIGKILL);
        waitpid(command->pid, NULL, 0);
    }
    close(command->pidfd);
    close(command->err_fd);
    if (command->out_fd >= 0)
        close(command->out_fd);
    return 0;
}

static void change_environment(const char *env)
{
    if (!env)
        return;
    if (strchr(env, '='))
        putenv(strdup(env));
    else
        unsetenv(env);
}

/* In a process group of its own, so that a signal to the group is what Ctrl-C sends. */
static _Noreturn void become(const struct command_options *options, int out, int err)
{
    sigset_t none;
    VC_AUTO_FD program = open(options->argv[0], O_PATH | O_CLOEXEC);
    int in = options->in ? options->in : open("/dev/null", O_RDONLY | O_CLOEXEC);

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(in, 0) < 0 || dup2(options->out ? options->out : out, 1) < 0 || dup2(err, 2) < 0)
        _exit(126);
    change_environment(options->env);
    if (options->nobody && (setgid(NOBODY) || setuid(NOBODY)))
        _exit(126);
    fexecve(program, (char *const *)(uintptr_t)options->argv, environ);
    _exit(127);
}

struct command *command_start(void *ctx, const struct command_options *options)
{
    struct command *command = talloc_zero(ctx, struct command);
    int err[2];

    cr_assert(pipe2(err, O_CLOEXEC) == 0);
    command->out_fd = memfd_create("stdout", MFD_CLOEXEC);
    command->err = talloc_strdup(command, "");
    command->err_fd = err[0];
    command->pid = fork();
    cr_assert(command->pid >= 0);
    if (!command->pid)
        become(options, command->out_fd, err[1]);
    setpgid(command->pid, command->pid);
    close(err[1]);
    command->pidfd = (int)syscall(SYS_pidfd_open, command->pid, 0);
    cr_assert(command->pidfd >= 0, "pidfd: %s", strerror(errno));
    talloc_set_destructor(command, command_free);
    return command;
}

/* Returns false at the end of the stream, or when nothing came in time. */
static bool read_err(struct command *command, int64_t end_ms)
{
    char buffer[4096];
    int64_t left = end_ms - host_now_ms();

    if (left <= 0 || poll(&(struct pollfd){.fd = command->err_fd, .events = POLLIN}, 1, (int)left) <= 0)
        return false;
    ssize_t n = read(command->err_fd, buffer, sizeof buffer);
    if (n > 0)
        command->err = talloc_strndup_append(command->err, buffer, (size_t)n);
    return n > 0;
}

void command_await(struct command *command, const char *text, int ms)
{
    int64_t end = host_now_ms() + ms;
    const char *found;

    while (!(found = strstr(command->err + command->used, text)))
        cr_assert(read_err(command, end), "\"%s\" did not come within %d ms:\n%s", text, ms, command->err);
    command->used = (size_t)(found - command->err) + strlen(text);
}

static char *read_all(void *ctx, int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = talloc_zero_size(ctx, (size_t)size + 1);

    cr_assert(pread(fd, text, (size_t)size, 0) == size);
    return text;
}

int command_end(struct command *command, int ms)
{
    int64_t end = host_now_ms() + ms;
    int status;

    while (read_err(command, end))
        continue;
    int64_t left = end - host_now_ms();
    cr_assert(left > 0 && poll(&(struct pollfd){.fd = command->pidfd, .events = POLLIN}, 1, (int)left) == 1,
              "it did not end within %d ms:\n%s", ms, command->err);
    cr_assert(waitpid(command->pid, &status, 0) == command->pid);
    command->pid = -1;
    command->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    command->out = read_all(command, command->out_fd);
    return command->status;
}

struct command *command_run(void *ctx, const char *const *argv)
{
    struct command *command = command_start(ctx, &(struct command_options){.argv = argv});

    command_end(command, 60000);
    return command;
}

/* ---- results ---- */

char *result_in(void *ctx, const char *results)
{
    struct dirent **entries;
    char *found = NULL;
    int count = scandir(results, &entries, NULL, alphasort), folders = 0;

    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            found = talloc_asprintf(ctx, "%s/%s", results, entries[i]->d_name);
            folders++;
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    cr_assert(folders == 1, "%d results in %s", folders, results);
    return found;
}

json_t *result_json(const char *result, const char *name)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", result, name);
    json_error_t error;
    json_t *document = json_load_file(path, 0, &error);

    cr_assert(document, "%s:%d: %s", path, error.line, error.text);
    return document;
}

static void events_whole(const char *result)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/events.jsonl", result);
    VC_AUTO_FILE *file = fopen(path, "re");
    VC_AUTO_FREE char *line = NULL;
    size_t size = 0, count = 0;

    cr_assert(file, "%s: %s", path, strerror(errno));
    for (ssize_t len; (len = getline(&line, &size, file)) > 0; count++) {
        VC_AUTO_JSON *event = json_loads(line, 0, NULL);
        cr_assert(event && line[len - 1] == '\n', "%s: line %zu is not whole: %s", path, count + 1, line);
    }
    cr_assert(count > 0, "%s is empty", path);
}

void result_whole(const char *result)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/junit.xml", result);
    VC_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);

    cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
    VC_AUTO_TALLOC char *junit = read_all(NULL, fd);
    cr_assert(strncmp(junit, "<?xml ", 6) == 0 && strstr(junit, "</testsuites>\n"), "%s is not whole", path);
    events_whole(result);
}

char *scenario_write(void *ctx, const char *name, const char *steps)
{
    char *path = talloc_asprintf(ctx, "/tmp/%s.yaml", name);
    VC_AUTO_FILE *file = fopen(path, "we");

    cr_assert(file, "%s: %s", path, strerror(errno));
    fprintf(file,
            "scenario: %s\ndescription: Written by a test.\ntopology: two-cpe\ntimers: tuned\nrequirements: [R1]\n"
            "flows:\n  voice-dc1: {from: phone, to: dc1-srv}\n  voice-dc2: {from: phone, to: dc2-srv}\nsteps:\n%s",
            name, steps);
    return path;
}

const char steps_converge[] = "  - expect:\n      - converged: {within: 20s}\n";
