/* Files that operators write, with what their sections and settings mean: the configuration, and the scenario of a
 * simulated fleet; and a row of the registry as a setting that was changed while the program ran. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/config.h"
#include "app/settings_table.h"
#include "app/simulate/scenario.h"

static FILE *nowhere(void)
{
    static FILE *file;
    if (!file) {
        file = fopen("/dev/null", "w");
        assert(file);
    }
    return file;
}

static void read_config(const uint8_t *data, size_t size)
{
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("config", MFD_CLOEXEC);
    }
    char path[64];
    struct config config;
    assert(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    config_init(&config);
    (void)config_read_file(&config, path, nowhere());
    assert(config.listener_count <= CONFIG_LISTENERS_MAX);
    config_deinit(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scenario scenario;
    read_config(data, size);
    scenario_init(&scenario);
    (void)scenario_parse(&scenario, str_from(data, size), "scenario", nowhere());
    assert(scenario.kills <= SCENARIO_KILLS_MAX);
    return 0;
}
