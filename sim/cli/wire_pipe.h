/*
 * The least a program can do between two TAPs: it reads a frame at one and writes it at the other. What a copy through
 * user space costs, beside vclab-wire, which also gives the frames a character (`vclab bench wires`).
 */
#pragma once

#include "base/error.h"

struct wire_pipe;

/* Carries frames both ways, at that real-time priority where it is allowed, until it is freed; before the TAPs are
 * closed, which it borrows. talloc child of ctx. Fails (VC_EXIT_HOST) where no thread can start. */
struct wire_pipe *wire_pipe_new(void *ctx, const int tap[2], int priority, vc_error **err);
