/*
 * What a packet of media is on the wire, from the inside out:
 *   payload          G.711: 64 kbit/s (RFC 3551, 4.5.14); Opus: as its bit rate says (RFC 6716, RFC 7587)
 *   SRTP tag         10 bytes HMAC-SHA1-80 (RFC 3711, 4.2.1) or 16 bytes GCM (RFC 7714)
 *   RTP 12           RFC 3550, 5.1
 *   UDP 8, IP 20     RFC 768, RFC 791: here the tunnel's 250 Mbit/s are counted
 *   GRE 4, IP 20     RFC 2784, 2.1, without key and checksum; the GRE transport
 *   ESP              RFC 4303, 2: SPI and sequence number 8, IV, padding, pad length and next header 2, ICV
 *     AES-GCM          IV 8, to a multiple of 4, ICV 16 (RFC 4106, 3 and 6)
 *     AES-CBC, SHA-256 IV 16, to a multiple of 16 (RFC 3602), ICV 16 (RFC 4868)
 *   UDP 8            behind a NAT (RFC 3948)
 *   IP 20            tunnel mode (RFC 4301, 5.1.2)
 */
#include <string.h>

#include "planner/planner.h"

enum { RTP = 12, UDP = 8, IP = 20, GRE = 4, ESP = 8, ESP_TRAILER = 2 };

static const struct {
    const char *name;
    unsigned iv, block, icv;
} ciphers[] = {{"aes-gcm", 8, 4, 16}, {"aes-cbc-sha256", 16, 16, 16}};

static unsigned srtp_tag(const char *name)
{
    return !strcmp(name, "hmac-sha1-80") ? 10 : !strcmp(name, "gcm") ? 16 : 0;
}

unsigned vc_planner_outer(const struct vc_planner_wire *wire, unsigned inner)
{
    const bool gcm = !strcmp(wire->esp, ciphers[0].name);
    const unsigned block = ciphers[!gcm].block;
    unsigned sealed = inner + GRE + IP + ESP_TRAILER;

    sealed = (sealed + block - 1) / block * block;
    return IP + (strcmp(wire->nat, "on") ? 0 : UDP) + ESP + ciphers[!gcm].iv + sealed + ciphers[!gcm].icv;
}

void vc_planner_sizes(const struct vc_planner_wire *wire, struct vc_planner_codec *codec)
{
    unsigned payload = codec->video ? codec->payload : (codec->kbit * codec->ptime_ms + 7) / 8;

    codec->interval_ns =
        codec->video ? (int64_t)codec->payload * 8 * VC_NS_PER_MS / codec->kbit : codec->ptime_ms * VC_NS_PER_MS;
    codec->inner = payload + srtp_tag(wire->srtp) + RTP + UDP + IP;
    codec->outer = vc_planner_outer(wire, codec->inner);
}
