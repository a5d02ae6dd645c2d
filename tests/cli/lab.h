/* A lab of `vclab up`, as its commands see it. */
#pragma once

#include "host.h"

void lab_up(const char *results);
void lab_down(const char *results);
/* `vclab status --json`. New reference. */
json_t *lab_status(const char *results);
/* Every session of BGP and BFD up, every SA installed, every flow on its own DC's tunnel; else what is not, in *why
 * (talloc child of ctx). */
bool lab_converged(const json_t *status, void *ctx, char **why);
void lab_await_converged(const char *results, int ms);
void lab_await_harmed(const char *results, int ms);       /* the opposite */
json_t *lab_node(const json_t *status, const char *name); /* borrowed */
/* The nftables of the node in the lab of this test. talloc child of ctx. */
char *lab_nftables(void *ctx, const char *node);
