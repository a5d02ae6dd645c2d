/* What ns3c refuses before ns-3, which would end the process, could see it. Plain C. -1 and *err. */
#pragma once

#include "ns3/ns3c.h"

#ifdef __cplusplus
extern "C" {
#endif

int vc_ns3_check_config(const struct vc_ns3_config *config, vc_error **err);
int vc_ns3_check_character(const struct vc_wire *character, vc_error **err);
int vc_ns3_check_direction(int direction, bool both, vc_error **err);
int vc_ns3_check_frame(const uint8_t *data, size_t size, vc_error **err);
int vc_ns3_check_delay(int64_t now_ns, int64_t after_ns, vc_error **err);
int vc_ns3_check_until(int64_t now_ns, int64_t until_ns, vc_error **err);
int vc_ns3_check_stream(int distribution, double a, double b, vc_error **err);

/* The members of a wire's character with what they may be. */
struct vc_ns3_character_member {
    const char *name;
    size_t offset; /* of a uint32_t in struct vc_wire */
    uint32_t max;
};
enum { VC_NS3_CHARACTER_COUNT = 9 };
extern const struct vc_ns3_character_member vc_ns3_character_members[VC_NS3_CHARACTER_COUNT];

#ifdef __cplusplus
}
#endif
