/* For tests: telemetry_scan() beside json_parse() and telemetry_parse(). What the one reads, the other must read as the
 * same sample; what it leaves may be anything. */
#ifndef MUSTER_MODEL_TELEMETRY_SCAN_FIXTURE_H
#define MUSTER_MODEL_TELEMETRY_SCAN_FIXTURE_H

#include <stdio.h>

#include "base/mem.h"
#include "codec/json/json.h"
#include "model/domain.h"
#include "model/telemetry/telemetry_scan.h"

#define SCAN_NOW_MS INT64_C(1772360100000) /* 2026-03-01T10:15:00Z */

static int64_t scan_fixture_now(void)
{
    return SCAN_NOW_MS;
}

static bool scan_same_text(struct str a, struct str b)
{
    return (a.ptr == NULL) == (b.ptr == NULL) && str_eq(a, b);
}

static const char *scan_difference(const struct telemetry_sample *a, const struct telemetry_sample *b)
{
    return a->status != b->status                             ? "status"
           : a->override != b->override                       ? "override"
           : a->at_ms != b->at_ms                             ? "time"
           : a->received_ms != b->received_ms                 ? "time of receipt"
           : a->device_timestamp_ms != b->device_timestamp_ms ? "time as sent"
           : a->body_bytes != b->body_bytes                   ? "size"
           : !scan_same_text(a->message, b->message)          ? "message"
           : b->firmware_version.ptr                          ? "firmware"
           : !str_eq(a->values, b->values)                    ? "values"
                                                              : NULL;
}

/* NULL: the same, or left; else what differs. *ret_taken: it was read. */
static const char *scan_compare(const struct settings *settings, struct str body, bool *ret_taken)
{
    struct telemetry_scan scan;
    *ret_taken = telemetry_scan(settings, body, SCAN_NOW_MS, &scan);
    if (!*ret_taken) {
        return NULL;
    }
    struct domain domain = {.now_unix_ms = scan_fixture_now, .settings = settings};
    struct telemetry_sample ours = {0};
    struct telemetry_sample theirs = {0};
    struct json *doc = NULL;
    struct arena arena;
    struct reply reply;
    arena_init(&arena);
    reply_init(&reply);
    size_t room = telemetry_scan_room(&scan);
    char *memory = mem_alloc(room);
    telemetry_scan_take(&scan, memory, &ours);
    struct json_limits limits = {.bytes_max = body.len};
    const char *difference = "it is not JSON";
    if (json_parse(body, &limits, &doc) == ERR_OK) {
        enum err err =
            telemetry_parse(&domain, doc, (uint32_t)body.len, TRANSPORT_NONE, &arena, &theirs, &reply);
        difference = err == ERR_OK ? scan_difference(&ours, &theirs) : "it is refused";
    }
    mem_free(memory);
    json_free(doc);
    reply_deinit(&reply);
    arena_deinit(&arena);
    return difference;
}

#endif
