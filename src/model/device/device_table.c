/* Memory per device: a record of 136 bytes, 11 to 21 bytes of an open-addressed index by id, 4 bytes of a dense index
 * by number. What devices of one model have in common (model, partner, protocol, API version, threshold) is kept once:
 * a record names its row in the table of kinds.
 *
 * Shards are by row number; the index by id has shards of its own and holds row numbers with a few bits of the hash, so
 * that a lookup by id is a probe there and a comparison in the record's shard. Never are two of these locks held; the
 * lock of the kinds may be taken inside a shard's. */
#include "model/device/device_table.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>

#include "base/hashmap.h"
#include "base/mem.h"
#include "base/metrics.h"

#define SHARDS 64u
#define SLAB_RECORDS 64u
#define CHUNK_SLOTS 512u     /* of the index by number */
#define KINDS_MAX (1u << 20)
#define NO_BITS 40           /* of an id index entry; the rest is a part of the hash */
#define NO_MASK ((UINT64_C(1) << NO_BITS) - 1)
#define ENTRY_FREE UINT64_C(0)
#define ENTRY_GONE (UINT64_C(1) << NO_BITS) /* number 0: a removed one, probing goes on */
#define CANDIDATES_MAX 4
#define LOOKS_MAX 4096u      /* records in one step of a cursor */
#define SEQ_BITS 40
#define SEQ_MASK ((UINT64_C(1) << SEQ_BITS) - 1)
#define DAY_MASK ((UINT64_C(1) << (64 - SEQ_BITS)) - 1)

struct kind {
    struct uuid model_id;
    int64_t model_no, partner_no;
    uint32_t offline_threshold_minutes;
    uint8_t api_version, protocol, device_type;
    uint32_t records; /* of this kind; under kinds_lock. 0: the row is free */
};

struct record {
    struct uuid id;
    uint8_t key_hash[SHA256_BYTES];
    int64_t no;
    int64_t last_seen_ms;
    int64_t connected_since_ms;
    int64_t presence_since_ms;
    int64_t command_hold_until_ms;
    uint64_t sample_seq : SEQ_BITS;
    uint64_t sample_day : 64 - SEQ_BITS;
    uint32_t parent_no;
    uint32_t organization_no, space_no;
    uint32_t kind;
    uint32_t epoch;
    int32_t config_version, applied_version, info_version, space_version;
    uint8_t status : 3, reported_status : 3, swept : 1, connected : 1;
    uint8_t command_waiting : 1, license_waiting : 1, suspended : 1, contact_dirty : 1;
    uint8_t watched : 1, recovering : 1, hears_itself : 1, worst_priority : 3, firmware_waiting : 1;
};

struct shard {
    pthread_mutex_t lock;
    struct record **slabs;
    unsigned slab_count;
    uint32_t *free_slots;   /* stack */
    unsigned free_count, free_room;
    uint32_t next_slot;
    uint32_t **chunks;      /* number / SHARDS -> slot + 1; chunks without devices are NULL */
    uint16_t *chunk_used;
    size_t chunk_count;
    int64_t *touched;       /* devices with a contact that is not in the registry yet */
    size_t touched_count, touched_room;
};

struct id_shard {
    pthread_mutex_t lock;
    uint64_t *entries;
    size_t size, used; /* used counts removed ones, too */
    size_t live;
};

struct device_table {
    struct shard shards[SHARDS];
    struct id_shard ids[SHARDS];
    pthread_mutex_t kinds_lock;            /* of changing; what a record names is read under its shard's lock only */
    struct kind *_Atomic kinds_chunks[KINDS_MAX / 1024];
    unsigned kind_count;
    _Atomic size_t count;
};

struct device_table *device_table_new(void)
{
    struct device_table *table = mem_new(struct device_table);
    for (unsigned i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&table->shards[i].lock, NULL);
        pthread_mutex_init(&table->ids[i].lock, NULL);
    }
    pthread_mutex_init(&table->kinds_lock, NULL);
    return table;
}

void device_table_free(struct device_table *table)
{
    if (!table) {
        return;
    }
    for (unsigned i = 0; i < SHARDS; i++) {
        struct shard *shard = &table->shards[i];
        for (unsigned s = 0; s < shard->slab_count; s++) {
            mem_free(shard->slabs[s]);
        }
        for (size_t c = 0; c < shard->chunk_count; c++) {
            mem_free(shard->chunks[c]);
        }
        mem_free(shard->slabs);
        mem_free(shard->free_slots);
        mem_free(shard->chunks);
        mem_free(shard->chunk_used);
        mem_free(shard->touched);
        mem_free(table->ids[i].entries);
        pthread_mutex_destroy(&shard->lock);
        pthread_mutex_destroy(&table->ids[i].lock);
    }
    for (unsigned i = 0; i < KINDS_MAX / 1024; i++) {
        mem_free(table->kinds_chunks[i]);
    }
    pthread_mutex_destroy(&table->kinds_lock);
    metric_add(METRIC_DEVICES, -(int64_t)table->count);
    mem_free(table);
}

/* ---- kinds: unchanged while a record names them, so that reading needs no lock of theirs ---- */

static struct kind *kind_at(const struct device_table *table, unsigned index)
{
    struct kind *chunk = atomic_load_explicit(&table->kinds_chunks[index / 1024], memory_order_acquire);
    return &chunk[index % 1024];
}

static bool kind_eq(const struct kind *a, const struct kind *b)
{
    return a->model_no == b->model_no && a->partner_no == b->partner_no && a->api_version == b->api_version &&
           a->protocol == b->protocol && a->device_type == b->device_type &&
           a->offline_threshold_minutes == b->offline_threshold_minutes && uuid_eq(&a->model_id, &b->model_id);
}

static struct kind kind_of(const struct device_brief *device)
{
    return (struct kind){.model_id = device->model_id,
                         .model_no = device->model_no,
                         .partner_no = device->partner_no,
                         .offline_threshold_minutes = device->offline_threshold_minutes,
                         .api_version = device->api_version,
                         .protocol = (uint8_t)device->protocol,
                         .device_type = (uint8_t)device->device_type};
}

static struct kind *kind_add_row(struct device_table *table)
{
    assert(table->kind_count < KINDS_MAX);
    unsigned index = table->kind_count++;
    if (!table->kinds_chunks[index / 1024]) {
        struct kind *chunk = mem_calloc(1024, sizeof *chunk);
        atomic_store_explicit(&table->kinds_chunks[index / 1024], chunk, memory_order_release);
    }
    return kind_at(table, index);
}

/* The row of the device's kind, for one more record. */
static unsigned kind_take(struct device_table *table, const struct device_brief *device)
{
    struct kind wanted = kind_of(device);
    unsigned unused = UINT_MAX;
    pthread_mutex_lock(&table->kinds_lock);
    unsigned index = table->kind_count; /* from the newest: that is the one in use */
    while (index > 0) {
        const struct kind *kind = kind_at(table, index - 1);
        if (kind->records > 0 && kind_eq(kind, &wanted)) {
            break;
        }
        unused = kind->records == 0 ? index - 1 : unused;
        index--;
    }
    if (index > 0) {
        index--;
    } else {
        index = unused != UINT_MAX ? unused : table->kind_count;
        *(unused != UINT_MAX ? kind_at(table, unused) : kind_add_row(table)) = wanted;
    }
    kind_at(table, index)->records++;
    pthread_mutex_unlock(&table->kinds_lock);
    return index;
}

static void kind_drop(struct device_table *table, unsigned index)
{
    pthread_mutex_lock(&table->kinds_lock);
    kind_at(table, index)->records--;
    pthread_mutex_unlock(&table->kinds_lock);
}

/* ---- records ---- */

_Static_assert(sizeof(struct record) <= 136, "the hot record stays small");

static void record_read(const struct device_table *table, const struct record *r, struct device_brief *ret_device)
{
    const struct kind *kind = kind_at(table, r->kind);
    *ret_device = (struct device_brief){
        .no = r->no,
        .id = r->id,
        .model_id = kind->model_id,
        .model_no = kind->model_no,
        .partner_no = kind->partner_no,
        .organization_no = r->organization_no,
        .space_no = r->space_no,
        .parent_no = r->parent_no,
        .epoch = r->epoch,
        .api_version = kind->api_version,
        .protocol = (enum protocol)kind->protocol,
        .device_type = (enum device_type)kind->device_type,
        .offline_threshold_minutes = kind->offline_threshold_minutes,
        .suspended = r->suspended,
        .config_version = r->config_version,
        .applied_version = r->applied_version,
        .info_version = r->info_version,
        .space_version = r->space_version,
        .command_waiting = r->command_waiting,
        .license_waiting = r->license_waiting,
        .worst_priority = r->worst_priority,
        .firmware_waiting = r->firmware_waiting,
        .command_hold_until_ms = r->command_hold_until_ms,
        .status = (enum device_status)r->status,
        .reported_status = (enum device_status)r->reported_status,
        .swept = r->swept,
        .connected = r->connected,
        .hears_itself = r->hears_itself,
        .last_seen_ms = r->last_seen_ms,
        .connected_since_ms = r->connected_since_ms,
        .presence_since_ms = r->presence_since_ms,
        .sample_day = (int32_t)r->sample_day,
        .sample_seq = (int64_t)r->sample_seq,
    };
    memcpy(ret_device->key_hash, r->key_hash, sizeof r->key_hash);
}

static void record_write(struct record *r, const struct device_brief *device, unsigned kind)
{
    assert(device->organization_no <= UINT32_MAX && device->space_no <= UINT32_MAX && device->parent_no <= UINT32_MAX);
    assert((uint64_t)device->sample_seq <= SEQ_MASK && device->sample_day >= 0);
    r->no = device->no;
    r->id = device->id;
    memcpy(r->key_hash, device->key_hash, sizeof r->key_hash);
    r->kind = kind;
    r->organization_no = (uint32_t)device->organization_no;
    r->space_no = (uint32_t)device->space_no;
    r->parent_no = (uint32_t)device->parent_no;
    r->epoch = device->epoch;
    r->suspended = device->suspended;
    r->config_version = device->config_version;
    r->applied_version = device->applied_version;
    r->info_version = device->info_version;
    r->space_version = device->space_version;
    r->command_waiting = device->command_waiting;
    r->license_waiting = device->license_waiting;
    r->worst_priority = device->worst_priority & 7u;
    r->firmware_waiting = device->firmware_waiting;
    r->command_hold_until_ms = device->command_hold_until_ms;
    r->status = (uint8_t)device->status & 7u;
    r->reported_status = (uint8_t)device->reported_status & 7u;
    r->swept = device->swept;
    r->connected = device->connected;
    r->hears_itself = device->hears_itself;
    r->last_seen_ms = device->last_seen_ms;
    r->connected_since_ms = device->connected_since_ms;
    r->presence_since_ms = device->presence_since_ms;
    r->sample_day = (uint64_t)device->sample_day & DAY_MASK;
    r->sample_seq = (uint64_t)device->sample_seq & SEQ_MASK;
}

static struct shard *shard_of(struct device_table *table, int64_t no)
{
    return &table->shards[(uint64_t)no % SHARDS];
}

static uint32_t *slot_at(struct shard *shard, int64_t no)
{
    size_t place = (uint64_t)no / SHARDS;
    size_t chunk = place / CHUNK_SLOTS;
    return chunk < shard->chunk_count && shard->chunks[chunk] ? &shard->chunks[chunk][place % CHUNK_SLOTS] : NULL;
}

static struct record *record_at(struct shard *shard, int64_t no)
{
    const uint32_t *slot = slot_at(shard, no);
    return slot && *slot ? &shard->slabs[(*slot - 1) / SLAB_RECORDS][(*slot - 1) % SLAB_RECORDS] : NULL;
}

static void chunk_make(struct shard *shard, size_t chunk)
{
    if (chunk >= shard->chunk_count) {
        size_t count = chunk + 1;
        shard->chunks = mem_realloc(shard->chunks, count * sizeof(uint32_t *));
        shard->chunk_used = mem_realloc(shard->chunk_used, count * sizeof *shard->chunk_used);
        for (size_t i = shard->chunk_count; i < count; i++) {
            shard->chunks[i] = NULL;
            shard->chunk_used[i] = 0;
        }
        shard->chunk_count = count;
    }
    if (!shard->chunks[chunk]) {
        shard->chunks[chunk] = mem_calloc(CHUNK_SLOTS, sizeof(uint32_t));
    }
}

static struct record *record_new(struct shard *shard, int64_t no)
{
    size_t place = (uint64_t)no / SHARDS;
    chunk_make(shard, place / CHUNK_SLOTS);
    uint32_t slot = 0;
    if (shard->free_count > 0) {
        slot = shard->free_slots[--shard->free_count];
    } else {
        slot = shard->next_slot++;
        if (slot / SLAB_RECORDS == shard->slab_count) {
            shard->slabs = mem_realloc(shard->slabs, (shard->slab_count + 1) * sizeof(struct record *));
            shard->slabs[shard->slab_count++] = mem_calloc(SLAB_RECORDS, sizeof(struct record));
        }
    }
    shard->chunks[place / CHUNK_SLOTS][place % CHUNK_SLOTS] = slot + 1;
    shard->chunk_used[place / CHUNK_SLOTS]++;
    struct record *r = &shard->slabs[slot / SLAB_RECORDS][slot % SLAB_RECORDS];
    *r = (struct record){0};
    return r;
}

static void record_free(struct shard *shard, int64_t no)
{
    uint32_t *at = slot_at(shard, no);
    uint32_t slot = *at - 1;
    *at = 0;
    shard->slabs[slot / SLAB_RECORDS][slot % SLAB_RECORDS] = (struct record){0};
    size_t chunk = (uint64_t)no / SHARDS / CHUNK_SLOTS;
    if (--shard->chunk_used[chunk] == 0) {
        mem_free(shard->chunks[chunk]);
        shard->chunks[chunk] = NULL;
    }
    if (shard->free_count == shard->free_room) {
        shard->free_room = shard->free_room ? shard->free_room * 2 : 64;
        shard->free_slots = mem_realloc(shard->free_slots, shard->free_room * sizeof *shard->free_slots);
    }
    shard->free_slots[shard->free_count++] = slot;
}

/* ---- the index by id ---- */

static uint64_t id_hash(const struct uuid *id)
{
    return hash_bytes(id->bytes, sizeof id->bytes);
}

static struct id_shard *id_shard_of(struct device_table *table, uint64_t hash)
{
    return &table->ids[hash % SHARDS];
}

static uint64_t id_entry(uint64_t hash, int64_t no)
{
    return (hash & ~NO_MASK) | (uint64_t)no;
}

static size_t id_place(const struct id_shard *ids, uint64_t entry)
{
    return (size_t)(entry >> NO_BITS) & (ids->size - 1);
}

static void id_insert(struct id_shard *ids, uint64_t entry)
{
    size_t at = id_place(ids, entry);
    while ((ids->entries[at] & NO_MASK) != 0) {
        at = (at + 1) & (ids->size - 1);
    }
    ids->used += ids->entries[at] == ENTRY_FREE;
    ids->live++;
    ids->entries[at] = entry;
}

static void id_rebuild(struct id_shard *ids)
{
    struct id_shard old = *ids;
    ids->size = 16;
    while (ids->size * 2 < old.live * 4) { /* half full afterwards at most */
        ids->size *= 2;
    }
    ids->entries = mem_calloc(ids->size, sizeof *ids->entries);
    ids->used = ids->live = 0;
    for (size_t i = 0; i < old.size; i++) {
        if ((old.entries[i] & NO_MASK) != 0) {
            id_insert(ids, old.entries[i]);
        }
    }
    mem_free(old.entries);
}

static void id_put(struct device_table *table, const struct uuid *id, int64_t no)
{
    uint64_t hash = id_hash(id);
    struct id_shard *ids = id_shard_of(table, hash);
    pthread_mutex_lock(&ids->lock);
    if (ids->used * 4 >= ids->size * 3) {
        id_rebuild(ids);
    }
    id_insert(ids, id_entry(hash, no));
    pthread_mutex_unlock(&ids->lock);
}

static void id_remove(struct device_table *table, const struct uuid *id, int64_t no)
{
    uint64_t hash = id_hash(id);
    struct id_shard *ids = id_shard_of(table, hash);
    uint64_t entry = id_entry(hash, no);
    pthread_mutex_lock(&ids->lock);
    for (size_t at = ids->size ? id_place(ids, entry) : 0; ids->size && ids->entries[at] != ENTRY_FREE;
         at = (at + 1) & (ids->size - 1)) {
        if (ids->entries[at] == entry) {
            ids->entries[at] = ENTRY_GONE;
            ids->live--;
            break;
        }
    }
    pthread_mutex_unlock(&ids->lock);
}

/* Numbers whose part of the hash agrees; nearly always one or none. */
static unsigned id_candidates(struct device_table *table, const struct uuid *id, int64_t ret_nos[CANDIDATES_MAX])
{
    uint64_t hash = id_hash(id);
    struct id_shard *ids = id_shard_of(table, hash);
    uint64_t wanted = id_entry(hash, 0);
    unsigned count = 0;
    pthread_mutex_lock(&ids->lock);
    for (size_t at = ids->size ? id_place(ids, wanted) : 0;
         ids->size && ids->entries[at] != ENTRY_FREE && count < CANDIDATES_MAX; at = (at + 1) & (ids->size - 1)) {
        if ((ids->entries[at] & ~NO_MASK) == wanted && (ids->entries[at] & NO_MASK) != 0) {
            ret_nos[count++] = (int64_t)(ids->entries[at] & NO_MASK);
        }
    }
    pthread_mutex_unlock(&ids->lock);
    return count;
}

/* ---- lookups and changes ---- */

bool device_table_find_no(struct device_table *table, int64_t no, struct device_brief *ret_device)
{
    if (no <= 0) {
        return false;
    }
    struct shard *shard = shard_of(table, no);
    pthread_mutex_lock(&shard->lock);
    const struct record *r = record_at(shard, no);
    if (r) {
        record_read(table, r, ret_device);
    }
    pthread_mutex_unlock(&shard->lock);
    return r != NULL;
}

bool device_table_find(struct device_table *table, const struct uuid *id, struct device_brief *ret_device)
{
    int64_t nos[CANDIDATES_MAX];
    unsigned count = id_candidates(table, id, nos);
    for (unsigned i = 0; i < count; i++) {
        struct device_brief device;
        if (device_table_find_no(table, nos[i], &device) && uuid_eq(&device.id, id)) {
            *ret_device = device;
            return true;
        }
    }
    return false;
}

size_t device_table_count(struct device_table *table)
{
    return table->count;
}

void device_table_put(struct device_table *table, const struct device_brief *device)
{
    assert(device->no > 0 && (uint64_t)device->no <= NO_MASK);
    struct shard *shard = shard_of(table, device->no);
    unsigned kind = kind_take(table, device);
    pthread_mutex_lock(&shard->lock);
    struct record *r = record_at(shard, device->no);
    bool is_new = r == NULL;
    unsigned former_kind = is_new ? 0 : r->kind;
    if (is_new) {
        r = record_new(shard, device->no);
    }
    assert(is_new || uuid_eq(&r->id, &device->id));
    record_write(r, device, kind);
    pthread_mutex_unlock(&shard->lock);
    if (!is_new) {
        kind_drop(table, former_kind);
    } else {
        id_put(table, &device->id, device->no);
        atomic_fetch_add(&table->count, 1);
        metric_add(METRIC_DEVICES, 1);
    }
}

void device_table_remove(struct device_table *table, int64_t no)
{
    struct device_brief device;
    if (!device_table_find_no(table, no, &device)) {
        return;
    }
    id_remove(table, &device.id, no);
    struct shard *shard = shard_of(table, no);
    pthread_mutex_lock(&shard->lock);
    unsigned kind = record_at(shard, no)->kind;
    record_free(shard, no);
    pthread_mutex_unlock(&shard->lock);
    kind_drop(table, kind);
    atomic_fetch_sub(&table->count, 1);
    metric_add(METRIC_DEVICES, -1);
}

static void mark_touched(struct shard *shard, struct record *r)
{
    if (r->contact_dirty) {
        return;
    }
    r->contact_dirty = true;
    if (shard->touched_count == shard->touched_room) {
        shard->touched_room = shard->touched_room ? shard->touched_room * 2 : 64;
        shard->touched = mem_realloc(shard->touched, shard->touched_room * sizeof *shard->touched);
    }
    shard->touched[shard->touched_count++] = r->no;
}

/* The record's shard is locked. */
static void record_change(struct device_table *table, struct record *r, const struct device_brief *before,
                          const struct device_brief *after)
{
    assert(after->no == before->no && uuid_eq(&after->id, &before->id));
    struct kind old_kind = kind_of(before);
    struct kind new_kind = kind_of(after);
    if (kind_eq(&old_kind, &new_kind)) {
        record_write(r, after, r->kind);
        return;
    }
    unsigned former_kind = r->kind;
    record_write(r, after, kind_take(table, after));
    kind_drop(table, former_kind);
}

bool device_table_change(struct device_table *table, int64_t no, void (*change)(struct device_brief *device, void *arg),
                         void *arg)
{
    if (no <= 0) {
        return false;
    }
    struct shard *shard = shard_of(table, no);
    pthread_mutex_lock(&shard->lock);
    struct record *r = record_at(shard, no);
    if (r) {
        struct device_brief before;
        record_read(table, r, &before);
        struct device_brief after = before;
        change(&after, arg);
        record_change(table, r, &before, &after);
    }
    pthread_mutex_unlock(&shard->lock);
    return r != NULL;
}

bool device_table_touch(struct device_table *table, int64_t no, int64_t now_unix_ms)
{
    if (no <= 0) {
        return false;
    }
    struct shard *shard = shard_of(table, no);
    pthread_mutex_lock(&shard->lock);
    struct record *r = record_at(shard, no);
    if (r && r->last_seen_ms < now_unix_ms) {
        r->last_seen_ms = now_unix_ms;
        mark_touched(shard, r);
    }
    pthread_mutex_unlock(&shard->lock);
    return r != NULL;
}

bool device_table_contact(struct device_table *table, int64_t no, int64_t now_unix_ms, struct contact_effect *ret_effect)
{
    *ret_effect = (struct contact_effect){false, false};
    if (no <= 0) {
        return false;
    }
    struct shard *shard = shard_of(table, no);
    pthread_mutex_lock(&shard->lock);
    struct record *r = record_at(shard, no);
    if (r) {
        if (r->last_seen_ms < now_unix_ms) {
            r->last_seen_ms = now_unix_ms;
            mark_touched(shard, r);
        }
        ret_effect->watch = !r->watched && !r->connected && kind_at(table, r->kind)->offline_threshold_minutes > 0;
        ret_effect->recover = r->swept && !r->recovering;
        r->watched |= ret_effect->watch;
        r->recovering |= ret_effect->recover;
    }
    pthread_mutex_unlock(&shard->lock);
    return r != NULL;
}

void device_table_unmark(struct device_table *table, int64_t no, enum contact_mark mark)
{
    struct shard *shard = shard_of(table, no);
    pthread_mutex_lock(&shard->lock);
    struct record *r = record_at(shard, no);
    if (r && mark == CONTACT_WATCHED) {
        r->watched = false;
    } else if (r) {
        r->recovering = false;
    }
    pthread_mutex_unlock(&shard->lock);
}

/* ---- walks ---- */

static size_t shard_copy(struct device_table *table, struct shard *shard, struct device_brief **copies, size_t *room)
{
    size_t count = 0;
    pthread_mutex_lock(&shard->lock);
    size_t slots = shard->next_slot;
    if (slots > *room) {
        *copies = mem_realloc(*copies, slots * sizeof **copies);
        *room = slots;
    }
    for (size_t slot = 0; slot < slots; slot++) {
        const struct record *r = &shard->slabs[slot / SLAB_RECORDS][slot % SLAB_RECORDS];
        if (r->no != 0) {
            record_read(table, r, &(*copies)[count++]);
        }
    }
    pthread_mutex_unlock(&shard->lock);
    return count;
}

static bool is_of(const struct device_table *table, const struct record *r, const struct device_owner *owner)
{
    return r->no != 0 && (owner->organization_no == 0 || r->organization_no == owner->organization_no) &&
           (owner->partner_no == 0 || kind_at(table, r->kind)->partner_no == owner->partner_no);
}

/* Within the cursor's shard. */
static bool shard_next(struct device_table *table, struct device_cursor *cursor, const struct device_owner *owner,
                       unsigned *looks, struct device_brief *ret_device)
{
    struct shard *shard = &table->shards[cursor->shard];
    bool found = false;
    pthread_mutex_lock(&shard->lock);
    while (!found && *looks > 0 && cursor->slot < shard->next_slot) {
        const struct record *r = &shard->slabs[cursor->slot / SLAB_RECORDS][cursor->slot % SLAB_RECORDS];
        found = is_of(table, r, owner);
        if (found) {
            record_read(table, r, ret_device);
        }
        cursor->slot++;
        --*looks;
    }
    if (!found && cursor->slot >= shard->next_slot) {
        cursor->shard++;
        cursor->slot = 0;
    }
    pthread_mutex_unlock(&shard->lock);
    return found;
}

enum device_next device_table_next(struct device_table *table, struct device_cursor *cursor,
                                   const struct device_owner *owner, struct device_brief *ret_device)
{
    unsigned looks = LOOKS_MAX;
    while (cursor->shard < SHARDS) {
        if (shard_next(table, cursor, owner, &looks, ret_device)) {
            return DEVICE_NEXT_FOUND;
        }
        if (looks == 0) {
            return DEVICE_NEXT_LATER;
        }
    }
    return DEVICE_NEXT_END;
}

void device_table_each(struct device_table *table, bool (*visit)(const struct device_brief *device, void *arg), void *arg)
{
    struct device_brief *copies = NULL;
    size_t room = 0;
    bool more = true;
    for (unsigned i = 0; more && i < SHARDS; i++) {
        size_t count = shard_copy(table, &table->shards[i], &copies, &room);
        for (size_t c = 0; more && c < count; c++) {
            more = visit(&copies[c], arg);
        }
    }
    mem_free(copies);
}

void device_table_change_each(struct device_table *table, bool (*change)(struct device_brief *device, void *arg), void *arg)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        struct shard *shard = &table->shards[i];
        pthread_mutex_lock(&shard->lock);
        for (size_t slot = 0; slot < shard->next_slot; slot++) {
            struct record *r = &shard->slabs[slot / SLAB_RECORDS][slot % SLAB_RECORDS];
            if (r->no == 0) {
                continue;
            }
            struct device_brief before;
            record_read(table, r, &before);
            struct device_brief after = before;
            if (change(&after, arg)) {
                record_change(table, r, &before, &after);
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
}

size_t device_table_take_touched(struct device_table *table, struct device_contact *ret_contacts, size_t max)
{
    size_t count = 0;
    for (unsigned i = 0; i < SHARDS && count < max; i++) {
        struct shard *shard = &table->shards[i];
        pthread_mutex_lock(&shard->lock);
        while (shard->touched_count > 0 && count < max) {
            int64_t no = shard->touched[--shard->touched_count];
            struct record *r = record_at(shard, no);
            if (r) {
                r->contact_dirty = false;
                ret_contacts[count++] = (struct device_contact){no, r->last_seen_ms, r->epoch};
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
    return count;
}
