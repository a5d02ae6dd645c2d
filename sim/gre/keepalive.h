/*
 * When to send keepalives and what their absence means: a state machine without clock or socket. Times are
 * CLOCK_MONOTONIC nanoseconds.
 *
 * As on IOS: one keepalive each interval; when `retries` in a row have gone unanswered for their interval, the tunnel
 * is down, `retries` to `retries` + 1 intervals after the path broke. The first answer brings it up. The start differs:
 * until the first answer a keepalive goes out every 100 ms for a second at most, because the acquire it triggers loses
 * it (R24); these extra ones never count as missed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vc_keepalive {
    int64_t interval_ns; /* 0: sends none, stays up */
    unsigned retries;
    bool up;
    bool waiting; /* for an answer to what was sent since the last interval began */
    unsigned missed;
    int64_t next_ns;                /* the next regular one */
    int64_t burst_ns, burst_end_ns; /* the next extra one; none from burst_end_ns on */
};

enum vc_keepalive_due { VC_KEEPALIVE_NOTHING, VC_KEEPALIVE_SEND, VC_KEEPALIVE_SEND_AND_DOWN };

/* The first is due at now_ns. `retries` 0 counts as 1. */
void vc_keepalive_start(struct vc_keepalive *keepalive, unsigned interval_s, unsigned retries, int64_t now_ns);
/* When vc_keepalive_tick is to be called next, or INT64_MAX. */
int64_t vc_keepalive_deadline(const struct vc_keepalive *keepalive);
/* Call it after all answers received so far were given: a process that was held up must not take its own delay for
 * silence. */
enum vc_keepalive_due vc_keepalive_tick(struct vc_keepalive *keepalive, int64_t now_ns);
/* An answer came. True when it brings the tunnel up. */
bool vc_keepalive_answered(struct vc_keepalive *keepalive);
