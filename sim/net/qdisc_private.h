/* Messages of qdisc.h without a kernel: what the tests build and read back. */
#pragma once

#include <netlink/msg.h>

#include "net/qdisc.h"

/* Appends TCA_KIND and TCA_OPTIONS. */
void vc_qdisc_put(struct nl_msg *msg, const struct vc_qdisc *qdisc);
/* Reads an RTM_NEWQDISC message. False when it is none, or malformed. */
bool vc_qdisc_parse(struct nlmsghdr *header, struct vc_qdisc *qdisc);
