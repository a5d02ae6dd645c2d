/* Another character for a wire: the qdisc of the interface, at each end from which packets go the impaired way. Proved
 * by reading it back from the kernel. */
#pragma once

#include "fault/kinds.h"

int impair_apply(struct fault *fault, vc_error **err);
int impair_proved(struct fault *fault, char **evidence, vc_error **err);
int impair_heal(struct fault *fault, vc_error **err);
int impair_gone(struct fault *fault, char **evidence, vc_error **err);
