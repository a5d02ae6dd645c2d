#include "cli/numbers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int parse_number(const char *command, const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 0);
    if (!errno && *text && *text != '-' && !*end && number >= min && number <= max) {
        *out = number;
        return 0;
    }
    fprintf(stderr, "vclab %s: --%s %s: a number from %" PRIu64 " to %" PRIu64 " is wanted\n", command, option, text,
            min, max);
    return -1;
}

int parse_shard(const char *command, const char *text, unsigned *shard, unsigned *shards)
{
    int end = 0;

    if (sscanf(text, "%u/%u%n", shard, shards, &end) == 2 && !text[end] && *shard && *shard <= *shards)
        return 0;
    fprintf(stderr, "vclab %s: --shard %s: I/N is wanted, 1 <= I <= N\n", command, text);
    return -1;
}
