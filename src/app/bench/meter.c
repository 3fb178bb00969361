#include "app/bench/meter.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static FILE *open_proc(long pid, const char *name)
{
    char path[64];
    if (pid) {
        snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
    } else {
        snprintf(path, sizeof path, "/proc/self/%s", name);
    }
    return fopen(path, "re");
}

/* utime and stime behind the command's name, which may hold anything but ends with the last bracket. */
static bool read_cpu(long pid, double *ret_seconds)
{
    FILE *file = open_proc(pid, "stat");
    if (!file) {
        return false;
    }
    char text[1024];
    size_t got = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[got] = '\0';
    const char *at = strrchr(text, ')');
    unsigned long long user = 0, system = 0;
    if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2) {
        return false;
    }
    *ret_seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    return true;
}

/* The line of that name, in KiB. */
static bool read_kib(long pid, const char *name, const char *line_name, uint64_t *ret_bytes)
{
    FILE *file = open_proc(pid, name);
    if (!file) {
        return false;
    }
    char line[256];
    unsigned long long kib = 0;
    bool found = false;
    while (!found && fgets(line, sizeof line, file)) {
        found = strncmp(line, line_name, strlen(line_name)) == 0 && sscanf(line + strlen(line_name), " %llu", &kib) == 1;
    }
    fclose(file);
    *ret_bytes = (uint64_t)kib * 1024;
    return found;
}

static bool read_statm(long pid, uint64_t *ret_bytes)
{
    FILE *file = open_proc(pid, "statm");
    if (!file) {
        return false;
    }
    unsigned long long pages = 0;
    bool found = fscanf(file, "%*u %llu", &pages) == 1;
    fclose(file);
    *ret_bytes = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return found;
}

bool meter_read(long pid, struct meter *ret_meter)
{
    struct meter meter = {0};
    if (!read_cpu(pid, &meter.cpu_seconds) ||
        (!read_kib(pid, "smaps_rollup", "Rss:", &meter.rss_bytes) && !read_statm(pid, &meter.rss_bytes)) ||
        !read_kib(pid, "status", "VmHWM:", &meter.peak_bytes)) {
        return false;
    }
    *ret_meter = meter;
    return true;
}
