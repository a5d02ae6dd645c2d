/*
 * ns-3's simulator for C: virtual time for the planner, real time for wires.
 *
 * ns-3 ends the process when it meets a value it does not like, and nothing can catch that. So every argument is
 * checked here in C before ns-3 sees it, and no C++ exception crosses this header: a call that fails returns -1 (NULL,
 * NaN) and sets *err. An exception inside an event ends the run with an error; the simulator can then only be freed.
 *
 * ns-3 keeps its simulator in one global variable, so a process has one simulator at a time. Wires and random streams
 * are numbers within it and end with it; a handle that was freed is recognised, not followed.
 *
 * Threads: the thread that makes the simulator owns it. "Any thread" is said where another may call; everything else
 * refuses. Threads that use a simulator must have ended, or at least stopped calling, before it is freed.
 *
 * Times are nanoseconds since the simulator was made (virtual) or since vc_ns3_run began (real), at most VC_NS3_MAX_NS.
 * Source: ns-3 3.37, src/core/model; packages libns3-dev, ns3 and libgsl-dev.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/wire.h"
#include "ns3/wire_state.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vc_ns3;

enum {
    VC_NS3_WIRES_MAX = 1024,
    VC_NS3_STREAMS_MAX = 1 << 20,
    VC_NS3_FRAME_MAX = 65549,   /* an IP packet of 64 KiB with an Ethernet header */
    VC_NS3_INBOX_MAX = 1 << 16, /* frames a direction holds for a simulator that does not keep up; then `overrun` */
};
#define VC_NS3_SEED_MAX 4294944442 /* ns-3's generator (MRG32k3a) works modulo a number just above it */
#define VC_NS3_MAX_NS   ((int64_t)1000000000000000000)
#define VC_NS3_FOREVER  ((int64_t)-1)

enum vc_ns3_clock {
    VC_NS3_VIRTUAL, /* from event to event without waiting */
    VC_NS3_REAL,    /* each event when its time has come, by ns-3's RealtimeSimulatorImpl (the wall clock) */
};

struct vc_ns3_config {
    enum vc_ns3_clock clock;
    uint32_t seed; /* of all random numbers, 1 to VC_NS3_SEED_MAX */
    uint64_t run;  /* with the same seed, another run has other, independent numbers */
};

/* ---- simulator ---- */

/* Free it with vc_ns3_free. Fails when one exists already. */
struct vc_ns3 *vc_ns3_new(const struct vc_ns3_config *config, vc_error **err);
/* Fails, and frees nothing, while it runs. Events that did not happen are dropped, their functions are not called. */
int vc_ns3_free(struct vc_ns3 *sim, vc_error **err);

/*
 * Runs until virtual or real time `until_ns`, or VC_NS3_FOREVER: until stopped, and in virtual time until nothing is
 * left to happen. Virtual time may be run on again and again; real time only once, as ns-3's real clock begins anew
 * with each run.
 */
int vc_ns3_run(struct vc_ns3 *sim, int64_t until_ns, vc_error **err);
/* Any thread. The run ends after the events of this instant; before a run, the next one ends at once. */
int vc_ns3_stop(struct vc_ns3 *sim, vc_error **err);

/* Any thread: in the owner's the time of the event that happens, elsewhere the real clock (0 before it runs). -1: no
 * such simulator, or another thread asks for virtual time. */
int64_t vc_ns3_now(const struct vc_ns3 *sim);
/* Events that have happened, 0 for none such simulator; the owner only. */
uint64_t vc_ns3_events(const struct vc_ns3 *sim);

typedef void vc_ns3_fn(void *arg);
/* Calls fn(arg) in the owner's thread, after_ns from now. */
int vc_ns3_schedule(struct vc_ns3 *sim, int64_t after_ns, vc_ns3_fn *fn, void *arg, vc_error **err);
/* The same from any thread. In virtual time "now" is then when the simulator next looks. Fails when a real-time run is
 * over. */
int vc_ns3_post(struct vc_ns3 *sim, int64_t after_ns, vc_ns3_fn *fn, void *arg, vc_error **err);

/* Any thread. How late events were since the last question, and begins to measure anew. */
int vc_ns3_lag(struct vc_ns3 *sim, struct vc_wire_lag *lag, vc_error **err);

/* ---- wires ---- */

/*
 * A wire has two ends, 0 and 1, and two directions named after the end where they begin. What a packet meets is
 * docs/scenarios.md's table ("Wires"), in netem's order: duplicate, loss, corruption, limit, reordering, then delay ±
 * jitter and its time on the wire at the rate; packets keep their order. Here
 *   - a duplicate has its own chance of loss and its own delay,
 *   - with `burst` a chain of Gilbert and Elliott: in its bad state every packet is lost, from which it leaves with
 *     chance 1/burst a packet, and into which it comes so often that `loss` is lost in all,
 *   - a packet that is reordered waits neither for the delay nor for the rate,
 *   - limit 0 is vc_wire_limit().
 * Each direction draws from random streams of its own, which depend on the seed, the run, and the wire's number.
 */
enum { VC_NS3_BOTH = -1 }; /* in place of a direction */

/* Called in the owner's thread when a frame leaves the wire at `end`; `data` is borrowed for the call, `due_ns` is when
 * it was to leave. May call anything here but vc_ns3_run and vc_ns3_free. */
typedef void vc_ns3_frame_fn(void *arg, int wire, int end, const uint8_t *data, size_t size, int64_t due_ns);

/* The wire's number, from 0; it is up. */
int vc_ns3_wire_new(struct vc_ns3 *sim, const struct vc_wire character[2], vc_ns3_frame_fn *fn, void *arg,
                    vc_error **err);

/* Any thread. A frame enters at `end` now; it is copied. That a frame is lost is no failure. */
int vc_ns3_wire_send(struct vc_ns3 *sim, int wire, int end, const uint8_t *data, size_t size, vc_error **err);

/* Any thread. For frames that enter from now on; those under way keep their time. */
int vc_ns3_wire_set(struct vc_ns3 *sim, int wire, int direction, const struct vc_wire *character, vc_error **err);
/* Any thread. Down: what is under way and what enters is lost. */
int vc_ns3_wire_up(struct vc_ns3 *sim, int wire, int direction, bool up, vc_error **err);

/* Any thread. Each number is right; those of packets that are just being handled may not fit together. */
int vc_ns3_wire_counters(struct vc_ns3 *sim, int wire, int direction, struct vc_wire_counters *counters,
                         vc_error **err);
/* Any thread. What a frame that enters this direction now meets: a change counts once the simulator has made it. */
int vc_ns3_wire_get(struct vc_ns3 *sim, int wire, int direction, struct vc_wire *character, bool *up, vc_error **err);

/* ---- random numbers ---- */

enum vc_ns3_distribution {
    VC_NS3_UNIFORM,     /* a ≤ x < b */
    VC_NS3_EXPONENTIAL, /* mean a > 0, b unused: 0 */
    VC_NS3_NORMAL,      /* mean a, standard deviation b ≥ 0 */
    VC_NS3_LOGNORMAL,   /* of the logarithm: mean a, standard deviation b ≥ 0 */
    VC_NS3_PARETO,      /* least value a > 0, shape b > 0 */
    VC_NS3_ERLANG,      /* sum of a (a whole number, 1 to 1000) exponentials of mean b > 0 */
    VC_NS3_DISTRIBUTION_COUNT,
};

/* A stream's number, from 0. `distribution` is one of the above. Streams are independent of one another and of the
 * wires'. */
int vc_ns3_stream_new(struct vc_ns3 *sim, int distribution, double a, double b, vc_error **err);
/* The next value; NaN for no such stream or simulator, or in a thread that does not own it. */
double vc_ns3_stream_next(struct vc_ns3 *sim, int stream);

#ifdef __cplusplus
}
#endif
