/*
 * The results device: a header page, then a tar archive of the guest's /results (logs/, captures/). The guest writes it
 * with O_DIRECT at the end of the run; the host unpacks it into the result folder. The host does not trust it: only
 * regular files below logs/ and captures/, no links, no "..", at most as large as the device.
 */
#pragma once

#include "base/error.h"

#define VC_RESULTS_MAGIC  "VCLABRES"
#define VC_RESULTS_HEADER 4096 /* bytes before the archive */

/* Guest: packs `folder` to `device`. VC_EXIT_FAIL with "the results device is full (N MiB)…" when it does not fit; the
 * header then says so, with the sizes, and vc_results_read repeats it on the host. */
int vc_results_write(const char *device, const char *folder, vc_error **err);

/* Host: makes the sparse file of `size` bytes. */
int vc_results_create(const char *path, size_t size, vc_error **err);
/* Host: unpacks into `folder` (existing). Fails when the guest wrote none, too little, or something that is refused.
 * What came out before the failure stays. */
int vc_results_read(const char *path, const char *folder, vc_error **err);
