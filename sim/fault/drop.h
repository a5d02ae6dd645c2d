/* Silent drop by selector: nftables rules in a table of the fault's own, where packets arrive at the end of the link
 * (or tunnel) they are dropped on the way to. */
#pragma once

#include "fault/kinds.h"

int drop_apply(struct fault *fault, vc_error **err);
int drop_proved(struct fault *fault, char **evidence, vc_error **err);
int drop_heal(struct fault *fault, vc_error **err);
int drop_gone(struct fault *fault, char **evidence, vc_error **err);
