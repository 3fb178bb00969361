/* What sealing makes of telemetry: bytes on disk per row and per numeric point before and after, and how fast.
 * seal_bench [DEVICES] [MINUTES] [walk|noise]; the devices report every five seconds what simulated ones do: a temperature with one
 * decimal, humidity, power and battery as integers, a boolean and a short string. walk: four
 * measured values instead, with two decimals, of which each reading differs from the one before; noise: not rounded at all. */
#include <assert.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/telemetry/flat.h"
#include "store/telemetry/day_file.h"
#include "store/telemetry/sealer.h"

#define NUMBERS 4 /* of a row */
#define INTERVAL_MS 5000
#define START_MS INT64_C(1772360100000)

struct device {
    double temperature, humidity, battery, power;
    bool on;
    struct sample_position newest;
};

static double noise(double width)
{
    return width * ((double)(rand() & 0xffff) / 65536 - 0.5);
}

enum data { DATA_USUAL, DATA_WALK, DATA_NOISE };

/* Measured values that never stand still. */
static struct str measured(struct device *d, bool rounded, struct arena *arena)
{
    d->temperature += noise(0.4);
    d->humidity += noise(1.5);
    d->battery += noise(0.2);
    d->power += noise(30);
    const struct {
        struct str key;
        double value;
    } values[NUMBERS] = {{STR("temp"), d->temperature}, {STR("humidity"), d->humidity}, {STR("battery"), d->battery},
                         {STR("power"), d->power}};
    struct flat_entry entries[NUMBERS + 1] = {{.key = STR("status"), .type = FLAT_STRING, .text = STR("online")}};
    for (unsigned i = 0; i < NUMBERS; i++) {
        double value = rounded ? round(values[i].value * 100) / 100 : values[i].value;
        entries[i + 1] = (struct flat_entry){.key = values[i].key, .type = FLAT_NUMBER, .number = value};
    }
    return flat_encode(entries, NUMBERS + 1, arena);
}

static struct str values_of(struct device *d, enum data data, struct arena *arena)
{
    if (data != DATA_USUAL) {
        return measured(d, data == DATA_WALK, arena);
    }
    d->temperature += noise(0.4);
    d->humidity += noise(1.5);
    d->battery -= 0.002;
    d->on = rand() % 60 ? d->on : !d->on;
    struct flat_entry entries[] = {
        {.key = STR("status"), .type = FLAT_STRING, .text = STR("online")},
        {.key = STR("temp"), .type = FLAT_NUMBER, .number = round(d->temperature * 10) / 10},
        {.key = STR("humidity"), .type = FLAT_NUMBER, .number = round(d->humidity)},
        {.key = STR("power"), .type = FLAT_NUMBER, .number = d->on ? round(1200 + noise(80)) : 2},
        {.key = STR("battery"), .type = FLAT_NUMBER, .number = round(d->battery)},
        {.key = STR("on"), .type = d->on ? FLAT_TRUE : FLAT_FALSE},
        {.key = STR("mode"), .type = FLAT_STRING, .text = d->humidity > 50 ? STR("auto") : STR("eco")},
    };
    return flat_encode(entries, sizeof entries / sizeof entries[0], arena);
}

static void report(struct day_writer *writer, struct device *d, int64_t no, int64_t at_ms, enum data data,
                   struct arena *arena)
{
    struct sample_row row = {
        .device_no = no,
        .previous = d->newest,
        .status = STATUS_ONLINE,
        .at_ms = at_ms,
        .received_ms = at_ms,
        .device_timestamp_ms = INT64_MIN,
        .values = values_of(d, data, arena),
    };
    enum err err = day_writer_append(writer, &row);
    assert(err == ERR_OK);
    (void)err;
    d->newest = row.position;
}

static double bytes_in(const char *dir)
{
    char path[4096];
    double bytes = 0;
    snprintf(path, sizeof path, "%s/telemetry", dir);
    DIR *folder = opendir(path);
    for (struct dirent *item; folder && (item = readdir(folder)) != NULL;) {
        struct stat info;
        if (fstatat(dirfd(folder), item->d_name, &info, 0) == 0 && S_ISREG(info.st_mode)) {
            bytes += (double)info.st_size;
        }
    }
    closedir(folder);
    return bytes;
}

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static int64_t append_all(struct day_writer *writer, unsigned count, unsigned minutes, enum data data)
{
    struct device *devices = mem_calloc(count, sizeof *devices);
    struct arena arena;
    int64_t rows = 0;
    arena_init(&arena);
    for (unsigned i = 0; i < count; i++) {
        devices[i] = (struct device){20 + noise(10), 50 + noise(40), 60 + noise(80), 1200, true, {0, 0}};
    }
    for (int64_t tick = 0; tick < (int64_t)minutes * 60000 / INTERVAL_MS; tick++) {
        for (unsigned i = 0; i < count; i++) { /* within the interval, a few milliseconds early or late */
            int64_t at_ms = START_MS + tick * INTERVAL_MS + (int64_t)i * INTERVAL_MS / count + rand() % 9;
            report(writer, &devices[i], i + 1, at_ms, data, &arena);
            rows++;
        }
        enum err err = day_writer_commit(writer);
        assert(err == ERR_OK);
        (void)err;
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    mem_free(devices);
    return rows;
}

int main(int argc, char **argv)
{
    unsigned devices = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
    unsigned minutes = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 15;
    enum data data = argc > 3 ? (argv[3][0] == 'w' ? DATA_WALK : DATA_NOISE) : DATA_USUAL;
    char dir[] = "./muster-bench-XXXXXX";
    struct segments *segments = NULL;
    struct day_writer *writer = NULL;
    log_setup(LOG_WARN, LOG_LOGFMT, 2);
    if (devices == 0 || !mkdtemp(dir) || segments_open(dir, &segments) != ERR_OK ||
        day_writer_open(segments, &writer) != ERR_OK) {
        return 1;
    }
    segments_set_limits(segments, &(struct segment_limits){INT64_MAX, 0, UINT64_MAX, UINT64_MAX});
    double rows = (double)append_all(writer, devices, minutes, data);
    segments_set_limits(segments, &(struct segment_limits){1, 0, 0, 0});
    double raw = bytes_in(dir);
    uint64_t pause_from = clock_monotonic_us();
    day_writer_rotate(writer, START_MS);
    uint64_t pause_us = clock_monotonic_us() - pause_from;
    struct sealer *sealer = sealer_new(segments);
    double from = cpu_seconds();
    bool sealed_all = sealer_run(sealer);
    double seconds = cpu_seconds() - from;
    double sealed = bytes_in(dir);
    printf("devices %u, %u minutes, %.0f rows of %d numbers: %.1f bytes a row before, %.1f after;"
           " %.2f bytes per numeric point; %.0f rows sealed per CPU-second\n",
           devices, minutes, rows, NUMBERS, raw / rows, sealed / rows, sealed / rows / NUMBERS, rows / seconds);
    struct device late = {.temperature = 20};
    struct arena arena;
    arena_init(&arena);
    pause_from = clock_monotonic_us();
    report(writer, &late, 1, START_MS, data, &arena);
    sealed_all = day_writer_commit(writer) == ERR_OK && sealed_all;
    pause_us += clock_monotonic_us() - pause_from;
    printf("appending paused for %.1f ms while one file ended and the next began\n", (double)pause_us / 1000);
    arena_deinit(&arena);
    day_writer_close(writer);
    sealer_free(sealer);
    segments_free(segments);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) != 0 || !sealed_all;
}
