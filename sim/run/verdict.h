/*
 * The verdict, computed from events alone. One evaluator serves both the running timeline (which asks whether its
 * expectations have settled) and the final word (`vclab report` replays events.jsonl through it), so the two cannot
 * differ. docs/events.md is its input language; docs/scenarios.md its expectations.
 */
#pragma once

#include "base/event.h"

enum vc_verdict { VC_PASS, VC_FAIL, VC_INCONCLUSIVE, VC_ERROR, VC_PENDING };
const char *vc_verdict_name(enum vc_verdict verdict);  /* "pass", "fail", "inconclusive", "error", "pending" */
enum vc_exit vc_verdict_exit(enum vc_verdict verdict); /* error: VC_EXIT_FAIL */

struct vc_judge; /* talloc */

struct vc_judge *vc_judge_new(void *ctx);
void vc_judge_event(struct vc_judge *judge, const json_t *event); /* in order of t_ns as emitted */

/* Time passes without events too: settles deadlines up to now_ns. */
void vc_judge_advance(struct vc_judge *judge, int64_t now_ns);

/* State of expectation `id` (check/expect): VC_PENDING until it is met (VC_PASS) or its deadline has passed (VC_FAIL).
 * outage/lost stay pending until their window ends. */
enum vc_verdict vc_judge_expectation(const struct vc_judge *judge, int id);
/* Expectation `id` has to be true throughout: it may still fail when it has been met. */
bool vc_judge_watches(const struct vc_judge *judge, int id);
/* The next deadline among pending expectations, or INT64_MAX. */
int64_t vc_judge_next_deadline(const struct vc_judge *judge);
/* A hold's expectations are all still true. */
bool vc_judge_hold_true(const struct vc_judge *judge, int hold_id);

/*
 * After check/end (or where a truncated stream stops: then the verdict is error, or "interrupted"): the run.json
 * members verdict, reason (one line: why it is not pass), interrupted, expectations[] {text, verdict, measured, limit,
 * unit, t_ns}, invariants[] {name, verdict, held, evidence} (held: it was kept; verdict: that is as the scenario wants
 * it), flows[] {name, from, to, sent, lost, longest_outage_ms, resolution_ms, mos, path_before[], path_after[]},
 * faults[] {name, kind, t_ns, proved_t_ns, healed_t_ns}, convergence[] (docs/convergence.md), lag {max_ns, limit_ns}.
 * New reference.
 */
json_t *vc_judge_finish(struct vc_judge *judge);

/* The same question before check/end, when only that is still to come: would it be a pass? For whoever can still look
 * closer when it would not. The judge is not to be asked for anything after that. */
bool vc_judge_would_pass(struct vc_judge *judge);
