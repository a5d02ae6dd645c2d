/*
 * What is said over the control socket of vclab-wire, an AF_UNIX SOCK_SEQPACKET pair: each packet is one JSON object,
 * each request has one answer, in order.
 *
 *   {"do": "add", "wire": "inet-dc1", "character": [{…}, {…}]}     with two TAP descriptors (SCM_RIGHTS), ends 0 and 1
 *   {"do": "set", "wire": "inet-dc1", "direction": 0, "character": {…}}
 *   {"do": "up", "wire": "inet-dc1", "direction": -1, "up": false}
 *   {"do": "counters", "wire": "inet-dc1"}   → "directions": [{…}, {…}] of struct vc_wire_counters, "character": [{…},
 * {…}] and "up": [true, true]: what a frame that comes now meets
 *   {"do": "lag"}                            → "lag": {…} of struct vc_wire_lag, since the last question
 *   {"do": "quit"}
 *
 * A direction is named after the end where it begins; -1 (the default) is both. A character has the members of struct
 * vc_wire, those left out are 0. Answers have "ok": true, or false and an "error". The process says "ok" once without
 * being asked, when it is ready. It ends on quit, and when its socket is closed.
 *
 * Everything that comes from a socket is checked: unknown, missing, doubled and ill-typed members are errors.
 */
#pragma once

#include "base/error.h"
#include "base/wire.h"
#include "ns3/wire_state.h"

enum {
    VC_WIRE_MESSAGE_MAX = 4096, /* bytes of one message */
    VC_WIRE_NAME_MAX = 15,      /* a link's name */
};

enum vc_wire_do {
    VC_WIRE_ADD,
    VC_WIRE_SET,
    VC_WIRE_UP,
    VC_WIRE_COUNTERS,
    VC_WIRE_LAG,
    VC_WIRE_QUIT,
    VC_WIRE_DO_COUNT,
};

struct vc_wire_request {
    enum vc_wire_do what;
    char name[VC_WIRE_NAME_MAX + 1]; /* "" for lag and quit */
    int direction;                   /* set, up: 0, 1, or -1 for both */
    bool up;
    struct vc_wire character[2]; /* add: of both directions; set: the first */
};

int vc_wire_request_read(const char *text, size_t size, struct vc_wire_request *request, vc_error **err);
/* New reference; NULL: the name is no UTF-8. */
json_t *vc_wire_request_json(const struct vc_wire_request *request);

struct vc_wire_answer {
    struct vc_wire_counters counters[2]; /* to counters */
    struct vc_wire character[2];         /* to counters */
    bool up[2];                          /* to counters */
    struct vc_wire_lag lag;              /* to lag */
};
/* `err` NULL says ok; of `answer` goes along what the request asks for. New reference. */
json_t *vc_wire_answer_json(enum vc_wire_do what, const struct vc_wire_answer *answer, const vc_error *err);
/* Fails with the answer's own error when it has one. */
int vc_wire_answer_read(const char *text, size_t size, enum vc_wire_do what, struct vc_wire_answer *answer,
                        vc_error **err);
