/*
 * One error object. Every call that can fail takes `vc_error **err` last and returns -1 (or NULL) after setting it;
 * callers add what they were doing with vc_wrap on the way up, so that the user reads one line: what, where, why, and
 * what to do. `err` may be NULL when the caller does not care. An error is owned by whoever holds the pointer:
 * VC_AUTO_ERROR frees it.
 */
#pragma once

#include "base/util.h"

/* What the failure means for the exit status (design.md, "The command line"). */
enum vc_exit {
    VC_EXIT_PASS = 0,
    VC_EXIT_FAIL = 1,
    VC_EXIT_USAGE = 2, /* bad usage or bad file */
    VC_EXIT_HOST = 3,  /* this host cannot: the message says what is missing and how to get it */
    VC_EXIT_INCONCLUSIVE = 4,
    VC_EXIT_INTERRUPTED = 130,
};

typedef struct vc_error {
    enum vc_exit status;
    int errnum;    /* errno at the failure, or 0 */
    char *message; /* one line, or several when a file has several errors; no trailing newline */
} vc_error;

/* Sets *err to the formatted message and returns -1. With errnum != 0, ": <strerror>" is appended. */
int vc_fail(vc_error **err, enum vc_exit status, int errnum, const char *format, ...) VC_PRINTF(4, 5);

/* Puts "<formatted>: " before the message of *err. Returns -1, so that `return vc_wrap(err, …)` reads well. */
int vc_wrap(vc_error **err, const char *format, ...) VC_PRINTF(2, 3);

/* Moves an error to the caller's slot (frees it when `to` is NULL). Returns -1. */
int vc_error_move(vc_error **to, vc_error **from);

/* Compiler and analyzer see here that the three always return -1, so that they follow no path on which a failed call
 * set its results. */
#define vc_fail(...)                                                                                                   \
    ({                                                                                                                 \
        vc_fail(__VA_ARGS__);                                                                                          \
        -1;                                                                                                            \
    })
#define vc_wrap(...)                                                                                                   \
    ({                                                                                                                 \
        vc_wrap(__VA_ARGS__);                                                                                          \
        -1;                                                                                                            \
    })
#define vc_error_move(...)                                                                                             \
    ({                                                                                                                 \
        vc_error_move(__VA_ARGS__);                                                                                    \
        -1;                                                                                                            \
    })

void vc_error_free(vc_error *err);

static inline void vc_error_cleanup(vc_error **err)
{
    vc_error_free(*err);
}

#define VC_AUTO_ERROR __attribute__((cleanup(vc_error_cleanup))) vc_error
