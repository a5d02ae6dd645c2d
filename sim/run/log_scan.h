/* Texts that are looked for in a stream of lines. */
#pragma once

#include "base/util.h"

struct vc_log_scan; /* talloc */

/* The first whole line that has the text; printable ASCII, shortened where it is very long. */
typedef void vc_log_scan_fn(void *arg, const char *text, const char *line);

struct vc_log_scan *vc_log_scan_new(void *ctx, vc_log_scan_fn *fn, void *arg);
/* Each text is told once, however often it is asked for. Not empty, and without a line's end. */
void vc_log_scan_add(struct vc_log_scan *scan, const char *text);
/* More of the stream, cut anywhere. */
void vc_log_scan_feed(struct vc_log_scan *scan, const char *bytes, size_t size);
void vc_log_scan_restart(struct vc_log_scan *scan);    /* another stream: half a line of the old one is dropped */
bool vc_log_scan_done(const struct vc_log_scan *scan); /* every text was told */
