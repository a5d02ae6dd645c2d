/* A node that starts anew with another configuration, as after somebody changed and reloaded it. */
#pragma once

#include "fault/kinds.h"

int misconfigure_check(struct fault *fault, vc_error **err);
int misconfigure_apply(struct fault *fault, vc_error **err);
int misconfigure_proved(struct fault *fault, char **evidence, vc_error **err);
int misconfigure_heal(struct fault *fault, vc_error **err);
int misconfigure_gone(struct fault *fault, char **evidence, vc_error **err);
