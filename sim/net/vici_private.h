/* The parts of vici.h: messages (vici_message.c), the connection (vici.c), the watcher (vici_watch.c), swanctl.conf's
 * syntax (swanctl.c). */
#pragma once

#include "net/vici.h"

/* charon refuses longer packets, and so do we: a length beyond it is a broken stream, not a message to wait for. */
#define VC_VICI_PACKET_MAX (512 * 1024)

enum vc_vici_type {
    VC_VICI_CMD_REQUEST,
    VC_VICI_CMD_RESPONSE,
    VC_VICI_CMD_UNKNOWN,
    VC_VICI_EVENT_REGISTER,
    VC_VICI_EVENT_UNREGISTER,
    VC_VICI_EVENT_CONFIRM,
    VC_VICI_EVENT_UNKNOWN,
    VC_VICI_EVENT,
};

/* A whole packet with its length header (talloc child of ctx), its size in *size. `message` may be NULL. NULL when a
 * name or value is too long. */
uint8_t *vc_vici_encode(void *ctx, enum vc_vici_type type, const char *name, const json_t *message, size_t *size,
                        vc_error **err);

struct vc_vici_packet {
    enum vc_vici_type type;
    char name[256];  /* of an EVENT; else empty */
    json_t *message; /* owned; an object, NULL where the type has none */
};

/* The packet in `data` (without the length header). 0, or -1 for anything malformed. */
int vc_vici_decode(const uint8_t *data, size_t size, struct vc_vici_packet *packet, vc_error **err);

/* Events that arrive during a call and are not its stream's. `message` is borrowed. */
typedef void vc_vici_event_fn(void *arg, const char *name, json_t *message);
void vc_vici_on_event(struct vc_vici *vici, vc_vici_event_fn *fn, void *arg);
int vc_vici_register(struct vc_vici *vici, const char *event, vc_error **err);
int vc_vici_fd(const struct vc_vici *vici);
/* Hands on the events that have arrived, without waiting. -1 when the connection ended. */
int vc_vici_dispatch(struct vc_vici *vici, vc_error **err);
