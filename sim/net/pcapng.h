/*
 * pcapng files (IETF draft-ietf-opsawg-pcapng): one section, one interface, nanosecond timestamps; steps of a scenario
 * appear as comments on the first packet after them, so that Wireshark shows what was done when.
 */
#pragma once

#include "net/tap.h"

struct vc_pcapng; /* talloc; freeing flushes and closes */

/* `fd` is owned. `name` and `description` go into the interface block. */
struct vc_pcapng *vc_pcapng_new(void *ctx, int fd, int linktype, const char *name, const char *description,
                                vc_error **err);
void vc_pcapng_comment(struct vc_pcapng *file, const char *text);
/* Write errors (a full disk) are kept and reported by vc_pcapng_flush; the rest of the capture is dropped. */
void vc_pcapng_packet(struct vc_pcapng *file, const struct vc_tap_packet *packet);
int vc_pcapng_flush(struct vc_pcapng *file, vc_error **err);
