#include "store/telemetry/sealed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/telemetry/chunk.h"

#define MAGIC "MUSTERTS"
#define MAGIC_BYTES 8
#define VERSION 1
#define HEAD_BYTES 16
#define ENTRY_BYTES 28
#define FOOT_BYTES 48
#define WRITE_BYTES ((size_t)1 << 18)

/* ---- numbers and sums ---- */

static void put_number(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t take_number(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

static uint32_t crc_table[256];

__attribute__((constructor)) static void crc_table_fill(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (unsigned bit = 0; bit < 8; bit++) {
            value = value >> 1 ^ (value & 1 ? UINT32_C(0x82f63b78) : 0);
        }
        crc_table[i] = value;
    }
}

static uint32_t crc32c(const void *data, size_t len)
{
    const uint8_t *at = data;
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        sum = sum >> 8 ^ crc_table[(sum ^ at[i]) & 0xff];
    }
    return ~sum;
}

/* ---- writing ---- */

struct entry {
    int64_t last_seq;
    uint64_t offset;
    uint32_t len, crc;
};

struct sealed_writer {
    int fd;
    char *path;
    uint64_t offset;
    struct buf pending;
    struct entry *entries;
    size_t count, room;
};

static enum err failed(const struct sealed_writer *w, const char *what)
{
    log_event(LOG_ERROR, "sealed_file_failed", log_s("file", w->path), log_s("step", what), log_s("error", strerror(errno)));
    return ERR_IO;
}

static enum err write_pending(struct sealed_writer *w)
{
    size_t done = 0;
    while (done < w->pending.len) {
        ssize_t n = write(w->fd, w->pending.data + done, w->pending.len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return failed(w, "write");
        }
        done += (size_t)n;
    }
    buf_clear(&w->pending);
    return ERR_OK;
}

static enum err put(struct sealed_writer *w, const void *data, size_t len)
{
    buf_append(&w->pending, data, len);
    w->offset += len;
    return w->pending.len >= WRITE_BYTES ? write_pending(w) : ERR_OK;
}

enum err sealed_writer_open(const char *path, struct sealed_writer **ret_writer)
{
    struct sealed_writer *w = mem_new(struct sealed_writer);
    w->path = mem_dup(path, strlen(path) + 1);
    buf_init(&w->pending, 2 * CHUNK_BYTES_MAX + 2 * WRITE_BYTES);
    w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (w->fd < 0) {
        enum err err = failed(w, "open");
        sealed_writer_free(w);
        return err;
    }
    uint8_t head[HEAD_BYTES] = MAGIC;
    put_number(head + MAGIC_BYTES, VERSION, 4);
    enum err err = put(w, head, sizeof head);
    if (err != ERR_OK) {
        sealed_writer_free(w);
        return err;
    }
    *ret_writer = w;
    return ERR_OK;
}

enum err sealed_writer_add(struct sealed_writer *w, struct str chunk, int64_t last_seq)
{
    if (w->count == w->room) {
        w->room = w->room ? 2 * w->room : 256;
        w->entries = mem_realloc(w->entries, w->room * sizeof *w->entries);
    }
    w->entries[w->count++] = (struct entry){last_seq, w->offset, (uint32_t)chunk.len, crc32c(chunk.ptr, chunk.len)};
    return put(w, chunk.ptr, chunk.len);
}

static int by_last_seq(const void *a, const void *b)
{
    int64_t x = ((const struct entry *)a)->last_seq;
    int64_t y = ((const struct entry *)b)->last_seq;
    return x < y ? -1 : x > y;
}

static enum err put_index(struct sealed_writer *w)
{
    enum err err = ERR_OK;
    if (w->count > 1) {
        qsort(w->entries, w->count, sizeof *w->entries, by_last_seq);
    }
    for (size_t i = 0; err == ERR_OK && i < w->count; i++) {
        uint8_t bytes[ENTRY_BYTES];
        put_number(bytes, (uint64_t)w->entries[i].last_seq, 8);
        put_number(bytes + 8, w->entries[i].offset, 8);
        put_number(bytes + 16, w->entries[i].len, 4);
        put_number(bytes + 20, w->entries[i].crc, 4);
        put_number(bytes + 24, crc32c(bytes, 24), 4);
        err = put(w, bytes, sizeof bytes);
    }
    return err;
}

enum err sealed_writer_finish(struct sealed_writer *w, int32_t day, int64_t first_seq, int64_t last_seq)
{
    uint8_t foot[FOOT_BYTES];
    put_number(foot, w->offset, 8);
    put_number(foot + 8, w->count, 8);
    put_number(foot + 16, (uint64_t)first_seq, 8);
    put_number(foot + 24, (uint64_t)last_seq, 8);
    put_number(foot + 32, (uint32_t)day, 4);
    put_number(foot + 36, crc32c(foot, 36), 4);
    memcpy(foot + 40, MAGIC, MAGIC_BYTES);
    enum err err = put_index(w);
    err = err == ERR_OK ? put(w, foot, sizeof foot) : err;
    err = err == ERR_OK ? write_pending(w) : err;
    if (err == ERR_OK && fsync(w->fd) != 0) {
        err = failed(w, "sync");
    }
    return err;
}

uint64_t sealed_writer_bytes(const struct sealed_writer *w)
{
    return w->offset;
}

void sealed_writer_free(struct sealed_writer *w)
{
    if (!w) {
        return;
    }
    if (w->fd >= 0) {
        close(w->fd);
    }
    buf_deinit(&w->pending);
    mem_free(w->entries);
    mem_free(w->path);
    mem_free(w);
}

/* ---- reading ---- */

struct sealed_file {
    int fd;
    uint64_t index, chunks;
    int64_t first_seq, last_seq;
    int32_t day;
};

static enum err read_at(const struct sealed_file *f, uint64_t offset, void *data, size_t len)
{
    uint8_t *at = data;
    while (len > 0) {
        ssize_t n = pread(f->fd, at, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? ERR_IO : ERR_INVALID;
        }
        at += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

static enum err read_foot(struct sealed_file *f)
{
    struct stat info;
    uint8_t head[HEAD_BYTES];
    uint8_t foot[FOOT_BYTES];
    if (fstat(f->fd, &info) != 0) {
        return ERR_IO;
    }
    if (info.st_size < HEAD_BYTES + FOOT_BYTES) {
        return ERR_INVALID;
    }
    uint64_t foot_at = (uint64_t)info.st_size - FOOT_BYTES;
    enum err err = read_at(f, 0, head, sizeof head);
    err = err == ERR_OK ? read_at(f, foot_at, foot, sizeof foot) : err;
    if (err != ERR_OK) {
        return err;
    }
    f->index = take_number(foot, 8);
    f->chunks = take_number(foot + 8, 8);
    f->first_seq = (int64_t)take_number(foot + 16, 8);
    f->last_seq = (int64_t)take_number(foot + 24, 8);
    f->day = (int32_t)(uint32_t)take_number(foot + 32, 4);
    bool whole = memcmp(head, MAGIC, MAGIC_BYTES) == 0 && take_number(head + MAGIC_BYTES, 4) == VERSION &&
                 memcmp(foot + 40, MAGIC, MAGIC_BYTES) == 0 && take_number(foot + 36, 4) == crc32c(foot, 36) &&
                 f->index >= HEAD_BYTES && f->index <= foot_at && f->chunks == (foot_at - f->index) / ENTRY_BYTES &&
                 (foot_at - f->index) % ENTRY_BYTES == 0;
    return whole ? ERR_OK : ERR_INVALID;
}

enum err sealed_file_open(const char *path, struct sealed_file **ret_file)
{
    struct sealed_file *f = mem_new(struct sealed_file);
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    enum err err = f->fd >= 0 ? read_foot(f) : errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    if (err != ERR_OK) {
        if (err != ERR_NOT_FOUND) {
            log_event(LOG_ERROR, "sealed_file_unreadable", log_s("file", path), log_s("error", err_name(err)));
        }
        sealed_file_close(f);
        return err;
    }
    *ret_file = f;
    return ERR_OK;
}

void sealed_file_close(struct sealed_file *f)
{
    if (f) {
        if (f->fd >= 0) {
            close(f->fd);
        }
        mem_free(f);
    }
}

int32_t sealed_file_day(const struct sealed_file *f)
{
    return f->day;
}

int64_t sealed_file_first_seq(const struct sealed_file *f)
{
    return f->first_seq;
}

int64_t sealed_file_last_seq(const struct sealed_file *f)
{
    return f->last_seq;
}

uint64_t sealed_file_chunks(const struct sealed_file *f)
{
    return f->chunks;
}

static enum err read_entry(const struct sealed_file *f, uint64_t number, struct entry *ret_entry)
{
    uint8_t bytes[ENTRY_BYTES];
    enum err err = read_at(f, f->index + number * ENTRY_BYTES, bytes, sizeof bytes);
    if (err != ERR_OK) {
        return err;
    }
    if (take_number(bytes + 24, 4) != crc32c(bytes, 24)) {
        return ERR_INVALID;
    }
    *ret_entry = (struct entry){(int64_t)take_number(bytes, 8), take_number(bytes + 8, 8),
                                (uint32_t)take_number(bytes + 16, 4), (uint32_t)take_number(bytes + 20, 4)};
    return ERR_OK;
}

enum err sealed_file_find(struct sealed_file *f, int64_t seq, uint64_t *ret_number)
{
    uint64_t low = 0;
    uint64_t high = f->chunks;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct entry entry;
        enum err err = read_entry(f, middle, &entry);
        if (err != ERR_OK) {
            return err;
        }
        if (entry.last_seq < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_number = low;
    return ERR_OK;
}

enum err sealed_file_chunk(struct sealed_file *f, uint64_t number, struct buf *out)
{
    struct entry entry;
    enum err err = read_entry(f, number, &entry);
    if (err != ERR_OK) {
        return err;
    }
    if (entry.offset > f->index || entry.len > f->index - entry.offset) {
        return ERR_INVALID;
    }
    buf_clear(out);
    if (!buf_reserve(out, entry.len)) {
        return ERR_INVALID;
    }
    err = read_at(f, entry.offset, out->data, entry.len);
    if (err != ERR_OK) {
        return err;
    }
    out->len = entry.len;
    return crc32c(out->data, out->len) == entry.crc ? ERR_OK : ERR_INVALID;
}
