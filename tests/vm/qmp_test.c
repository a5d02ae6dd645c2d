/* The client against a socket whose other end says what QEMU might say at its worst; machine_test.c has the real one.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "vm/qmp.h"

enum { QUICK_MS = 50, LONG_MS = 20000 };

static int ends[2] = {-1, -1};

static void setup(void)
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static void teardown(void)
{
    close(ends[0]);
    close(ends[1]);
}

TestSuite(qmp, .init = setup, .fini = teardown, .timeout = 60);

static void say(const char *text)
{
    cr_assert_eq(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
}

/* What came, as one text. */
static char *said(void *ctx)
{
    char text[4096];
    ssize_t n = recv(ends[1], text, sizeof text - 1, MSG_DONTWAIT);

    text[n < 0 ? 0 : n] = 0;
    return talloc_strdup(ctx, text);
}

#define EVENT "{\"event\": \"RESUME\", \"timestamp\": {\"seconds\": 1, \"microseconds\": 2}}\r\n"

Test(qmp, handshake_leaves_the_negotiation)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *greeting = NULL;
    VC_AUTO_ERROR *err = NULL;

    say("{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7}}, \"capabilities\": []}}\r\n" EVENT "{\"return\": {}}\r\n");
    cr_assert_eq(vc_qmp_handshake(ends[0], LONG_MS, &greeting, &err), 0, "%s", err ? err->message : "");
    cr_assert(json_object_get(greeting, "version"));
    cr_assert_str_eq(said(ctx), "{\"execute\":\"qmp_capabilities\"}\n");
}

Test(qmp, events_before_a_reply_are_skipped_and_after_it_kept)
{
    VC_AUTO_JSON *result = NULL, *data = NULL;
    VC_AUTO_ERROR *err = NULL;

    say(EVENT EVENT "{\"return\": {\"running\": true}}\r\n" EVENT "{\"event\": \"STOP\"}\r\n{\"return\": 7}\r\n");
    cr_assert_eq(vc_qmp_execute(ends[0], "query-status", NULL, -1, LONG_MS, &result, &err), 0);
    cr_assert(json_is_true(json_object_get(result, "running")));
    cr_assert_eq(vc_qmp_wait_event(ends[0], "STOP", LONG_MS, &data, &err), 0, "%s", err ? err->message : "");
    cr_assert(json_is_object(data));
    json_decref(result);
    cr_assert_eq(vc_qmp_execute(ends[0], "x", NULL, -1, LONG_MS, &result, &err), 0);
    cr_assert_eq(json_integer_value(result), 7);
}

Test(qmp, message_in_pieces_is_put_together)
{
    const char *text = EVENT "{\"return\": {\"a\": \"b\"}}\r\n";
    VC_AUTO_JSON *result = NULL;
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_PID writer = fork();

    if (writer == 0) {
        for (; *text; text++)
            if (write(ends[1], text, 1) != 1)
                _exit(1);
        pause();
    }
    cr_assert_eq(vc_qmp_execute(ends[0], "x", NULL, -1, LONG_MS, &result, &err), 0, "%s", err ? err->message : "");
    cr_assert_str_eq(json_string_value(json_object_get(result, "a")), "b");
}

Test(qmp, long_reply)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *result = NULL;
    VC_AUTO_ERROR *err = NULL;
    char *word = talloc_zero_size(ctx, 30001);

    memset(word, 'w', 30000);
    say(talloc_asprintf(ctx, "{\"return\": \"%s\"}\r\n", word));
    cr_assert_eq(vc_qmp_execute(ends[0], "x", NULL, -1, LONG_MS, &result, &err), 0, "%s", err ? err->message : "");
    cr_assert_eq(json_string_length(result), 30000);
}

Test(qmp, arguments_and_descriptor_go_along)
{
    VC_AUTO_ERROR *err = NULL;
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control;
    char text[200] = "";
    struct iovec part = {.iov_base = text, .iov_len = sizeof text - 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    struct stat ours, theirs;
    int fd = -1;
    VC_AUTO_FD null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    say("{\"return\": {}}\r\n");
    cr_assert_eq(vc_qmp_execute(ends[0], "getfd", json_pack("{s:s}", "fdname", "state"), null, LONG_MS, NULL, &err), 0);
    cr_assert_gt(recvmsg(ends[1], &message, MSG_CMSG_CLOEXEC), 0);
    cr_assert_str_eq(text, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"state\"}}\n");
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    cr_assert(header && header->cmsg_type == SCM_RIGHTS);
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    cr_assert(fstat(null, &ours) == 0 && fstat(fd, &theirs) == 0);
    cr_assert_eq(ours.st_rdev, theirs.st_rdev);
    close(fd);
}

static void fails(const char *answer, const char *part)
{
    VC_AUTO_ERROR *err = NULL;

    say(answer);
    cr_assert_eq(vc_qmp_execute(ends[0], "migrate", NULL, -1, QUICK_MS, NULL, &err), -1);
    cr_assert_eq(err->status, VC_EXIT_HOST);
    cr_assert(strstr(err->message, part), "%s", err->message);
    cr_assert(strstr(err->message, "migrate"), "%s", err->message);
}

Test(qmp, refusal_is_told_in_qemus_words)
{
    fails("{\"error\": {\"class\": \"GenericError\", \"desc\": \"No such thing\"}}\r\n", "No such thing");
    fails("{\"error\": {}}\r\n", "does not say why");
}

Test(qmp, noise_is_no_answer)
{
    fails("noise\r\n", "no JSON");
    fails("{\"return\":\r\n", "no JSON");
    fails("\r\n", "no JSON");
}

Test(qmp, silence_has_a_limit)
{
    fails("", "silent");
    fails(EVENT, "silent");
    fails("{\"return\": {", "silent"); /* half a message */
}

Test(qmp, closed_socket_is_told_from_silence)
{
    VC_AUTO_ERROR *err = NULL, *gone = NULL;

    say(EVENT);
    shutdown(ends[1], SHUT_WR);
    cr_assert_eq(vc_qmp_wait_event(ends[0], "STOP", LONG_MS, NULL, &err), -1);
    cr_assert_eq(err->errnum, ECONNRESET);
    close(ends[1]);
    cr_assert_eq(vc_qmp_execute(ends[0], "cont", NULL, -1, LONG_MS, NULL, &gone), -1); /* and no SIGPIPE */
    cr_assert_eq(gone->errnum, EPIPE);
}
