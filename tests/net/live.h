/* For tests that need root: skip without it, except where CI says that everything must run. */
#pragma once

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"

#define NEED_ROOT()                                                                                                    \
    do {                                                                                                               \
        if (geteuid() != 0 && getenv("VCLAB_MUST_WORK"))                                                               \
            cr_assert_fail("needs root, and VCLAB_MUST_WORK is set");                                                  \
        if (geteuid() != 0)                                                                                            \
            cr_skip("needs root");                                                                                     \
    } while (0)

/* The call succeeded; else its own message. */
#define OK(call, err)  cr_assert((call) >= 0, "%s: %s", #call, (err) ? (err)->message : "no message")
#define GOT(call, err) cr_assert_not_null((call), "%s: %s", #call, (err) ? (err)->message : "no message")
