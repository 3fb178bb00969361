/* For unit tests across threads: waits for the effect itself, never for time to pass. The pause only leaves the core to
 * the thread that is waited for; the bound turns a hang into a failure that names the condition. Include after cmocka. */
#ifndef MUSTER_BASE_TEST_AWAIT_H
#define MUSTER_BASE_TEST_AWAIT_H

#include <unistd.h>

#define AWAIT_MS 30000 /* sanitizers on a loaded machine */
#define AWAIT(condition) \
    do { \
        for (int await_ms_ = 0; await_ms_ < AWAIT_MS && !(condition); await_ms_++) { \
            usleep(1000); \
        } \
        assert_true(condition); \
    } while (0)

#endif
