/*
 * The other end of the engine's stream: cuts what arrives into lines, each one an event. The bytes may come in any
 * pieces.
 */
#pragma once

#include "base/event.h"

/* No event is longer; more without a newline is no stream of events. */
#define VC_FEED_LINE_MAX (1 << 20)

struct vc_feed; /* talloc */

/* `fd` is borrowed; each whole event goes to `fn`, borrowed for the call. */
struct vc_feed *vc_feed_new(void *ctx, int fd, vc_event_fn *fn, void *arg);

enum vc_feed_state { VC_FEED_MORE, VC_FEED_END, VC_FEED_DAMAGED };
/* Reads once (the descriptor is readable) and passes on what is whole. DAMAGED: a line that is no JSON object, or too
 * long; the error says what stood there. A last line without its newline is dropped: its writer died. */
enum vc_feed_state vc_feed_read(struct vc_feed *feed, vc_error **err);
