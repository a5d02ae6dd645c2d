#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "run/feed.h"

struct seen {
    int count;
    json_int_t sum;
};

static void count(void *arg, json_t *event)
{
    struct seen *seen = arg;

    seen->count++;
    seen->sum += json_integer_value(json_object_get(event, "n"));
}

/* Feeds `text` in pieces of `piece` bytes, then the end; returns the last state. */
static enum vc_feed_state feed(const char *text, size_t len, size_t piece, struct seen *seen, vc_error **err)
{
    int fds[2];
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    enum vc_feed_state state = VC_FEED_MORE;

    cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
    struct vc_feed *reader = vc_feed_new(ctx, fds[0], count, seen);
    for (size_t done = 0; done < len && state == VC_FEED_MORE; done += piece) {
        size_t n = len - done < piece ? len - done : piece;
        cr_assert_eq(write(fds[1], text + done, n), (ssize_t)n);
        state = vc_feed_read(reader, err);
    }
    close(fds[1]);
    while (state == VC_FEED_MORE)
        state = vc_feed_read(reader, err);
    close(fds[0]);
    return state;
}

Test(feed, the_same_events_however_the_bytes_come)
{
    static const char text[] = "{\"n\":1}\n{\"n\":20,\"text\":\"a b\"}\n{\"n\":300}\n";

    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct seen seen = {0};
        cr_assert_eq(feed(text, sizeof text - 1, piece, &seen, NULL), VC_FEED_END);
        cr_assert_eq(seen.count, 3);
        cr_assert_eq(seen.sum, 321);
    }
}

Test(feed, a_last_line_without_its_newline_is_dropped)
{
    static const char text[] = "{\"n\":1}\n{\"n\":2}";
    struct seen seen = {0};

    cr_assert_eq(feed(text, sizeof text - 1, 4, &seen, NULL), VC_FEED_END);
    cr_assert_eq(seen.sum, 1);
}

Test(feed, what_is_no_object_is_damage_and_says_what_stood_there)
{
    static const char *const bad[] = {"{\"n\":1}\nKernel panic\n", "{\"n\":1}\n\n", "{\"n\":1}\n[2]\n",
                                      "{\"n\":1}\n{\"n\":2\n"};

    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_ERROR *err = NULL;
        struct seen seen = {0};
        cr_assert_eq(feed(bad[i], strlen(bad[i]), 5, &seen, &err), VC_FEED_DAMAGED, "%zu", i);
        cr_assert_eq(seen.sum, 1);
        cr_assert_not_null(strstr(err->message, "damaged"));
    }
}

Test(feed, a_line_without_end_is_damage_not_memory)
{
    static char text[4 << 20];
    VC_AUTO_ERROR *err = NULL;
    struct seen seen = {0};

    memset(text, 'x', sizeof text);
    cr_assert_eq(feed(text, sizeof text, 32768, &seen, &err), VC_FEED_DAMAGED);
    cr_assert_not_null(strstr(err->message, "damaged"));
}

Test(feed, a_long_event_is_whole)
{
    size_t len = 500000;
    char *text = malloc(len + 32);
    struct seen seen = {0};

    int head = sprintf(text, "{\"n\":7,\"text\":\"");
    memset(text + head, 'y', len);
    strcpy(text + head + len, "\"}\n");
    cr_assert_eq(feed(text, strlen(text), 30000, &seen, NULL), VC_FEED_END);
    cr_assert_eq(seen.sum, 7);
    free(text);
}
