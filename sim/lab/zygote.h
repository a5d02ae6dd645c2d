/*
 * Zygotes: each FRR program is started once and initialises itself; the nodes' daemons are forked from it
 * (preload/zygote.c). A zygote is an optimisation only: where one does not come up, or dies, daemons are started the
 * ordinary way, and an event check/zygote says so.
 */
#pragma once

#include "lab/private.h"

/* The library that makes a daemon a zygote. */
extern const char vc_zygote_image[], vc_zygote_image_end[];

/* talloc child of the lab; freeing it ends the zygotes. Nothing is started for a daemon that only one node has. */
struct lab_zygotes *lab_zygotes_new(struct vc_lab *lab);

/* Tests inject faults here, before the start: another library in place of ours, another limit for coming up. */
void lab_zygotes_inject(struct lab_zygotes *zygotes, const char *image, size_t size, uint64_t limit_us);

/* Starts those whose daemons come first, before anything else of the lab: they initialise themselves meanwhile. */
void lab_zygotes_start(struct lab_zygotes *zygotes);

/* True: the daemon has a zygote that is not ready yet (it is started if need be). When it is, or has failed, every
 * waiting daemon is advanced. */
bool lab_zygote_awaited(const struct vc_daemon *daemon);

/* The daemon's pid, as if it had been forked here; or -1: to be started the ordinary way. */
pid_t lab_zygote_spawn(const struct vc_daemon *daemon, const struct vc_spawn *spawn);

/* The zygote of a daemon, or -1. */
pid_t lab_zygote_pid(const struct vc_daemon *daemon);
