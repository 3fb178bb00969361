/* The data folder: mode 0700, one process at a time, and the key file that every hash and sealed value in the database
 * depends on. It is made once, before the database, and is never written again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store_internal.h"

#define PATH_BYTES 4096
#define KEY_FILE_BYTES (sizeof(struct installation_keys))

static enum err fault(const char *event, const char *path)
{
    log_event(LOG_ERROR, event, log_s("path", path), log_s("error", strerror(errno)));
    return ERR_IO;
}

static bool path_in(char path[PATH_BYTES], const char *data_dir, const char *name)
{
    int len = snprintf(path, PATH_BYTES, "%s/%s", data_dir, name);
    if (len < 0 || len >= PATH_BYTES) {
        log_event(LOG_ERROR, "data_folder_failed", log_s("path", data_dir), log_s("error", "path too long"));
        return false;
    }
    return true;
}

static enum err sync_folder(const char *data_dir)
{
    int fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return fault("data_folder_failed", data_dir);
    }
    int rc = fsync(fd);
    close(fd);
    return rc == 0 ? ERR_OK : fault("data_folder_failed", data_dir);
}

/* The folder's own name must survive a loss of power, too. */
static enum err sync_parent(const char *data_dir)
{
    char path[PATH_BYTES];
    if (!path_in(path, data_dir, "..")) {
        return ERR_INVALID;
    }
    return sync_folder(path);
}

enum err data_folder_make(const char *data_dir)
{
    if (mkdir(data_dir, 0700) == 0) {
        return sync_parent(data_dir);
    }
    struct stat info;
    if (errno != EEXIST || stat(data_dir, &info) != 0) {
        return fault("data_folder_failed", data_dir);
    }
    if (!S_ISDIR(info.st_mode)) {
        errno = ENOTDIR;
        return fault("data_folder_failed", data_dir);
    }
    return ERR_OK;
}

enum err data_folder_lock(const char *data_dir, int *ret_fd)
{
    char path[PATH_BYTES];
    if (!path_in(path, data_dir, "lock")) {
        return ERR_INVALID;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fault("data_folder_failed", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        bool in_use = errno == EWOULDBLOCK;
        if (in_use) {
            log_event(LOG_ERROR, "data_folder_in_use", log_s("path", data_dir));
        } else {
            fault("data_folder_failed", path);
        }
        close(fd);
        return in_use ? ERR_BUSY : ERR_IO;
    }
    *ret_fd = fd;
    return ERR_OK;
}

/* Under a temporary name first: a crash must not leave a short key file. */
static enum err make_keys(const char *data_dir, const char *path, struct installation_keys *keys)
{
    char temporary[PATH_BYTES];
    if (!path_in(temporary, data_dir, "keys.new")) {
        return ERR_INVALID;
    }
    unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fault("key_file_failed", temporary);
    }
    random_bytes(keys, sizeof *keys);
    bool written = write(fd, keys, KEY_FILE_BYTES) == (ssize_t)KEY_FILE_BYTES && fsync(fd) == 0;
    close(fd);
    /* link does not replace: should a key file have appeared, it is kept */
    if (!written || link(temporary, path) != 0 || unlink(temporary) != 0) {
        return fault("key_file_failed", path);
    }
    return sync_folder(data_dir);
}

static enum err read_keys(int fd, const char *path, struct installation_keys *ret_keys)
{
    struct stat info;
    struct installation_keys keys;
    if (fstat(fd, &info) != 0) {
        return fault("key_file_failed", path);
    }
    if (info.st_size != (off_t)KEY_FILE_BYTES || read(fd, &keys, KEY_FILE_BYTES) != (ssize_t)KEY_FILE_BYTES) {
        log_event(LOG_ERROR, "key_file_failed", log_s("path", path), log_s("error", "not a key file of muster"));
        return ERR_INVALID;
    }
    if ((info.st_mode & 077) != 0) {
        log_event(LOG_WARN, "key_file_readable_by_others", log_s("path", path));
    }
    *ret_keys = keys;
    secret_wipe(&keys, sizeof keys);
    return ERR_OK;
}

enum err data_folder_keys(const char *data_dir, struct installation_keys *ret_keys)
{
    char path[PATH_BYTES];
    char database[PATH_BYTES];
    if (!path_in(path, data_dir, "keys") || !path_in(database, data_dir, "muster.db")) {
        return ERR_INVALID;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        enum err err = read_keys(fd, path, ret_keys);
        close(fd);
        return err;
    }
    if (errno != ENOENT) {
        return fault("key_file_failed", path);
    }
    if (access(database, F_OK) == 0) {
        /* new keys would make every device's key wrong: the backup's key file must come back */
        log_event(LOG_ERROR, "key_file_missing", log_s("path", path),
                  log_s("hint", "restore it from the backup that holds muster.db"));
        return ERR_NOT_FOUND;
    }
    return make_keys(data_dir, path, ret_keys);
}
