/* Numbers of the command line, and the clock of measurements. */
#pragma once

#include <stdint.h>
#include <time.h>

/* 0 and *out; or -1 after a message that names the option, the text and what is wanted. */
int parse_number(const char *command, const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* I/N, 1 <= I <= N: 0, or -1 after a message. */
int parse_shard(const char *command, const char *text, unsigned *shard, unsigned *shards);

/* CLOCK_MONOTONIC in seconds. */
static inline double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
