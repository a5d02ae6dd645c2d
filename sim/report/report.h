/* A result folder: results/<run-id>/ with events.jsonl (written as events arrive), run.json, junit.xml, captures/,
 * logs/. */
#pragma once

#include <stdio.h>

#include "base/event.h"

/*
 * Makes results_dir/<run-id>/ (run-id: UTC time, scenario name, a suffix that makes it unique) and checks that it can
 * be written (a file of 1 MiB is written and removed, so that a full disk is reported before anything starts). Returns
 * the path (talloc child of ctx).
 */
char *vc_result_create(void *ctx, const char *results_dir, const char *scenario, vc_error **err);

struct vc_result_writer; /* talloc; freeing closes events.jsonl */
struct vc_result_writer *vc_result_writer_new(void *ctx, const char *path, vc_error **err);
void vc_result_event(void *writer, json_t *event); /* a vc_event_fn; flushed at every line */
int vc_result_writer_close(struct vc_result_writer *writer,
                           vc_error **err); /* reports a write error once, e.g. a full disk */

/* {"captures/wan.pcapng": "sha256:<hex>", "logs/…": …}: every regular file below captures/ and logs/, sorted by name.
 * New reference, or NULL. */
json_t *vc_result_files(const char *path, vc_error **err);

/* `header`: scenario, topology, mode, plane, timers, seed, requirements[], versions{}, wall_s, virtual_s …; `judged`:
 * vc_judge_finish. Writes run.json (schema vclab.run/1) with the digest (SHA-256 over the event lines) and junit.xml.
 * Returns the run.json document (new reference) or NULL. */
json_t *vc_result_finish(const char *path, json_t *header, json_t *judged, vc_error **err);

/* Under sudo: the file or folder, with all in it, is given to who called it. */
void vc_result_give(const char *path);

/* The story in about ten lines: what was cut, what noticed, what moved, how long voice was gone, verdict with its
 * reason. From run.json and events.jsonl. `markdown` for the CI job summary, else plain text with colour when `colour`.
 */
int vc_story_write(FILE *out, const char *result_path, bool markdown, bool colour, vc_error **err);
/* The same for a run.json document that need not be the one on disk (rejudged, say); the events are read from
 * result_path. */
int vc_story_write_run(FILE *out, const json_t *run, const char *result_path, bool markdown, bool colour,
                       vc_error **err);

/* One line of live progress for an event (NULL: not worth a line). wall_s: how long the run has taken on the host's
 * clock, for runs on virtual time; negative: not told. talloc child of ctx. */
char *vc_story_progress(void *ctx, const json_t *event, double wall_s);

/* Reads events.jsonl again, judges it, rewrites run.json's judged members in memory and returns the document. A
 * truncated last line is tolerated and named. */
json_t *vc_result_rejudge(const char *result_path, vc_error **err);
