/* For property tests: random numbers that can be had again. A test file of its own state. MUSTER_SEED=N repeats a run;
 * tear down with chance_tell(), so that a failure prints its seed. */
#ifndef MUSTER_BASE_TEST_CHANCE_H
#define MUSTER_BASE_TEST_CHANCE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t chance, seed = 1;
static bool failed = true; /* until the test has come to its end */

/* 0 to below - 1. */
static inline unsigned rnd(unsigned below)
{
    chance = chance * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(chance >> 33) % below;
}

/* Begins with the seed of the environment, or 1. Returns whether one was given. */
static inline bool chance_begin(void)
{
    const char *given = getenv("MUSTER_SEED");
    seed = given ? strtoull(given, NULL, 10) : 1;
    chance = seed;
    return given != NULL;
}

static inline void chance_tell(void)
{
    if (failed) {
        fprintf(stderr, "MUSTER_SEED=%" PRIu64 "\n", seed);
    }
}

#endif
