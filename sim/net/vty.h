/*
 * FRR's vty sockets (/run/frr/<daemon>.vty), the protocol vtysh speaks: a command ends in NUL, the answer in NUL NUL
 * NUL status. Show commands are asked in JSON. Source: FRR lib/vty.c (vtysh_read, vtysh_flush). No vtysh process.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/event.h"

struct vc_vty; /* talloc; freeing closes it */

struct vc_vty *vc_vty_new(void *ctx, int fd); /* takes ownership of a connected socket; sends `enable` first */

/* One command; its output as text (talloc child of ctx), or NULL with the daemon's own message. Waits at most 5 s. */
char *vc_vty_command(struct vc_vty *vty, void *ctx, const char *command, vc_error **err);
/* One `show … json` command. New reference or NULL. */
json_t *vc_vty_json(struct vc_vty *vty, const char *command, vc_error **err);

/*
 * Asynchronous form for watchers: one command in flight at a time; fn gets the parsed JSON (borrowed; NULL on error).
 * Returns -1 when one is in flight or the socket is closed.
 */
typedef void vc_vty_fn(void *arg, json_t *reply);
int vc_vty_ask(struct vc_vty *vty, sd_event *loop, const char *command, vc_vty_fn *fn, void *arg, vc_error **err);
