/*
 * Hands on a running lab: a unix stream socket in its result folder. A client sends one JSON object in one line, with
 * up to three descriptors attached for the requests that need them, and reads one JSON object: {"ok": true, …} or
 * {"ok": false, "error": "…"}.
 *
 *     {"do": "status"}                             → {"lab": {…}, "flows": {…}, "faults": […]}
 *     {"do": "evidence"}                           → {"evidence": {…}} (docs/doctor.md), within a second
 *     {"do": "exec", "node": N, "argv": […], "tty": bool} + stdin, stdout, stderr → {"status": wait status} at its end
 *     {"do": "fault", "spec": {…}}, {"do": "heal", "name": N}                     → once proved
 *     {"do": "capture", "link": L} + file          → at once; the capture runs until the client closes the connection
 *     {"do": "down"}                               → at once; the lab ends
 */
#pragma once

#include "base/error.h"

/* A listening socket at `path`, for the engine to inherit. Owned by the caller, or -1. */
int vc_control_listen(const char *path, vc_error **err);

/* The client's side: connects, sends `request` with `fds`, waits for the answer. New reference; NULL with the lab's own
 * error. When `keep` is not NULL the connection stays open in *keep (the caller closes it). */
json_t *vc_control_call(const char *path, const json_t *request, const int *fds, size_t fd_count, int *keep,
                        vc_error **err);
