/*
 * The story of a run as facts: its chapters. The lab's start is a chapter, and so is every fault and every heal; each
 * holds what was seen from the moment it was put in until the next began. story_facts.c reads it off the events,
 * story.c tells it.
 */
#pragma once

#include "report/report_private.h"

enum chapter_kind { CHAPTER_START, CHAPTER_FAULT, CHAPTER_HEAL };

/* What a flow went through in a chapter. Paths are the forward direction's, "dc2 + wan"; NULL while none was seen. */
struct chapter_flow {
    const char *name;
    const char *path_before, *path_after;
    int64_t moved_ns;      /* when path_after began; 0: it did not change */
    int64_t gap_ns;        /* the longest gap of either direction; 0: none */
    int64_t resolution_ns; /* of that gap */
    int64_t gap_end_ns;
    int64_t lost; /* both directions */
};

struct chapter {
    enum chapter_kind kind;
    const char *name, *text;       /* of the fault; a heal has no text */
    int64_t applied_ns, proved_ns; /* proved 0: never */
    const char *evidence;
    const char *noticed; /* what saw it first, e.g. "BFD on dc1 at cpe1" */
    const char *also;    /* the next other kind of watcher */
    int64_t noticed_ns, also_ns;
    const char *back; /* heal and start: what came up last, e.g. "BGP on dc1" */
    int64_t back_ns;
    size_t sessions_up; /* eBGP sessions Established at its end; both ends of a tunnel have one */
    struct chapter_flow *flows;
};

/* An end of an eBGP session over a tunnel. */
struct story_session {
    const char *node, *neighbor;
    bool up;
};

struct story {
    struct chapter *chapters;
    struct story_session *sessions;
    size_t chapter_count, flow_count, session_count;
    int64_t end_ns;
};

/* Everything hangs on the story, which is a talloc child of ctx; strings of events are borrowed from `events`. */
struct story *vc_story_read(void *ctx, const json_t *events);

/* "880 ms", "1.22 s"; talloc child of ctx. */
const char *vc_story_duration(void *ctx, int64_t ns);

/* run.json's `convergence`, or computed from the events where it has none. New reference. */
json_t *vc_story_convergence_of(const json_t *run, const json_t *events);
/* A line for one member of it, talloc child of ctx; NULL: nothing moved. */
char *vc_story_convergence(void *ctx, const json_t *entry);
