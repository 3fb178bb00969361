/* A backup is a data folder beside the running one. Databases are copied by SQLite from a snapshot; what never changes
 * once it has its name (sealed telemetry, contents of files) is linked, so that it takes no room.
 *
 * The order makes it whole: contents before the registry, because a content is on disk before its row; the registry
 * before the telemetry, because states may lag behind samples but not run ahead of them; contents again at the end, for
 * what the registry learned meanwhile. A folder gets its name only when all of it is on disk. */
#include "model/ports/backup_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite/db.h"
#include "store/store_internal.h"

enum { PATH_BYTES = 4096, KEPT_MAX = 10000, PASSES_MAX = 20, COPY_BYTES = 65536 };

static enum err fault(const char *path, const char *what)
{
    log_event(LOG_ERROR, "backup_failed", log_s("path", path), log_s("error", what ? what : strerror(errno)));
    return ERR_IO;
}

static bool join(char path[PATH_BYTES], const char *folder, const char *name)
{
    int len = snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    return len > 0 && len < PATH_BYTES;
}

static enum err sync_path(const char *path, int flags)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0) {
        return fault(path, NULL);
    }
    int rc = fsync(fd);
    close(fd);
    return rc == 0 ? ERR_OK : fault(path, NULL);
}

static enum err make_folder(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ? ERR_OK : fault(path, NULL);
}

/* ---- files ---- */

static enum err copy_bytes(int from, int to)
{
    char buffer[COPY_BYTES];
    for (;;) {
        ssize_t got = read(from, buffer, sizeof buffer);
        if (got <= 0) {
            return got == 0 ? ERR_OK : ERR_IO;
        }
        for (ssize_t done = 0; done < got;) {
            ssize_t n = write(to, buffer + done, (size_t)(got - done));
            if (n <= 0) {
                return ERR_IO;
            }
            done += n;
        }
    }
}

static enum err copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) {
        return errno == ENOENT ? ERR_NOT_FOUND : fault(from, NULL);
    }
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    enum err err = out >= 0 ? copy_bytes(in, out) : ERR_IO;
    if (err || fsync(out) != 0) {
        err = fault(to, NULL);
    }
    close(in);
    if (out >= 0) {
        close(out);
    }
    return err;
}

/* ERR_NOT_FOUND: it went meanwhile. */
static enum err link_file(const char *from, const char *to)
{
    if (link(from, to) == 0 || errno == EEXIST) {
        return ERR_OK;
    }
    return errno == ENOENT ? ERR_NOT_FOUND : copy_file(from, to); /* another file system, or too many links */
}

/* ---- databases ---- */

static enum err copy_pages(struct sqlite3 *from, const char *to)
{
    struct sqlite3 *copy = NULL;
    int rc = sqlite3_open_v2(to, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    sqlite3_backup *backup = rc == SQLITE_OK ? sqlite3_backup_init(copy, "main", from, "main") : NULL;
    if (backup) {
        do { /* all pages in one step: a snapshot; busy while a log is being started over */
            rc = sqlite3_backup_step(backup, -1);
            if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
                sqlite3_sleep(10);
            }
        } while (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED);
        sqlite3_backup_finish(backup);
    }
    enum err err = rc == SQLITE_DONE ? ERR_OK : fault(to, sqlite3_errstr(rc));
    sqlite3_close(copy);
    return err ? err : sync_path(to, 0);
}

static enum err copy_database(const char *from, const char *to)
{
    struct sqlite3 *db = NULL;
    if (access(from, F_OK) != 0) {
        return ERR_NOT_FOUND;
    }
    enum err err = db_open(from, DB_READER, &db);
    if (!err) {
        err = copy_pages(db, to);
    }
    db_close(db);
    return err;
}

/* ---- folders ---- */

static enum err copy_entry(const char *from, const char *to, const char *name)
{
    char source[PATH_BYTES], target[PATH_BYTES];
    struct stat info;
    size_t len = strlen(name);
    if (!join(source, from, name) || !join(target, to, name)) {
        return fault(name, "path too long");
    }
    if (stat(source, &info) != 0) {
        return errno == ENOENT ? ERR_NOT_FOUND : fault(source, NULL);
    }
    if (!S_ISREG(info.st_mode) || access(target, F_OK) == 0) {
        return ERR_NOT_FOUND; /* folders of what is being written; what is there already */
    }
    bool database = len > 3 && strcmp(name + len - 3, ".db") == 0;
    bool part = strstr(name, ".db-") || (len > 4 && strcmp(name + len - 4, ".new") == 0);
    return part ? ERR_NOT_FOUND : database ? copy_database(source, target) : link_file(source, target);
}

/* One pass over a folder; *ret_copied counts what was new. */
static enum err copy_pass(const char *from, const char *to, unsigned *ret_copied)
{
    enum err err = ERR_OK;
    DIR *folder = opendir(from);
    *ret_copied = 0;
    if (!folder) {
        return errno == ENOENT ? ERR_OK : fault(from, NULL);
    }
    for (struct dirent *entry; !err && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.') {
            err = copy_entry(from, to, entry->d_name);
            *ret_copied += err == ERR_OK;
            err = err == ERR_NOT_FOUND ? ERR_OK : err;
        }
    }
    closedir(folder);
    return err;
}

/* Until a pass finds nothing new: files come and go, and a sealed one takes the place of another. */
static enum err copy_folder(const char *data_dir, const char *backup, const char *name)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    unsigned copied = 1;
    if (!join(from, data_dir, name) || !join(to, backup, name)) {
        return fault(name, "path too long");
    }
    enum err err = make_folder(to);
    for (unsigned pass = 0; !err && copied > 0 && pass < PASSES_MAX; pass++) {
        err = copy_pass(from, to, &copied);
    }
    return err ? err : sync_path(to, O_DIRECTORY);
}

static enum err copy_named(const char *data_dir, const char *backup, const char *name)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    return join(from, data_dir, name) && join(to, backup, name) ? copy_file(from, to) : fault(backup, "path too long");
}

/* The installation's keys, and the certificate it made itself, which devices may have pinned. */
static enum err copy_keys(const char *data_dir, const char *backup)
{
    enum err err = copy_named(data_dir, backup, "keys");
    DIR *folder = opendir(data_dir);
    if (!folder) {
        return fault(data_dir, NULL);
    }
    for (struct dirent *entry; !err && (entry = readdir(folder)) != NULL;) {
        if (strncmp(entry->d_name, "tls-", 4) == 0) {
            err = copy_named(data_dir, backup, entry->d_name);
        }
    }
    closedir(folder);
    return err;
}

static enum err copy_registry(const char *data_dir, const char *backup)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    return join(from, data_dir, "muster.db") && join(to, backup, "muster.db") ? copy_database(from, to)
                                                                               : fault(backup, "path too long");
}

/* ---- removal of old ones ---- */

static void remove_folder(const char *path)
{
    char below[PATH_BYTES];
    DIR *folder = opendir(path);
    if (!folder) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        bool own = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
        if (own && join(below, path, entry->d_name) && unlink(below) != 0 && (errno == EISDIR || errno == EPERM)) {
            remove_folder(below);
        }
    }
    closedir(folder);
    rmdir(path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names are times, so they sort by age. What was being made when the program was killed goes first. */
static void remove_old(const char *backups, uint64_t keep)
{
    char path[PATH_BYTES];
    struct dirent **entries = NULL;
    char **names = mem_calloc(KEPT_MAX, sizeof *names);
    size_t count = 0;
    int found = scandir(backups, &entries, NULL, NULL);
    for (int i = 0; i < found; i++) {
        if (entries[i]->d_name[0] != '.' && count < KEPT_MAX) {
            names[count++] = entries[i]->d_name;
        }
    }
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; keep > 0 && i + keep < count; i++) {
        if (join(path, backups, names[i])) {
            remove_folder(path);
        }
    }
    for (int i = 0; i < found; i++) {
        free(entries[i]);
    }
    free(entries);
    mem_free(names);
}

/* ---- the whole ---- */

static enum err fill(const char *data_dir, const char *backup)
{
    enum err err = make_folder(backup);
    if (!err) {
        err = copy_keys(data_dir, backup);
    }
    if (!err) {
        err = copy_folder(data_dir, backup, "files");
    }
    if (!err) {
        err = copy_registry(data_dir, backup);
    }
    if (!err) {
        err = copy_folder(data_dir, backup, "telemetry");
    }
    if (!err) {
        err = copy_folder(data_dir, backup, "files");
    }
    return err ? err : sync_path(backup, O_DIRECTORY);
}

static enum err make(const char *data_dir, const char *name, uint64_t keep)
{
    char backups[PATH_BYTES], unfinished[PATH_BYTES], path[PATH_BYTES];
    if (!join(backups, data_dir, "backups") || !join(unfinished, backups, ".unfinished") || !join(path, backups, name)) {
        return fault(data_dir, "path too long");
    }
    enum err err = make_folder(backups);
    remove_folder(unfinished); /* of a backup that was cut off */
    if (!err) {
        err = fill(data_dir, unfinished);
    }
    if (!err && rename(unfinished, path) != 0) {
        err = fault(path, NULL);
    }
    if (!err) {
        err = sync_path(backups, O_DIRECTORY);
        remove_old(backups, keep);
    } else {
        remove_folder(unfinished);
    }
    return err;
}

enum err backup_store_make(struct domain *domain, struct str name, uint64_t keep)
{
    static _Atomic bool running;
    char text[BACKUP_NAME_BYTES];
    const struct store *store = container_of(domain->executor, struct store, executor);
    if (name.len >= sizeof text || atomic_exchange(&running, true)) {
        return name.len >= sizeof text ? ERR_INVALID : ERR_STATE;
    }
    snprintf(text, sizeof text, "%.*s", STR_ARG(name));
    enum err err = make(store->data_dir, text, keep);
    atomic_store(&running, false);
    return err;
}
