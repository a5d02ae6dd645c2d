/*
 * charon's vici protocol, spoken here (Debian ships libvici without a header): 4-byte length, packet type, named
 * messages of sections, key/values and lists. Source: strongSwan's src/libcharon/plugins/vici/README.md. Failure in a
 * reply (success = no) is an error of the call. The socket lives in a node's mount namespace: the caller connects it
 * (vc_lab) and hands over the descriptor.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/event.h"

struct vc_vici; /* talloc; freeing closes the descriptor */

/* Takes ownership of `fd`, a connected stream socket to charon.vici. */
struct vc_vici *vc_vici_new(void *ctx, int fd);

/*
 * One command and its reply as JSON (sections: objects, lists: arrays, values: strings). `request` is borrowed, may be
 * NULL. For streamed commands (list-sas) `stream_event` names the event whose messages are collected; the reply is then
 * {"items": […]}. New reference or NULL. Waits at most 10 s.
 */
json_t *vc_vici_call(struct vc_vici *vici, const char *command, const json_t *request, const char *stream_event,
                     vc_error **err);

/* Loads a swanctl.conf text: connections, secrets (ike*, with ids). Uses load-conn, load-shared. */
int vc_vici_load(struct vc_vici *vici, const char *swanctl_conf, vc_error **err);

/* swanctl.conf's syntax as JSON (list keys such as proposals split at commas); exposed for tests. New reference or
 * NULL. */
json_t *vc_swanctl_parse(const char *text, vc_error **err);

/* Where a value or a comment (key NULL) stands: text[begin, end), as it is written. */
struct vc_swanctl_place {
    unsigned line;
    const json_t *section;   /* of the tree that is returned; not yet complete */
    const char *key, *value; /* as strongSwan reads it; borrowed until the function returns */
    size_t begin, end;
};
typedef void vc_swanctl_fn(void *data, const struct vc_swanctl_place *place);
/* As vc_swanctl_parse; tells each value and each comment, in the order of the text. */
json_t *vc_swanctl_walk(const char *text, vc_swanctl_fn *found, void *data, vc_error **err);

/*
 * Registers for ike-updown, child-updown, ike-rekey, child-rekey on this connection (no further calls on it) and emits
 * ike/sa and ipsec/sa for `node`. The event's `tunnel` is the CHILD's name, its connection's name for ike/sa (the plan
 * names both after the tunnel); `down` when the last of a tunnel's SAs went. An `up` says whether the SA replaced
 * another, and when charon means to replace it (the events carry that: nobody need ask). SAs that are up already are
 * reported first; when the daemon goes, all go down. `fd` is owned. talloc; freeing stops it.
 */
struct vc_vici_watch;
struct vc_vici_watch *vc_vici_watch_start(void *ctx, sd_event *loop, struct vc_events *events, const char *node, int fd,
                                          vc_error **err);
