/* The usual telemetry body (device-api.md 3.1) read in one pass, without a tree: an object of `status`, `timestamp`,
 * `override`, `message` and `telemetries`, whose values are plain. Most of the time that a message costs would otherwise
 * go into making and freeing nodes. What is the least bit out of the ordinary, faulty bodies included, is left to
 * telemetry_parse(); what is read here is read the same way. */
#ifndef MUSTER_MODEL_TELEMETRY_SCAN_H
#define MUSTER_MODEL_TELEMETRY_SCAN_H

#include "model/telemetry/flat.h"
#include "model/telemetry/telemetry.h"

struct settings;

#define TELEMETRY_SCAN_ENTRIES_MAX 48

struct telemetry_scan {
    struct telemetry_sample sample; /* without `values`; `message` is borrowed from the body */
    size_t entry_count;
    struct flat_entry entries[TELEMETRY_SCAN_ENTRIES_MAX]; /* `status` included; borrowed from the body */
};

/* False: telemetry_parse() is to decide. Any thread. */
bool telemetry_scan(const struct settings *settings, struct str body, int64_t now_unix_ms, struct telemetry_scan *ret_scan);
/* What the sample's strings take, and the sample with them in `memory` of that size. Entries are sorted. */
size_t telemetry_scan_room(const struct telemetry_scan *scan);
void telemetry_scan_take(struct telemetry_scan *scan, char *memory, struct telemetry_sample *ret_sample);

#endif
