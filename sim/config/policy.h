/* What prefix lists and route maps of a running-config say of one prefix. */
#pragma once

#include "config/ios.h"

/* A list that is not defined permits everything, as on a router. */
bool vc_ios_prefix_list_permits(const struct vc_ios *ios, const char *name, struct vc_prefix prefix);

enum vc_ios_answer { VC_IOS_DENY, VC_IOS_PERMIT, VC_IOS_UNKNOWN };
/* A map that is not defined denies everything. UNKNOWN: it asks for what cannot be told here. */
enum vc_ios_answer vc_ios_route_map_permits(const struct vc_ios *ios, const char *name, struct vc_prefix prefix);
/* Has it an entry that permits something? */
bool vc_ios_route_map_has_permit(const struct vc_ios *ios, const char *name);
