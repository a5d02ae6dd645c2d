/* splitmix64: what is drawn depends on its seed alone, on no library's generator. */
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline uint64_t sweep_draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* From 0 to limit - 1. */
static inline size_t sweep_below(uint64_t *state, size_t limit)
{
    return (size_t)(sweep_draw(state) % limit);
}
