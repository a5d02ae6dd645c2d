/* Keys that a topology leaves open and seeds of chance, derived from the seed: the same in every plan of the same
 * input. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* `digits` (at most 64) hexadecimal digits of SHA-256 over purpose, name and seed. talloc child of ctx. */
char *vc_secret(void *ctx, const char *purpose, const char *name, uint64_t seed, size_t digits);

/* A seed for what is left to chance, never 0. */
uint64_t vc_derived_seed(const char *purpose, const char *name, uint64_t seed);
