/* Samples of one device, from its newest row backwards along the chain of positions. The chain is in order of arrival;
 * a sample time lies at most five minutes after its arrival (device-api.md 3.2.2), so the walk ends where nothing older
 * can belong any more. Sealed rows come in runs: one whose sample times lie outside of what is asked for is passed over
 * whole, and long series take its roll-ups instead of its rows. */
#include <stdlib.h>

#include "base/mem.h"
#include "codec/json/json.h"
#include "model/management/field_text.h"
#include "model/telemetry/telemetry_internal.h"

#define AHEAD_MAX_MS (INT64_C(5) * 60 * 1000)
#define KEYS_MAX 64
#define POINTS_MAX 2000
#define CHANGES_MAX 20000
#define CHANGE_BYTES_MAX ((size_t)8 << 20) /* of all keys together; a key may be named more than once */
#define TIME_MAX_MS (INT64_C(1) << 53)

/* ---- the walk ---- */

struct walk {
    struct store_tx *tx;
    int64_t device_no;
    uint32_t epoch;
    struct sample_position next;
};

static void walk_init(struct walk *walk, struct domain *domain, struct store_tx *tx, const struct device_brief *device)
{
    struct device_brief now;
    *walk = (struct walk){.tx = tx, .device_no = device->no};
    if (device_table_find_no(domain->devices, device->no, &now)) {
        walk->epoch = now.epoch;
        walk->next = (struct sample_position){now.sample_day, now.sample_seq};
    }
}

/* The row before, valid until the next call. ERR_NOT_FOUND: there is none, or it is not kept any more. */
static enum err walk_next(struct walk *walk, struct sample_row *ret_row)
{
    if (walk->next.seq == 0) {
        return ERR_NOT_FOUND;
    }
    enum err err = sample_store_read(walk->tx, walk->next, ret_row);
    if (err != ERR_OK) {
        return err;
    }
    if (ret_row->device_no != walk->device_no || ret_row->epoch != walk->epoch) {
        return ERR_NOT_FOUND; /* of a former owner */
    }
    walk->next = ret_row->previous;
    return ERR_OK;
}

enum run_outside { RUN_NONE, RUN_PASSED, RUN_WITHIN };

/* If a sealed run begins here: passes over it if nothing of it lies within [from_ms, to_ms], else *ret_run tells of it. */
static enum err walk_run(struct walk *walk, int64_t from_ms, int64_t to_ms, struct sample_run *ret_run,
                         enum run_outside *ret_outside)
{
    *ret_outside = RUN_NONE;
    if (walk->next.seq == 0) {
        return ERR_OK;
    }
    enum err err = sample_store_run(walk->tx, walk->next, ret_run);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && (ret_run->device_no != walk->device_no || ret_run->epoch != walk->epoch))) {
        return ERR_OK; /* walk_next finds the end */
    }
    if (err != ERR_OK) {
        return err;
    }
    *ret_outside = RUN_WITHIN;
    if ((ret_run->at_max_ms < from_ms || ret_run->at_min_ms > to_ms) && ret_run->received_max_ms + AHEAD_MAX_MS >= from_ms) {
        walk->next = ret_run->previous;
        *ret_outside = RUN_PASSED;
    }
    return ERR_OK;
}

/* Passes over all runs that lie outside. */
static enum err walk_pass(struct walk *walk, int64_t from_ms, int64_t to_ms)
{
    struct sample_run run;
    enum run_outside outside = RUN_PASSED;
    enum err err = ERR_OK;
    while (err == ERR_OK && outside == RUN_PASSED) {
        err = walk_run(walk, from_ms, to_ms, &run, &outside);
    }
    return err;
}

/* ---- the newest N by sample time: a heap with the oldest of them at its root ---- */

struct newest {
    int64_t at_ms, device_timestamp_ms;
    struct sample_position position;
    struct str values; /* heap copy */
};

static bool newest_before(const struct newest *a, const struct newest *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : sample_position_is_after(b->position, a->position);
}

static void newest_swap(struct newest *a, struct newest *b)
{
    struct newest t = *a;
    *a = *b;
    *b = t;
}

static void heap_down(struct newest *heap, size_t count, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
            if (newest_before(&heap[child], &heap[least])) {
                least = child;
            }
        }
        if (least == at) {
            return;
        }
        newest_swap(&heap[at], &heap[least]);
        at = least;
    }
}

static void heap_up(struct newest *heap, size_t at)
{
    while (at > 0 && newest_before(&heap[at], &heap[(at - 1) / 2])) {
        newest_swap(&heap[at], &heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static struct newest newest_copy(const struct sample_row *row)
{
    char *copy = row->values.len ? mem_dup(row->values.ptr, row->values.len) : NULL;
    return (struct newest){row->at_ms, row->device_timestamp_ms, row->position, str_from(copy, row->values.len)};
}

static void newest_drop(struct newest *item)
{
    mem_free((void *)(uintptr_t)item->values.ptr);
}

static void newest_add(struct newest *heap, size_t *count, size_t limit, const struct sample_row *row)
{
    struct newest probe = {.at_ms = row->at_ms, .position = row->position};
    if (*count < limit) {
        heap[*count] = newest_copy(row);
        heap_up(heap, (*count)++);
    } else if (newest_before(&heap[0], &probe)) {
        newest_drop(&heap[0]);
        heap[0] = newest_copy(row);
        heap_down(heap, *count, 0);
    }
}

static enum err newest_collect(struct walk *walk, int64_t from_ms, int64_t to_ms, struct newest *heap, size_t limit,
                               size_t *ret_count)
{
    struct sample_row row;
    size_t count = 0;
    enum err err;
    while ((err = walk_pass(walk, from_ms, to_ms)) == ERR_OK && (err = walk_next(walk, &row)) == ERR_OK) {
        int64_t latest = row.received_ms + AHEAD_MAX_MS; /* of this row and all before it */
        if (latest < from_ms || (count == limit && latest < heap[0].at_ms)) {
            break;
        }
        if (row.kind == SAMPLE_REPORTED && row.at_ms >= from_ms && row.at_ms <= to_ms) {
            newest_add(heap, &count, limit, &row);
        }
    }
    *ret_count = count;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static int newest_first(const void *a, const void *b)
{
    return newest_before(a, b) ? 1 : newest_before(b, a) ? -1 : 0;
}

static void newest_write(struct json_writer *w, const struct newest *item, struct buf *scratch)
{
    buf_clear(scratch);
    flat_write_json(scratch, item->values, true, STR(""));
    json_begin_object(w);
    json_field_time(w, "created_at", item->at_ms);
    json_field_time(w, "device_timestamp", item->device_timestamp_ms);
    json_field_raw(w, "telemetries", buf_str(scratch));
    json_end_object(w);
}

enum err telemetry_write_newest(struct domain *domain, struct store_tx *tx, const struct device_brief *device,
                                int64_t from_ms, int64_t to_ms, unsigned limit, struct buf *out)
{
    struct walk walk;
    size_t count = 0;
    struct newest *heap = mem_calloc(limit ? limit : 1, sizeof *heap);
    walk_init(&walk, domain, tx, device);
    enum err err = limit ? newest_collect(&walk, from_ms, to_ms, heap, limit, &count) : ERR_OK;
    if (count > 1) {
        qsort(heap, count, sizeof *heap, newest_first);
    }
    struct json_writer w;
    struct buf scratch;
    buf_init(&scratch, (size_t)1 << 20);
    json_writer_init(&w, out);
    if (err == ERR_OK) {
        json_begin_array(&w);
    }
    for (size_t i = 0; i < count; i++) {
        if (err == ERR_OK) {
            newest_write(&w, &heap[i], &scratch);
        }
        newest_drop(&heap[i]);
    }
    if (err == ERR_OK) {
        json_end_array(&w);
    }
    buf_deinit(&scratch);
    mem_free(heap);
    return err;
}

/* ---- series ---- */

struct point {
    int64_t at_ms;
    double value;
};
struct bucket {
    double min, max, sum;
    uint64_t count;
};
struct change {
    int64_t at_ms;
    enum flat_type type;
    struct str text; /* in the job's arena */
};

/* One key. Its newest value decides whether it is a series of numbers or of changes. */
struct series {
    struct str key, unit;
    bool decided, numeric, full;
    struct point *raw;    /* up to points + 1: then the buckets are shown */
    size_t raw_count;
    struct bucket *buckets;
    struct change *changes; /* in the order of the walk; sorted and without repetitions only at the end */
    size_t change_count, change_room;
};

struct series_job {
    int64_t from_ms, to_ms;
    unsigned points;
    int64_t bucket_ms;
    struct series *series;
    size_t count;
    size_t change_bytes;
    struct arena texts;
};

static void add_number(const struct series_job *job, struct series *s, int64_t at_ms, double value)
{
    if (s->raw_count <= job->points) {
        s->raw[s->raw_count++] = (struct point){at_ms, value};
    }
    struct bucket *b = &s->buckets[(at_ms - job->from_ms) / job->bucket_ms];
    b->min = b->count == 0 || value < b->min ? value : b->min;
    b->max = b->count == 0 || value > b->max ? value : b->max;
    b->sum += value;
    b->count++;
}

static bool change_same(const struct change *change, enum flat_type type, struct str text)
{
    return change->type == type && (type != FLAT_STRING || str_eq(change->text, text));
}

static int change_order(const void *a, const void *b)
{
    int64_t x = ((const struct change *)a)->at_ms;
    int64_t y = ((const struct change *)b)->at_ms;
    return x < y ? -1 : x > y;
}

/* Of values that stay, the first in time. */
static void changes_reduce(struct series *s)
{
    size_t kept = 0;
    if (s->change_count > 1) {
        qsort(s->changes, s->change_count, sizeof *s->changes, change_order);
    }
    for (size_t i = 0; i < s->change_count; i++) {
        if (kept == 0 || !change_same(&s->changes[kept - 1], s->changes[i].type, s->changes[i].text)) {
            s->changes[kept++] = s->changes[i];
        }
    }
    s->change_count = kept;
}

/* Room for one more. Every sample is kept until there are many: one of another value that came late may lie between two
 * that are equal. False: there is no room, also not by forgetting values that stay. */
static bool changes_make_room(struct series_job *job, struct series *s, size_t text_len)
{
    size_t bytes = sizeof *s->changes + text_len;
    if (s->change_count == CHANGES_MAX || job->change_bytes + bytes > CHANGE_BYTES_MAX) {
        size_t before = s->change_count;
        changes_reduce(s);
        job->change_bytes -= (before - s->change_count) * sizeof *s->changes;
        s->full = s->change_count > CHANGES_MAX / 2 || job->change_bytes + bytes > CHANGE_BYTES_MAX;
    }
    if (s->change_count == s->change_room) {
        s->change_room = s->change_room ? s->change_room * 2 : 32;
        s->changes = mem_realloc(s->changes, s->change_room * sizeof *s->changes);
    }
    return !s->full;
}

static void add_change(struct series_job *job, struct series *s, int64_t at_ms, const struct flat_entry *entry)
{
    if (s->full) {
        return;
    }
    struct change *last = s->change_count ? &s->changes[s->change_count - 1] : NULL;
    struct str text = STR("");
    if (entry->type == FLAT_STRING) {
        text = last && change_same(last, entry->type, entry->text) ? last->text : entry->text;
    }
    size_t text_len = text.ptr == entry->text.ptr ? text.len : 0;
    if (!changes_make_room(job, s, text_len)) {
        return; /* it begins here: what is older would be joined to the wrong change */
    }
    job->change_bytes += sizeof *last + text_len;
    s->changes[s->change_count++] = (struct change){at_ms, entry->type, text_len ? arena_str(&job->texts, text) : text};
}

static void add_entry(struct series_job *job, struct series *s, int64_t at_ms, const struct flat_entry *entry)
{
    if (entry->type == FLAT_NULL) {
        return;
    }
    bool numeric = entry->type == FLAT_NUMBER;
    if (!s->decided) {
        s->decided = true;
        s->numeric = numeric;
        if (numeric) {
            s->raw = mem_calloc(job->points + 1, sizeof *s->raw);
            s->buckets = mem_calloc(job->points, sizeof *s->buckets);
        }
    }
    if (s->numeric != numeric) {
        return;
    }
    if (numeric) {
        add_number(job, s, at_ms, entry->number);
    } else {
        add_change(job, s, at_ms, entry);
    }
}

/* ---- series: roll-ups of sealed runs, where they give the same answer as the rows ---- */

struct rollup_job {
    const struct series_job *job;
    const struct sample_run *run;
    struct series *series; /* NULL: only looks whether all roll-ups lie within one bucket each */
    bool fits;
};

static bool visit_rollup(const struct sample_rollup *rollup, void *arg)
{
    struct rollup_job *r = arg;
    int64_t from_ms = rollup->from_ms > r->run->at_min_ms ? rollup->from_ms : r->run->at_min_ms;
    int64_t to_ms = rollup->to_ms < r->run->at_max_ms ? rollup->to_ms : r->run->at_max_ms;
    int64_t bucket = (from_ms - r->job->from_ms) / r->job->bucket_ms;
    r->fits = from_ms >= r->job->from_ms && to_ms <= r->job->to_ms && (to_ms - r->job->from_ms) / r->job->bucket_ms == bucket;
    if (r->fits && r->series) {
        struct bucket *b = &r->series->buckets[bucket];
        b->min = b->count == 0 || rollup->min < b->min ? rollup->min : b->min;
        b->max = b->count == 0 || rollup->max > b->max ? rollup->max : b->max;
        b->sum += rollup->sum;
        b->count += rollup->count;
    }
    return r->fits;
}

/* Only buckets are left to fill: single values are too many already. */
static bool is_bucketed(const struct series_job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        const struct series *s = &job->series[i];
        if (!s->decided || !s->numeric || s->raw_count <= job->points) {
            return false;
        }
    }
    return job->count > 0;
}

/* Adds a whole run from its roll-ups. ERR_NOT_FOUND: its rows must be read. */
static enum err run_add(struct walk *walk, const struct series_job *job, const struct sample_run *run)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < job->count; i++) {
            struct rollup_job r = {job, run, pass == 0 ? NULL : &job->series[i], true};
            enum err err = sample_store_rollups(walk->tx, walk->next, job->series[i].key, visit_rollup, &r);
            if (err != ERR_OK || !r.fits) {
                return err != ERR_OK ? err : ERR_NOT_FOUND;
            }
        }
    }
    walk->next = run->previous;
    return ERR_OK;
}

/* Passes over the runs that need no row to be read. */
static enum err runs_add(struct walk *walk, const struct series_job *job)
{
    for (;;) {
        struct sample_run run;
        enum run_outside outside;
        enum err err = walk_run(walk, job->from_ms, job->to_ms, &run, &outside);
        if (err != ERR_OK || outside == RUN_NONE || (outside == RUN_WITHIN && !is_bucketed(job))) {
            return err;
        }
        if (outside == RUN_WITHIN) {
            err = run_add(walk, job, &run);
            if (err != ERR_OK) {
                return err == ERR_NOT_FOUND ? ERR_OK : err;
            }
        }
    }
}

static enum err series_collect(struct walk *walk, struct series_job *job)
{
    struct sample_row row;
    enum err err;
    while ((err = runs_add(walk, job)) == ERR_OK && (err = walk_next(walk, &row)) == ERR_OK &&
           row.received_ms + AHEAD_MAX_MS >= job->from_ms) {
        if (row.at_ms < job->from_ms || row.at_ms > job->to_ms) {
            continue;
        }
        for (size_t i = 0; i < job->count; i++) {
            struct flat_entry entry;
            if (flat_find(row.values, job->series[i].key, &entry)) {
                add_entry(job, &job->series[i], row.at_ms, &entry);
            }
        }
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static int point_order(const void *a, const void *b)
{
    int64_t x = ((const struct point *)a)->at_ms;
    int64_t y = ((const struct point *)b)->at_ms;
    return x < y ? -1 : x > y;
}

static void write_raw(struct json_writer *w, struct series *s)
{
    qsort(s->raw, s->raw_count, sizeof *s->raw, point_order);
    for (size_t i = 0; i < s->raw_count; i++) {
        json_begin_array(w);
        json_put_int(w, s->raw[i].at_ms);
        for (unsigned n = 0; n < 3; n++) { /* minimum, average and maximum are the value itself */
            json_put_double(w, s->raw[i].value);
        }
        json_end_array(w);
    }
}

static void write_buckets(struct json_writer *w, const struct series_job *job, const struct series *s)
{
    for (unsigned i = 0; i < job->points; i++) {
        const struct bucket *b = &s->buckets[i];
        if (b->count == 0) {
            continue; /* a gap is an absent point */
        }
        json_begin_array(w);
        json_put_int(w, job->from_ms + i * job->bucket_ms + job->bucket_ms / 2);
        json_put_double(w, b->min);
        json_put_double(w, b->sum / (double)b->count);
        json_put_double(w, b->max);
        json_end_array(w);
    }
}

static void write_changes(struct json_writer *w, struct series *s)
{
    changes_reduce(s);
    for (size_t i = 0; i < s->change_count; i++) {
        json_begin_array(w);
        json_put_int(w, s->changes[i].at_ms);
        if (s->changes[i].type == FLAT_STRING) {
            json_put_str(w, s->changes[i].text);
        } else {
            json_put_bool(w, s->changes[i].type == FLAT_TRUE);
        }
        json_end_array(w);
    }
}

static void write_series(struct json_writer *w, const struct series_job *job)
{
    json_begin_object(w);
    json_name(w, "series");
    json_begin_array(w);
    for (size_t i = 0; i < job->count; i++) {
        struct series *s = &job->series[i];
        json_begin_object(w);
        json_field_str(w, "key", s->key);
        field_text(w, "unit", s->unit);
        json_name(w, "points");
        json_begin_array(w);
        if (s->decided && !s->numeric) {
            write_changes(w, s);
        } else if (s->decided && s->raw_count <= job->points) {
            write_raw(w, s);
        } else if (s->decided) {
            write_buckets(w, job, s);
        }
        json_end_array(w);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

static void series_free(struct series *s)
{
    mem_free(s->changes);
    mem_free(s->raw);
    mem_free(s->buckets);
}

enum err telemetry_write_series(struct domain *domain, struct store_tx *tx, const struct device_brief *device,
                                const struct str *keys, const struct str *units, size_t key_count, int64_t from_ms,
                                int64_t to_ms, unsigned points, struct buf *out)
{
    from_ms = from_ms < 0 ? 0 : from_ms;
    to_ms = to_ms > TIME_MAX_MS ? TIME_MAX_MS : to_ms;
    struct series_job job = {.from_ms = from_ms,
                             .to_ms = to_ms < from_ms ? from_ms : to_ms,
                             .points = points == 0 || points > POINTS_MAX ? POINTS_MAX : points,
                             .count = key_count > KEYS_MAX ? KEYS_MAX : key_count};
    struct walk walk;
    job.bucket_ms = (job.to_ms - job.from_ms) / job.points + 1;
    job.series = mem_calloc(job.count ? job.count : 1, sizeof *job.series);
    for (size_t i = 0; i < job.count; i++) {
        job.series[i].key = keys[i];
        job.series[i].unit = units[i];
    }
    arena_init(&job.texts);
    walk_init(&walk, domain, tx, device);
    enum err err = series_collect(&walk, &job);
    if (err == ERR_OK) {
        struct json_writer w;
        json_writer_init(&w, out);
        write_series(&w, &job);
    }
    for (size_t i = 0; i < job.count; i++) {
        series_free(&job.series[i]);
    }
    arena_deinit(&job.texts);
    mem_free(job.series);
    return err;
}
