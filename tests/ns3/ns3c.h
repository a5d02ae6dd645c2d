/* A simulator in virtual time, and what the tests of wires count. */
#pragma once

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "ns3/ns3c.h"

#define OK(call, err)  cr_assert((call) >= 0, "%s: %s", #call, (err) ? (err)->message : "no message")
#define GOT(call, err) cr_assert_not_null((call), "%s: %s", #call, (err) ? (err)->message : "no message")

static inline struct vc_ns3 *sim_new(enum vc_ns3_clock clock, uint32_t seed)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_ns3 *sim;

    GOT(sim = vc_ns3_new(&(struct vc_ns3_config){.clock = clock, .seed = seed}, &err), err);
    return sim;
}

static inline void sim_run(struct vc_ns3 *sim)
{
    VC_AUTO_ERROR *err = NULL;

    OK(vc_ns3_run(sim, VC_NS3_FOREVER, &err), err);
}

static inline void sim_free(struct vc_ns3 *sim)
{
    VC_AUTO_ERROR *err = NULL;

    OK(vc_ns3_free(sim, &err), err);
}

/* The numbers of `n` trials of chance p that 99.9 % of all series have: 3.29 standard deviations. Seeds are fixed, so a
 * test that passes passes always. */
static inline void in_bounds(const char *what, uint64_t n, uint64_t seen, double p)
{
    double expected = (double)n * p, bound = 3.29 * sqrt((double)n * p * (1 - p));

    cr_assert(fabs((double)seen - expected) <= bound, "%s: %lu of %lu, expected %.0f +- %.0f", what,
              (unsigned long)seen, (unsigned long)n, expected, bound);
}
