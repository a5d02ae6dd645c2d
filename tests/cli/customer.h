/*
 * What the sealed tests of customers' configurations share: a folder of their own, and the order against which the
 * configurations of tests/config/ios-xe are written.
 */
#pragma once

#include "host.h"

#define CONFIGS VCLAB_SOURCE_DIR "/tests/config/ios-xe/"

/* The fixtures of a suite. Without VCLAB_LABROOT the test is skipped, or fails under VCLAB_MUST_WORK. */
void customer_setup(void);
void customer_folder(void); /* for what needs no lab */
void customer_teardown(void);
extern char *customer_results; /* where runs leave their results */

/* The path of a file in the folder. talloc child of ctx. */
char *in_top(void *ctx, const char *name);
void put_text(const char *path, const char *text);

/* vclab, run to its end. talloc child of ctx. */
struct command *vclab_run(void *ctx, const char *const *argv);
#define RUN(ctx, ...) vclab_run((ctx), VCLAB_ARGV(__VA_ARGS__))

/* order.yaml in the folder, on a shipped topology; its path. */
const char *write_order(void *ctx, const char *base);
const char *write_order_as(void *ctx, const char *base, const char *name); /* NAME.yaml */
