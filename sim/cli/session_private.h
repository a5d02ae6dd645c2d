/* What session.c and session_sealed.c share. */
#pragma once

#include "cli/session.h"
#include "report/report.h"

/* Follows a run: writes its events, tells progress. */
struct watcher {
    struct session *session;
    struct vc_result_writer *writer;
    const struct session_extra *extra;
    const char *result;
    struct vc_judge *judge; /* for on_steps_done only */
    double began;           /* CLOCK_MONOTONIC seconds */
    double told;            /* the live line was last drawn; 0: it is not on the screen */
    bool live_line;
};

void session_on_event(void *watcher, json_t *event);
void session_on_progress(void *watcher, const char *line);

int session_open_sealed(struct session *session, vc_error **err);
/* The guest image for this topology: most take the one that the session was opened with. */
int session_take_image(struct session *session, const struct vc_topology *topology, vc_error **err);
int session_play_sealed(void *ctx, struct watcher *watcher, const struct vc_scenario *scenario,
                        struct vc_sealed_outcome *outcome, vc_error **err);

/* run.json's members that are not judged. New reference. */
json_t *session_header(const struct session *session, const struct vc_scenario *scenario,
                       const struct vc_sealed_outcome *outcome);

/* Writes the documents into `result`/documents and reads the scenario there. talloc child of ctx. */
struct vc_scenario *session_stage(void *ctx, const struct session *session, json_t *documents, const char *result,
                                  vc_error **err);
