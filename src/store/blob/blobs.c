/* A content is written below incoming/, synced, and gets its own name by a second link; the first is removed when the row
 * is committed. So every content without a row, and none but those, has a name below incoming/ after a crash (unless its
 * row had just been committed): a start looks at a handful of names, not at every content. */
#include "store/blob/blobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define PATH_BYTES 4096
#define WRITERS_MAX 256
#define SYNC_BYTES ((uint64_t)16 * 1024 * 1024) /* dirty pages of one content; the last sync is a short one then */
#define SPACE_BYTES ((uint64_t)256 * 1024) /* the free space is looked at this often: all writers together stay within the reserve */
#define COPY_BYTES ((size_t)128 * 1024)

struct blobs {
    int folder, incoming; /* descriptors */
    _Atomic unsigned writers;
};

struct blob_writer {
    struct blobs *blobs;
    struct uuid id;
    char name[UUID_TEXT_BYTES];
    int fd;
    uint64_t size, synced, checked;
    uint64_t reserve_bytes;
    struct sha256_stream *hash;
    uint8_t sha256[SHA256_BYTES];
    bool is_named; /* has its own name, too */
};

struct blob_reader {
    int fd;
};

static enum err fault(const char *what)
{
    log_event(LOG_ERROR, "file_content_failed", log_s("step", what), log_s("error", strerror(errno)));
    return ERR_STORAGE;
}

/* ---- folders ---- */

static enum err open_folder(int parent, const char *name, int *ret_fd)
{
    if (mkdirat(parent, name, 0700) == 0) {
        if (parent != AT_FDCWD && fsync(parent) != 0) {
            return fault("sync_folder");
        }
    } else if (errno != EEXIST) {
        return fault("make_folder");
    }
    *ret_fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_fd >= 0 ? ERR_OK : fault("open_folder");
}

enum err blobs_open(const char *data_dir, struct blobs **ret_blobs)
{
    struct blobs *blobs = mem_new(struct blobs);
    blobs->folder = blobs->incoming = -1;
    int data = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err err = data >= 0 ? open_folder(data, "files", &blobs->folder) : fault("open_folder");
    if (err == ERR_OK) {
        err = open_folder(blobs->folder, "incoming", &blobs->incoming);
    }
    if (data >= 0) {
        close(data);
    }
    if (err != ERR_OK) {
        blobs_close(blobs);
        return err;
    }
    *ret_blobs = blobs;
    return ERR_OK;
}

void blobs_close(struct blobs *blobs)
{
    if (!blobs) {
        return;
    }
    if (blobs->incoming >= 0) {
        close(blobs->incoming);
    }
    if (blobs->folder >= 0) {
        close(blobs->folder);
    }
    mem_free(blobs);
}

/* ---- writing ---- */

static enum err check_space(struct blob_writer *writer)
{
    struct statvfs space;
    writer->checked = writer->size;
    if (fstatvfs(writer->blobs->incoming, &space) != 0) {
        return fault("free_space");
    }
    uint64_t free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
    if (free_bytes < writer->reserve_bytes) {
        errno = ENOSPC;
        return fault("free_space");
    }
    return ERR_OK;
}

enum err blob_create(struct blobs *blobs, uint64_t reserve_bytes, struct blob_writer **ret_writer)
{
    if (atomic_fetch_add(&blobs->writers, 1) >= WRITERS_MAX) {
        atomic_fetch_sub(&blobs->writers, 1);
        return ERR_BUSY;
    }
    struct blob_writer *writer = mem_new(struct blob_writer);
    writer->blobs = blobs;
    writer->id = uuid_random();
    writer->reserve_bytes = reserve_bytes;
    writer->hash = sha256_stream_new();
    uuid_format(&writer->id, writer->name);
    writer->fd = openat(blobs->incoming, writer->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    enum err err = writer->fd >= 0 ? check_space(writer) : fault("create");
    if (err != ERR_OK) {
        blob_abandon(writer);
        return err;
    }
    *ret_writer = writer;
    return ERR_OK;
}

static enum err write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, data, len);
        if (written < 0 && errno != EINTR) {
            return fault("write");
        }
        if (written > 0) {
            data += written;
            len -= (size_t)written;
        }
    }
    return ERR_OK;
}

enum err blob_write(struct blob_writer *writer, const void *data, size_t len)
{
    enum err err = write_all(writer->fd, data, len);
    if (err != ERR_OK) {
        return err;
    }
    sha256_stream_add(writer->hash, data, len);
    writer->size += len;
    if (writer->size - writer->synced >= SYNC_BYTES) {
        writer->synced = writer->size;
        if (fdatasync(writer->fd) != 0) {
            return fault("sync");
        }
    }
    return writer->size - writer->checked >= SPACE_BYTES ? check_space(writer) : ERR_OK;
}

enum err blob_finish(struct blob_writer *writer)
{
    struct blobs *blobs = writer->blobs;
    if (fsync(writer->fd) != 0) {
        return fault("sync");
    }
    if (linkat(blobs->incoming, writer->name, blobs->folder, writer->name, 0) != 0) {
        return fault("name");
    }
    writer->is_named = true;
    if (fsync(blobs->folder) != 0) {
        return fault("sync_folder");
    }
    sha256_stream_end(writer->hash, writer->sha256);
    return ERR_OK;
}

struct uuid blob_id(const struct blob_writer *writer)
{
    return writer->id;
}

uint64_t blob_size(const struct blob_writer *writer)
{
    return writer->size;
}

void blob_sha256(const struct blob_writer *writer, uint8_t ret_hash[SHA256_BYTES])
{
    memcpy(ret_hash, writer->sha256, SHA256_BYTES);
}

static void free_writer(struct blob_writer *writer)
{
    if (writer->fd >= 0) {
        close(writer->fd);
        unlinkat(writer->blobs->incoming, writer->name, 0);
    }
    atomic_fetch_sub(&writer->blobs->writers, 1);
    sha256_stream_free(writer->hash);
    mem_free(writer);
}

void blob_keep(struct blob_writer *writer)
{
    free_writer(writer);
}

void blob_abandon(struct blob_writer *writer)
{
    if (!writer) {
        return;
    }
    if (writer->is_named) { /* before the temporary name: it is what the next start would look for */
        unlinkat(writer->blobs->folder, writer->name, 0);
    }
    free_writer(writer);
}

/* ---- appending ---- */

static enum err copy(int from, int to, uint64_t size, uint64_t at)
{
    uint8_t *bytes = mem_alloc(COPY_BYTES);
    enum err err = lseek(to, (off_t)at, SEEK_SET) == (off_t)at ? ERR_OK : fault("seek");
    for (uint64_t done = 0; err == ERR_OK && done < size;) {
        size_t part = size - done < COPY_BYTES ? (size_t)(size - done) : COPY_BYTES;
        ssize_t got = pread(from, bytes, part, (off_t)done);
        if (got > 0) {
            err = write_all(to, bytes, (size_t)got);
            done += (uint64_t)got;
        } else if (got == 0 || errno != EINTR) {
            err = fault("read");
        }
    }
    mem_free(bytes);
    return err;
}

enum err blob_append(struct blob_writer *writer, const struct uuid *id, uint64_t at)
{
    char name[UUID_TEXT_BYTES];
    uuid_format(id, name);
    int fd = openat(writer->blobs->folder, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? ERR_NOT_FOUND : fault("open");
    }
    enum err err = ftruncate(fd, (off_t)at) == 0 ? ERR_OK : fault("cut"); /* behind it, what was never committed */
    if (err == ERR_OK) {
        err = copy(writer->fd, fd, writer->size, at);
    }
    if (err == ERR_OK && fsync(fd) != 0) {
        err = fault("sync");
    }
    close(fd);
    return err;
}

/* ---- reading ---- */

enum err blob_open(struct blobs *blobs, const struct uuid *id, uint64_t size, struct blob_reader **ret_reader)
{
    char name[UUID_TEXT_BYTES];
    struct stat info;
    uuid_format(id, name);
    int fd = openat(blobs->folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? ERR_NOT_FOUND : fault("open");
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || (uint64_t)info.st_size < size) {
        log_event(LOG_ERROR, "file_content_is_short", log_s("id", name), log_i("size", (int64_t)size));
        close(fd);
        return ERR_NOT_FOUND;
    }
    struct blob_reader *reader = mem_new(struct blob_reader);
    reader->fd = fd;
    *ret_reader = reader;
    return ERR_OK;
}

enum err blob_read(struct blob_reader *reader, uint64_t at, void *data, size_t len)
{
    uint8_t *to = data;
    while (len > 0) {
        ssize_t got = pread(reader->fd, to, len, (off_t)at);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return fault("read");
        }
        if (got > 0) {
            to += got;
            at += (uint64_t)got;
            len -= (size_t)got;
        }
    }
    return ERR_OK;
}

void blob_close(struct blob_reader *reader)
{
    if (reader) {
        close(reader->fd);
        mem_free(reader);
    }
}

/* ---- removing ---- */

enum err blob_remove(struct blobs *blobs, const struct uuid *id)
{
    char name[UUID_TEXT_BYTES];
    uuid_format(id, name);
    return unlinkat(blobs->folder, name, 0) == 0 || errno == ENOENT ? ERR_OK : fault("remove");
}

enum err blobs_clean(struct blobs *blobs, bool (*is_known)(void *arg, const struct uuid *id), void *arg)
{
    int fd = openat(blobs->incoming, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (!folder) {
        if (fd >= 0) {
            close(fd);
        }
        return fault("open_folder");
    }
    int64_t removed = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        struct uuid id;
        if (!uuid_parse(str_from_cstr(entry->d_name), &id)) {
            continue;
        }
        if (!is_known(arg, &id)) {
            unlinkat(blobs->folder, entry->d_name, 0);
            removed++;
        }
        unlinkat(blobs->incoming, entry->d_name, 0);
    }
    closedir(folder);
    if (removed > 0) {
        log_event(LOG_INFO, "unfinished_uploads_removed", log_i("count", removed));
    }
    return ERR_OK;
}
