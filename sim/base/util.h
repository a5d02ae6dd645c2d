/* Cleanup attributes and small helpers that every folder uses. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <talloc.h>

#define VC_API                __attribute__((visibility("default")))
#define VC_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define VC_UNUSED             __attribute__((unused))
#define VC_COUNT(array)       (sizeof(array) / sizeof((array)[0]))

#define VC_NS_PER_S  1000000000LL
#define VC_NS_PER_MS 1000000LL
#define VC_NS_PER_US 1000LL

/* Takes the value out of an owned variable, which is left empty, so that its cleanup does nothing. */
#define VC_STEAL_PTR(p)                                                                                                \
    ({                                                                                                                 \
        __typeof__(p) _taken = (p);                                                                                    \
        (p) = NULL;                                                                                                    \
        _taken;                                                                                                        \
    })
/* Also for a pid. */
#define VC_STEAL_FD(fd)                                                                                                \
    ({                                                                                                                 \
        int _taken = (fd);                                                                                             \
        (fd) = -1;                                                                                                     \
        _taken;                                                                                                        \
    })

static inline void vc_close_cleanup(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void vc_free_cleanup(void *p)
{
    free(*(void **)p);
}

static inline void vc_talloc_cleanup(void *p)
{
    talloc_free(*(void **)p);
}

static inline void vc_json_cleanup(json_t **p)
{
    json_decref(*p);
}

static inline void vc_fclose_cleanup(FILE **f)
{
    if (*f)
        fclose(*f);
}

/* Kills and reaps: an owned child never outlives its owner's scope. 0 or less means nothing owned. */
static inline void vc_pid_cleanup(pid_t *pid)
{
    if (*pid > 0) {
        kill(*pid, SIGKILL);
        waitpid(*pid, NULL, 0);
    }
}

#define VC_AUTO_FD     __attribute__((cleanup(vc_close_cleanup), unused)) int
#define VC_AUTO_FREE   __attribute__((cleanup(vc_free_cleanup), unused))
#define VC_AUTO_TALLOC __attribute__((cleanup(vc_talloc_cleanup), unused))
#define VC_AUTO_JSON   __attribute__((cleanup(vc_json_cleanup), unused)) json_t
#define VC_AUTO_FILE   __attribute__((cleanup(vc_fclose_cleanup), unused)) FILE
#define VC_AUTO_PID    __attribute__((cleanup(vc_pid_cleanup), unused)) pid_t
