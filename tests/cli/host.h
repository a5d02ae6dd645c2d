/*
 * What the tests of the command line share: a host of their own, and vclab run on it.
 *
 * The host is a mount and network namespace in which everything is read-only but fresh, empty /tmp, /run and /dev/shm.
 * So what others do on the machine meanwhile cannot look like vclab's doing, vclab cannot create a file elsewhere
 * unnoticed, and what a test leaves is gone with it. The test adopts every orphan of its descendants
 * (PR_SET_CHILD_SUBREAPER), so "nothing is left" is a question to waitpid(2) and not a search.
 */
#pragma once

#include <criterion/criterion.h>

#include "base/error.h"

#define RESULTS "/tmp/results"

/* The fixtures of a suite. Without root or VCLAB_LABROOT the test is skipped, or fails under VCLAB_MUST_WORK. */
void host_open(void);
void host_close(void); /* kills what the test left running */

/* Everything of this host that vclab could leave behind or change, as text: mounts, interfaces, addresses, routes,
 * nftables, sysctls, names of files. The folder RESULTS is left out. talloc child of ctx. */
char *host_state(void *ctx);
void host_same(const char *before, const char *when); /* asserts that host_state is as before */

/* Waits until this test has no descendants left. False: some remain after `ms`. */
bool host_quiet(int ms);
int64_t host_now_ms(void);

/* A program that runs. Its standard error is read while it is waited for; its standard output is kept in a file. */
struct command {
    pid_t pid;
    int pidfd, out_fd, err_fd;
    int status; /* after command_end: exit status, or 128 + signal */
    char *out, *err;
    size_t used;
};

struct command_options {
    int in;          /* standard input; 0: /dev/null */
    int out;         /* standard output and no `out` afterwards; 0: kept */
    bool nobody;     /* as an unprivileged user */
    const char *env; /* NAME=VALUE to put, or NAME to take away; NULL none */
    const char *const *argv;
};

/* talloc children of ctx; killed when that is freed. */
struct command *command_start(void *ctx, const struct command_options *options);
/* Until standard error has a line with `text`; asserts that it comes within `ms`. */
void command_await(struct command *command, const char *text, int ms);
/* Until the program ended and nobody holds its standard error; asserts that this happens within `ms`. */
int command_end(struct command *command, int ms);

/* `vclab ARGS...`, started, or run to its end within a minute. */
#define VCLAB_ARGV(...)       ((const char *const[]){VCLAB_BINARY, __VA_ARGS__, NULL})
#define VCLAB_START(ctx, ...) command_start((ctx), &(struct command_options){.argv = VCLAB_ARGV(__VA_ARGS__)})
struct command *command_run(void *ctx, const char *const *argv);
#define VCLAB(ctx, ...) command_run((ctx), VCLAB_ARGV(__VA_ARGS__))

#define EXITS(command, wanted)                                                                                         \
    cr_assert((command)->status == (wanted), "exit status %d, not %d\n%s%s", (command)->status, (wanted),              \
              (command)->err, (command)->out)
#define SAYS(command, text) cr_assert(strstr((command)->err, (text)), "\"%s\" is not said:\n%s", (text), (command)->err)

/* The only child of `pid`, or -1. */
pid_t child_of(pid_t pid);
/* The inode of a process's namespace, 0 when the process is gone. */
ino_t namespace_of(pid_t pid, const char *kind);
/* A process called `comm` in the PID namespace of `init` whose node's host name is `node`; 0 without one. NULL is any.
 */
pid_t process_in(ino_t pid_namespace, const char *comm, const char *node);

/* The only result under `results`. talloc child of ctx. */
char *result_in(void *ctx, const char *results);
/* A JSON document of a result; asserts that it is whole. New reference. */
json_t *result_json(const char *result, const char *name);
/* Asserts that every line of events.jsonl is whole and that junit.xml is. */
void result_whole(const char *result);

/* Writes /tmp/NAME.yaml: the two-CPE hub with voice to both DCs and these steps. Its path is a talloc child of ctx. */
char *scenario_write(void *ctx, const char *name, const char *steps);
extern const char steps_converge[]; /* the usual first step */
