/* Telemetry bodies: what is read without a tree must be what the tree's parser reads. */
#undef NDEBUG
#include <assert.h>

#include "model/telemetry/telemetry_scan_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct settings settings;
    static bool ready;
    bool taken;
    if (!ready) {
        settings_init(&settings);
        ready = true;
    }
    assert(scan_compare(&settings, str_from(data, size), &taken) == NULL);
    return 0;
}
