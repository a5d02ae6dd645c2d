/*
 * BIRD's control socket, the protocol birdc speaks (BIRD's doc/reply_codes and nest/cli.c): a command is a line; its
 * answer is lines that begin with a four-digit code and "-", or with a space when the code is that of the line before,
 * up to one whose code is followed by a space: 0xxx done, 8xxx it failed, 9xxx it was not understood. The first answer
 * (0001) greets. After `echo all` BIRD also sends what it logs, at any time, as lines that begin with "+": news.
 * BIRD knows no JSON: the functions at the end read the answers to the three commands that a lab asks.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/event.h"

#define VC_BIRD_PEERS "show protocols all"
#define VC_BIRD_BFD   "show bfd sessions"

struct vc_bird; /* talloc; freeing closes it */

struct vc_bird *vc_bird_new(void *ctx, int fd); /* takes ownership of a connected socket; waits for nothing */

/* One command; the lines of its answer (talloc child of ctx) without the last one, or NULL with BIRD's own message.
 * Waits 5 s at most. */
char *vc_bird_command(struct vc_bird *bird, void *ctx, const char *command, vc_error **err);

/*
 * Asynchronous form for watchers: one command in flight at a time; fn gets the lines of the answer (borrowed; NULL when
 * BIRD refused or is gone). Returns -1 when one is in flight or the socket is closed.
 */
typedef void vc_bird_fn(void *arg, const char *reply);
int vc_bird_ask(struct vc_bird *bird, sd_event *loop, const char *command, vc_bird_fn *fn, void *arg, vc_error **err);
/* From now on fn gets each line of news, without the "+" (borrowed). BIRD sends none before it was told `echo all`. It
 * must not free the connection. */
int vc_bird_listen(struct vc_bird *bird, sd_event *loop, vc_bird_fn *fn, void *arg, vc_error **err);

/*
 * Its BGP neighbours from the answer to VC_BIRD_PEERS, in the words of FRR's summary: {"100.64.0.1": {"protocol",
 * "state", "remoteAs", "pfxRcd" (accepted), "filtered", "reason" (of the last fall; ""), "peerUptime" ("since" and a
 * time)}}. New reference.
 */
json_t *vc_bird_peers(const char *reply);
/* From the answer to VC_BIRD_BFD: [{"peer", "interface", "status" ("up", "down")}]. New reference. */
json_t *vc_bird_bfd(const char *reply);
/* From the answer to `show route …`: the prefixes, sorted, each once. New reference. */
json_t *vc_bird_prefixes(const char *reply);
