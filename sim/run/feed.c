#include "run/feed.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536

struct vc_feed {
    int fd;
    vc_event_fn *fn;
    void *arg;
    char *buffer;
    size_t used;
};

struct vc_feed *vc_feed_new(void *ctx, int fd, vc_event_fn *fn, void *arg)
{
    struct vc_feed *feed = talloc_zero(ctx, struct vc_feed);

    *feed = (struct vc_feed){.fd = fd, .fn = fn, .arg = arg};
    return feed;
}

static int damaged(const char *line, size_t len, vc_error **err)
{
    return vc_fail(err, VC_EXIT_FAIL, 0, "the engine's stream is damaged at \"%.*s\"", len < 80 ? (int)len : 80, line);
}

static int take_line(struct vc_feed *feed, const char *line, size_t len, vc_error **err)
{
    VC_AUTO_JSON *event = json_loadb(line, len, 0, NULL);

    if (!json_is_object(event))
        return damaged(line, len, err);
    feed->fn(feed->arg, event);
    return 0;
}

enum vc_feed_state vc_feed_read(struct vc_feed *feed, vc_error **err)
{
    if (talloc_get_size(feed->buffer) - feed->used < CHUNK)
        feed->buffer = talloc_realloc(feed, feed->buffer, char, feed->used + (size_t)4 * CHUNK);
    ssize_t n = read(feed->fd, feed->buffer + feed->used, talloc_get_size(feed->buffer) - feed->used);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? VC_FEED_MORE : VC_FEED_END;
    /* Only what is new can hold a newline. */
    char *start = feed->buffer, *look = feed->buffer + feed->used, *newline;
    feed->used += (size_t)n;
    while ((newline = memchr(look, '\n', feed->used - (size_t)(look - feed->buffer)))) {
        if (take_line(feed, start, (size_t)(newline - start), err))
            return VC_FEED_DAMAGED;
        look = start = newline + 1;
    }
    feed->used -= (size_t)(start - feed->buffer);
    memmove(feed->buffer, start, feed->used);
    if (feed->used > VC_FEED_LINE_MAX) {
        damaged(feed->buffer, feed->used, err);
        return VC_FEED_DAMAGED;
    }
    return n ? VC_FEED_MORE : VC_FEED_END;
}
