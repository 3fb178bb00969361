/* How full the disk is, and with what. The telemetry folder has a few thousand files at most (a segment is at least some
 * minutes, and retention removes them), so they are asked one by one; contents are summed up from their rows. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "model/domain.h"
#include "model/ports/disk_store.h"
#include "store/sqlite/tx.h"
#include "store/store_internal.h"

#define PATH_BYTES 4096

static enum err fault(const char *path)
{
    log_event(LOG_ERROR, "disk_usage_failed", log_s("path", path), log_s("error", strerror(errno)));
    return ERR_IO;
}

/* Bytes on the disk, which a sparse or preallocated file has fewer or more of than it is long. */
static int64_t size_in(int folder, const char *name)
{
    struct stat info;
    return fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) ? (int64_t)info.st_blocks * 512 : 0;
}

static enum err measure_telemetry(const char *data_dir, struct disk_usage *usage)
{
    char path[PATH_BYTES];
    int len = snprintf(path, sizeof path, "%s/telemetry", data_dir);
    DIR *folder = len > 0 && len < PATH_BYTES ? opendir(path) : NULL;
    if (!folder) {
        return errno == ENOENT ? ERR_OK : fault(path);
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        int64_t bytes = size_in(dirfd(folder), entry->d_name);
        size_t name_len = strlen(entry->d_name);
        bool is_part = name_len > 4 && (strcmp(entry->d_name + name_len - 4, "-wal") == 0 || strcmp(entry->d_name + name_len - 4, "-shm") == 0);
        usage->telemetry += bytes;
        usage->telemetry_segments += bytes > 0 && !is_part;
    }
    closedir(folder);
    return ERR_OK;
}

static enum err measure_folder(const char *data_dir, struct disk_usage *usage)
{
    int folder = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct statvfs space;
    if (folder < 0 || fstatvfs(folder, &space) != 0) {
        enum err err = fault(data_dir);
        if (folder >= 0) {
            close(folder);
        }
        return err;
    }
    usage->total = (int64_t)(space.f_blocks * space.f_frsize);
    usage->free = (int64_t)(space.f_bavail * space.f_frsize);
    usage->registry = size_in(folder, "muster.db") + size_in(folder, "muster.db-wal");
    close(folder);
    return ERR_OK;
}

static enum err sum_contents(struct store_tx *tx, struct disk_usage *usage)
{
    struct query q;
    query_begin(&q, tx, "SELECT (SELECT ifnull(sum(size), 0) FROM file) + (SELECT ifnull(sum(length), 0) FROM dump)");
    usage->files = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q);
}

enum err disk_store_usage(struct domain *domain, struct store_tx *tx, struct disk_usage *ret_usage)
{
    const struct store *store = container_of(domain->executor, struct store, executor);
    struct disk_usage usage = {0};
    enum err err = measure_folder(store->data_dir, &usage);
    if (!err) {
        err = measure_telemetry(store->data_dir, &usage);
    }
    if (!err) {
        err = sum_contents(tx, &usage);
    }
    if (!err) {
        *ret_usage = usage;
    }
    return err;
}
