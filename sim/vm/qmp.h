/*
 * A small QMP client (QEMU's control protocol: a JSON object a line, over a connected stream socket). It keeps no
 * state of its own: a message is peeked at and then taken from the socket whole, so any function may follow any other.
 * Events that nobody waits for are skipped. Every wait has a limit in milliseconds. An error
 * has errnum ECONNRESET when QEMU has closed the socket.
 */
#pragma once

#include "base/error.h"

/* Reads the greeting and leaves the negotiation mode. *greeting: the object "QMP", new reference; may be NULL.
 * VC_EXIT_HOST when QEMU closes the socket or is silent. */
int vc_qmp_handshake(int fd, int limit_ms, json_t **greeting, vc_error **err);

/*
 * Executes a command. `arguments` is stolen and may be NULL. `pass` goes along as a file descriptor (SCM_RIGHTS), for
 * getfd; -1: none. *result: the reply's "return", new reference; may be NULL. VC_EXIT_HOST with QEMU's own words when
 * it refuses.
 */
int vc_qmp_execute(int fd, const char *command, json_t *arguments, int pass, int limit_ms, json_t **result,
                   vc_error **err);

/* Waits for the event `name`. *data: its members ("data", an empty object when it has none), new reference; may be
 * NULL. */
int vc_qmp_wait_event(int fd, const char *name, int limit_ms, json_t **data, vc_error **err);
