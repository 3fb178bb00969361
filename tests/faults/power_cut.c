/* A file system that may lose everything that was not synced, as a library that is loaded before all others
 * (LD_PRELOAD). Linux only; README.md tells what it models and what it does not.
 *
 * The real calls are carried out, so the program finds what it wrote. Beside that the library keeps in a folder of its
 * own what a disk would hold after a cut of power:
 *
 *     SIDE/inode/N     content of file number N as of its last fsync; there is none for a file that was never changed
 *     SIDE/names/N     the names in folder number N as of its last fsync, one "TYPE INODE NAME" a line
 *     SIDE/gone/N      a second link to a file whose last name was removed: its number is not given to another file,
 *                      and its content is not lost, as long as a cut could bring it back
 *     SIDE/steps       how many operations were counted, as 8 bytes
 *
 * Nothing of it is in the program's memory alone, so a SIGKILL at any moment leaves it true: an fsync that was cut short
 * has copied a part of what it was to copy, which is what a disk does. power_cut.js makes the disk after the cut of it.
 *
 * Each call that changes the data folder, and each sync, counts as a step. At a step that is given by number the process
 * ends itself by SIGKILL, before or after carrying it out; or calls fail from there on, for a number of steps. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FDS_MAX 65536
#define COPY_BYTES 65536
#define PATH_BYTES (PATH_MAX + 64)

enum kind { UNTRACKED, TRACKED_FILE, TRACKED_FOLDER };

/* What of a file was changed since its content was copied. */
struct dirty {
    ino_t ino;
    off_t from, to;
    bool unknown; /* changed by a process before this one, perhaps */
    struct dirty *next;
};

static struct {
    bool on;
    char dir[PATH_MAX];
    size_t dir_len;
    char side[PATH_MAX];
    uint64_t kill_at, fail_at, fail_steps;
    bool kill_after; /* the step is carried out first */
    bool ordered;    /* syncing a file makes all names durable, as a journal does */
    int fail_errno;
    unsigned sync_us_max;
    time_t clock_ahead_s;
    _Atomic uint64_t *steps;
    pthread_mutex_t lock;
    struct dirty *dirty[1024];
} layer = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct {
    uint8_t kind;
    bool append;
    ino_t ino;
} fds[FDS_MAX];

/* --- the real calls ----------------------------------------------------------------------------------------------- */

static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fallocate)(int, int, off_t, off_t);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static int (*real_link)(const char *, const char *);
static int (*real_mkdir)(const char *, mode_t);
static int (*real_rmdir)(const char *);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_clock_gettime)(clockid_t, struct timespec *);

static void *next_symbol(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        fprintf(stderr, "power_cut: no %s\n", name);
        abort();
    }
    return found;
}

#define REAL(name, symbol) (*(void **)&real_##name = next_symbol(symbol))

static void find_real(void)
{
    REAL(open, "open64");
    REAL(openat, "openat64");
    REAL(close, "close");
    REAL(write, "write");
    REAL(writev, "writev");
    REAL(pwrite, "pwrite64");
    REAL(pwritev, "pwritev64");
    REAL(ftruncate, "ftruncate64");
    REAL(fallocate, "fallocate64");
    REAL(rename, "rename");
    REAL(unlink, "unlink");
    REAL(link, "link");
    REAL(mkdir, "mkdir");
    REAL(rmdir, "rmdir");
    REAL(fsync, "fsync");
    REAL(fdatasync, "fdatasync");
    REAL(clock_gettime, "clock_gettime");
}

/* Libraries that start before this one open files, too. */
static void ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_real);
}

static void die(const char *what)
{
    fprintf(stderr, "power_cut: %s: %s\n", what, strerror(errno));
    abort();
}

/* --- the folder beside -------------------------------------------------------------------------------------------- */

static void side_path(char path[PATH_BYTES], const char *folder, ino_t ino)
{
    snprintf(path, PATH_BYTES, "%s/%s/%llu", layer.side, folder, (unsigned long long)ino);
}

static void copy_range(int from_fd, int to_fd, off_t from, off_t to)
{
    char bytes[COPY_BYTES];
    while (from < to) {
        size_t want = to - from < COPY_BYTES ? (size_t)(to - from) : COPY_BYTES;
        ssize_t n = pread(from_fd, bytes, want, from);
        if (n <= 0) {
            break; /* the file is shorter by now */
        }
        if (real_pwrite(to_fd, bytes, (size_t)n, from) != n) {
            die("copy");
        }
        from += n;
    }
}

static struct dirty *dirty_of(ino_t ino)
{
    struct dirty **place = &layer.dirty[ino % 1024];
    while (*place && (*place)->ino != ino) {
        place = &(*place)->next;
    }
    if (!*place) {
        *place = calloc(1, sizeof **place);
        if (!*place) {
            die("memory");
        }
        (*place)->ino = ino;
        (*place)->unknown = true;
    }
    return *place;
}

/* Another descriptor of it that can be read: ours may be for writing only. */
static int open_again(int fd)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = real_open(path, O_RDONLY | O_CLOEXEC);
    if (again < 0) {
        die(path);
    }
    return again;
}

/* Before the first change of a file: what it holds now is on the disk. `empty`: it was made just now. */
static void keep_content(int fd, ino_t ino, bool empty)
{
    char path[PATH_BYTES];
    char temporary[PATH_BYTES + 8];
    side_path(path, "inode", ino);
    if (!empty && access(path, F_OK) == 0) {
        return;
    }
    snprintf(temporary, sizeof temporary, "%s.new", path);
    int to = real_open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (to < 0) {
        die(temporary);
    }
    if (!empty) {
        struct stat info;
        int from = open_again(fd);
        fstat(from, &info);
        copy_range(from, to, 0, info.st_size);
        real_close(from);
    }
    real_close(to);
    if (real_rename(temporary, path) != 0) {
        die(path);
    }
    struct dirty *dirty = dirty_of(ino);
    dirty->from = dirty->to = 0;
    dirty->unknown = false;
}

static void changed(ino_t ino, off_t from, off_t to)
{
    struct dirty *dirty = dirty_of(ino);
    if (dirty->from == dirty->to) {
        dirty->from = from;
        dirty->to = to;
        return;
    }
    dirty->from = from < dirty->from ? from : dirty->from;
    dirty->to = to > dirty->to ? to : dirty->to;
}

/* The file reaches the disk. */
static void content_synced(int fd, ino_t ino)
{
    char path[PATH_BYTES];
    struct stat info;
    side_path(path, "inode", ino);
    int to = real_open(path, O_RDWR | O_CLOEXEC);
    if (to < 0) {
        return; /* never changed */
    }
    int from = open_again(fd);
    struct dirty *dirty = dirty_of(ino);
    fstat(from, &info);
    copy_range(from, to, dirty->unknown ? 0 : dirty->from, dirty->unknown ? info.st_size : dirty->to);
    if (real_ftruncate(to, info.st_size) != 0) {
        die(path);
    }
    dirty->unknown = false;
    dirty->from = dirty->to = 0;
    real_close(from);
    real_close(to);
}

static void names_synced(const char *dir)
{
    char path[PATH_BYTES];
    char temporary[PATH_BYTES + 8];
    struct stat info;
    DIR *folder = opendir(dir);
    if (!folder || fstat(dirfd(folder), &info) != 0) {
        die(dir);
    }
    side_path(path, "names", info.st_ino);
    snprintf(temporary, sizeof temporary, "%s.new", path);
    FILE *out = fopen(temporary, "we");
    if (!out) {
        die(temporary);
    }
    for (const struct dirent *item; (item = readdir(folder)) != NULL;) {
        if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0) {
            fprintf(out, "%c %llu %s\n", item->d_type == DT_DIR ? 'd' : 'f', (unsigned long long)item->d_ino,
                    item->d_name);
        }
    }
    if (fclose(out) != 0 || real_rename(temporary, path) != 0) {
        die(path);
    }
    closedir(folder);
}

static void keep_names(const char *dir)
{
    char path[PATH_BYTES];
    struct stat info;
    if (stat(dir, &info) != 0) {
        die(dir);
    }
    side_path(path, "names", info.st_ino);
    if (access(path, F_OK) != 0) {
        names_synced(dir);
    }
}

/* The data folder and those in it; there are none deeper. */
static void each_folder(void (*visit)(const char *dir))
{
    visit(layer.dir);
    DIR *folder = opendir(layer.dir);
    for (const struct dirent *item; folder && (item = readdir(folder)) != NULL;) {
        if (item->d_type == DT_DIR && item->d_name[0] != '.') {
            char path[PATH_BYTES + NAME_MAX];
            snprintf(path, sizeof path, "%s/%s", layer.dir, item->d_name);
            visit(path);
        }
    }
    if (folder) {
        closedir(folder);
    }
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

static void end_here(void)
{
    kill(getpid(), SIGKILL);
    for (;;) {
        pause();
    }
}

/* A step begins. Returns what it fails with, or 0. */
static int step_begin(bool *ret_kill_after)
{
    uint64_t step = atomic_fetch_add(layer.steps, 1) + 1;
    *ret_kill_after = false;
    if (step == layer.kill_at) {
        if (!layer.kill_after) {
            end_here();
        }
        *ret_kill_after = true;
    }
    bool fails = layer.fail_at != 0 && step >= layer.fail_at && step < layer.fail_at + layer.fail_steps;
    return fails ? layer.fail_errno : 0;
}

#define STEP_BEGIN() \
    bool kill_after; \
    pthread_mutex_lock(&layer.lock); \
    int fault = step_begin(&kill_after)
#define STEP_END() \
    do { \
        if (kill_after) { \
            end_here(); \
        } \
        int step_errno = errno; \
        pthread_mutex_unlock(&layer.lock); \
        errno = step_errno; \
    } while (0)

/* Writes fail with what was asked for; a sync never for want of space. */
static bool fails_write(int fault)
{
    errno = fault;
    return fault != 0;
}

static uint64_t number_of(const char *name)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void layer_start(void)
{
    ready();
    const char *dir = getenv("POWER_CUT_DIR");
    const char *side = getenv("POWER_CUT_SIDE");
    if (!dir || !side || !realpath(dir, layer.dir) || !realpath(side, layer.side)) {
        return;
    }
    layer.dir_len = strlen(layer.dir);
    layer.kill_at = number_of("POWER_CUT_KILL_AT");
    layer.kill_after = number_of("POWER_CUT_KILL_AFTER") != 0;
    layer.fail_at = number_of("POWER_CUT_FAIL_AT");
    layer.fail_steps = number_of("POWER_CUT_FAIL_STEPS");
    layer.fail_errno = (int)number_of("POWER_CUT_FAIL_ERRNO");
    layer.ordered = number_of("POWER_CUT_ORDERED") != 0;
    layer.clock_ahead_s = (time_t)number_of("POWER_CUT_CLOCK_AHEAD_S");
    layer.sync_us_max = (unsigned)number_of("POWER_CUT_SYNC_US");
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/steps", layer.side);
    int fd = real_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || real_ftruncate(fd, sizeof *layer.steps) != 0) {
        die(path);
    }
    layer.steps = mmap(NULL, sizeof *layer.steps, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (layer.steps == MAP_FAILED) {
        die(path);
    }
    real_close(fd);
    atomic_store(layer.steps, 0);
    each_folder(keep_names);
    layer.on = true;
}

/* --- what is ours ------------------------------------------------------------------------------------------------- */

static bool path_is_ours(const char *path, char absolute[PATH_BYTES])
{
    ready();
    if (!layer.on) {
        return false;
    }
    char folder[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
    if (strlen(name) > NAME_MAX || !realpath(folder, absolute)) {
        return false;
    }
    size_t len = strlen(absolute);
    if (len + 1 + strlen(name) + 1 > PATH_BYTES) {
        return false;
    }
    absolute[len] = '/';
    strcpy(absolute + len + 1, name);
    return strncmp(absolute, layer.dir, layer.dir_len) == 0 &&
           (absolute[layer.dir_len] == '/' || absolute[layer.dir_len] == 0);
}

/* The index of a write-ahead log is shared memory, made again from the log after a crash; the lock has no content. */
static bool has_content(const char *path)
{
    size_t len = strlen(path);
    return !(len > 4 && strcmp(path + len - 4, "-shm") == 0) && !(len > 5 && strcmp(path + len - 5, "/lock") == 0);
}

static void track(int fd, const char *path, int flags)
{
    struct stat info;
    if (fd < 0 || fd >= FDS_MAX || fstat(fd, &info) != 0) {
        return;
    }
    if (S_ISDIR(info.st_mode)) {
        fds[fd].kind = TRACKED_FOLDER;
    } else if (S_ISREG(info.st_mode) && has_content(path)) {
        fds[fd].kind = TRACKED_FILE;
    }
    fds[fd].ino = info.st_ino;
    fds[fd].append = (flags & O_APPEND) != 0;
}

static bool is_tracked(int fd, enum kind kind)
{
    ready();
    return layer.on && fd >= 0 && fd < FDS_MAX && fds[fd].kind == kind;
}

static int open_tracked(int at, const char *path, int flags, mode_t mode)
{
    char absolute[PATH_BYTES];
    ready();
    bool ours = (at == AT_FDCWD || path[0] == '/') && path_is_ours(path, absolute);
    if (!ours) {
        return real_openat(at, path, flags, mode);
    }
    bool writes = (flags & O_ACCMODE) != O_RDONLY && has_content(absolute);
    bool creates = writes && (flags & O_CREAT) && access(absolute, F_OK) != 0;
    bool empties = writes && (flags & O_TRUNC) && !creates;
    if (!creates && !empties) {
        int fd = real_openat(at, path, flags, mode);
        track(fd, absolute, flags);
        return fd;
    }
    STEP_BEGIN();
    int fd = -1;
    if (!fails_write(fault)) {
        if (empties) { /* keep what it holds before it is gone */
            int old = real_open(absolute, O_RDONLY | O_CLOEXEC);
            struct stat info;
            if (old >= 0 && fstat(old, &info) == 0) {
                keep_content(old, info.st_ino, false);
                changed(info.st_ino, 0, info.st_size);
            }
            real_close(old);
        }
        fd = real_openat(at, path, flags, mode);
        int open_errno = errno;
        track(fd, absolute, flags);
        if (fd >= 0 && creates) {
            keep_content(fd, fds[fd].ino, true);
        }
        errno = open_errno;
    }
    STEP_END();
    return fd;
}

static mode_t mode_of(int flags, va_list args)
{
    return (flags & (O_CREAT | O_TMPFILE)) ? (mode_t)va_arg(args, int) : 0;
}

#define EXPORT __attribute__((visibility("default")))
#define OPEN(name) \
    EXPORT int name(const char *path, int flags, ...); \
    EXPORT int name(const char *path, int flags, ...) \
    { \
        va_list args; \
        va_start(args, flags); \
        mode_t mode = mode_of(flags, args); \
        va_end(args); \
        return open_tracked(AT_FDCWD, path, flags, mode); \
    }
#define OPENAT(name) \
    EXPORT int name(int at, const char *path, int flags, ...); \
    EXPORT int name(int at, const char *path, int flags, ...) \
    { \
        va_list args; \
        va_start(args, flags); \
        mode_t mode = mode_of(flags, args); \
        va_end(args); \
        return open_tracked(at, path, flags, mode); \
    }
#define OPEN_PLAIN(name) \
    EXPORT int name(const char *path, int flags); \
    EXPORT int name(const char *path, int flags) \
    { \
        return open_tracked(AT_FDCWD, path, flags, 0); \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
OPEN_PLAIN(__open_2)
OPEN_PLAIN(__open64_2)

EXPORT int creat(const char *path, mode_t mode)
{
    return open_tracked(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

EXPORT int close(int fd)
{
    ready();
    if (layer.on && fd >= 0 && fd < FDS_MAX) {
        fds[fd].kind = UNTRACKED;
    }
    return real_close(fd);
}

/* --- content ------------------------------------------------------------------------------------------------------ */

static off_t place_of(int fd)
{
    return lseek(fd, 0, fds[fd].append ? SEEK_END : SEEK_CUR);
}

EXPORT ssize_t write(int fd, const void *data, size_t len)
{
    if (!is_tracked(fd, TRACKED_FILE)) {
        return real_write(fd, data, len);
    }
    STEP_BEGIN();
    ssize_t n = -1;
    if (!fails_write(fault)) {
        keep_content(fd, fds[fd].ino, false);
        off_t at = place_of(fd);
        n = real_write(fd, data, len);
        changed(fds[fd].ino, at, at + (n > 0 ? n : 0));
    }
    STEP_END();
    return n;
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (!is_tracked(fd, TRACKED_FILE)) {
        return real_writev(fd, parts, count);
    }
    STEP_BEGIN();
    ssize_t n = -1;
    if (!fails_write(fault)) {
        keep_content(fd, fds[fd].ino, false);
        off_t at = place_of(fd);
        n = real_writev(fd, parts, count);
        changed(fds[fd].ino, at, at + (n > 0 ? n : 0));
    }
    STEP_END();
    return n;
}

static ssize_t pwrite_tracked(int fd, const void *data, size_t len, off_t at)
{
    if (!is_tracked(fd, TRACKED_FILE)) {
        return real_pwrite(fd, data, len, at);
    }
    STEP_BEGIN();
    ssize_t n = -1;
    if (!fails_write(fault)) {
        keep_content(fd, fds[fd].ino, false);
        n = real_pwrite(fd, data, len, at);
        changed(fds[fd].ino, at, at + (n > 0 ? n : 0));
    }
    STEP_END();
    return n;
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    return pwrite_tracked(fd, data, len, at);
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    return pwrite_tracked(fd, data, len, at);
}

static ssize_t pwritev_tracked(int fd, const struct iovec *parts, int count, off_t at)
{
    if (!is_tracked(fd, TRACKED_FILE)) {
        return real_pwritev(fd, parts, count, at);
    }
    STEP_BEGIN();
    ssize_t n = -1;
    if (!fails_write(fault)) {
        keep_content(fd, fds[fd].ino, false);
        n = real_pwritev(fd, parts, count, at);
        changed(fds[fd].ino, at, at + (n > 0 ? n : 0));
    }
    STEP_END();
    return n;
}

EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    return pwritev_tracked(fd, parts, count, at);
}

EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at)
{
    return pwritev_tracked(fd, parts, count, at);
}

static int ftruncate_tracked(int fd, off_t size)
{
    if (!is_tracked(fd, TRACKED_FILE)) {
        return real_ftruncate(fd, size);
    }
    STEP_BEGIN();
    int rc = -1;
    if (!fails_write(fault)) {
        struct stat info;
        keep_content(fd, fds[fd].ino, false);
        fstat(fd, &info);
        rc = real_ftruncate(fd, size);
        changed(fds[fd].ino, size < info.st_size ? size : info.st_size, size > info.st_size ? size : info.st_size);
    }
    STEP_END();
    return rc;
}

EXPORT int ftruncate(int fd, off_t size)
{
    return ftruncate_tracked(fd, size);
}

EXPORT int ftruncate64(int fd, off64_t size)
{
    return ftruncate_tracked(fd, size);
}

static int fallocate_tracked(int fd, int mode, off_t from, off_t len)
{
    if (!is_tracked(fd, TRACKED_FILE)) {
        return real_fallocate(fd, mode, from, len);
    }
    STEP_BEGIN();
    int rc = -1;
    if (!fails_write(fault)) {
        keep_content(fd, fds[fd].ino, false);
        rc = real_fallocate(fd, mode, from, len);
        changed(fds[fd].ino, from, from + len);
    }
    STEP_END();
    return rc;
}

EXPORT int fallocate(int fd, int mode, off_t from, off_t len)
{
    return fallocate_tracked(fd, mode, from, len);
}

EXPORT int fallocate64(int fd, int mode, off64_t from, off64_t len)
{
    return fallocate_tracked(fd, mode, from, len);
}

EXPORT int posix_fallocate(int fd, off_t from, off_t len)
{
    return fallocate_tracked(fd, 0, from, len) == 0 ? 0 : errno;
}

EXPORT int posix_fallocate64(int fd, off64_t from, off64_t len)
{
    return fallocate_tracked(fd, 0, from, len) == 0 ? 0 : errno;
}

/* --- syncs -------------------------------------------------------------------------------------------------------- */

/* A disk takes its time, in which others go on. */
static void take_time(void)
{
    static _Atomic uint32_t state = 0x9e3779b9u;
    if (layer.sync_us_max > 0) {
        uint32_t x = atomic_fetch_add(&state, 0x6d2b79f5u);
        x = (x ^ (x >> 15)) * 0x2c1b3c6du;
        x ^= x >> 12;
        struct timespec pause_time = {0, (long)(x % layer.sync_us_max) * 1000};
        nanosleep(&pause_time, NULL);
    }
}

static int sync_file(int fd)
{
    take_time();
    STEP_BEGIN();
    int rc = 0;
    if (fault != 0 && fault != ENOSPC) {
        /* What the kernel could not write is clean to it from now on: a later sync says nothing of it. The content that
         * is on the disk stays what it was, until the program writes it again. */
        struct dirty *dirty = dirty_of(fds[fd].ino);
        dirty->from = dirty->to = 0;
        dirty->unknown = false;
        errno = fault;
        rc = -1;
    } else {
        content_synced(fd, fds[fd].ino);
        if (layer.ordered) {
            each_folder(names_synced);
        }
    }
    STEP_END();
    return rc;
}

static int sync_folder(int fd)
{
    char link_path[64];
    char path[PATH_BYTES];
    snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link_path, path, sizeof path - 1);
    take_time();
    STEP_BEGIN();
    int rc = 0;
    if (len <= 0 || (fault != 0 && fault != ENOSPC)) {
        errno = fault ? fault : EIO;
        rc = -1;
    } else {
        path[len] = 0;
        names_synced(path);
    }
    STEP_END();
    return rc;
}

EXPORT int fsync(int fd)
{
    return is_tracked(fd, TRACKED_FILE) ? sync_file(fd) : is_tracked(fd, TRACKED_FOLDER) ? sync_folder(fd) : real_fsync(fd);
}

EXPORT int fdatasync(int fd)
{
    return is_tracked(fd, TRACKED_FILE)     ? sync_file(fd)
           : is_tracked(fd, TRACKED_FOLDER) ? sync_folder(fd)
                                            : real_fdatasync(fd);
}

/* --- names -------------------------------------------------------------------------------------------------------- */

/* The name goes; if it is the file's last one, the file is kept. */
static void keep_file(const char *path)
{
    struct stat info;
    char gone[PATH_BYTES];
    if (lstat(path, &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink > 1) {
        return;
    }
    side_path(gone, "gone", info.st_ino);
    if (real_link(path, gone) != 0 && errno != EEXIST) {
        die(gone);
    }
}

EXPORT int rename(const char *from, const char *to)
{
    char absolute_from[PATH_BYTES];
    char absolute_to[PATH_BYTES];
    if (!path_is_ours(from, absolute_from) || !path_is_ours(to, absolute_to)) {
        return real_rename(from, to);
    }
    STEP_BEGIN();
    int rc = -1;
    if (!fails_write(fault)) {
        keep_file(absolute_to);
        rc = real_rename(from, to);
    }
    STEP_END();
    return rc;
}

EXPORT int unlink(const char *path)
{
    char absolute[PATH_BYTES];
    if (!path_is_ours(path, absolute) || !has_content(absolute)) {
        return real_unlink(path);
    }
    STEP_BEGIN();
    int rc = -1;
    if (!fails_write(fault == ENOSPC ? 0 : fault)) {
        keep_file(absolute);
        rc = real_unlink(path);
    }
    STEP_END();
    return rc;
}

EXPORT int link(const char *from, const char *to)
{
    char absolute[PATH_BYTES];
    if (!path_is_ours(to, absolute)) {
        return real_link(from, to);
    }
    STEP_BEGIN();
    int rc = fails_write(fault) ? -1 : real_link(from, to);
    STEP_END();
    return rc;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    char absolute[PATH_BYTES];
    if (!path_is_ours(path, absolute)) {
        return real_mkdir(path, mode);
    }
    STEP_BEGIN();
    int rc = fails_write(fault) ? -1 : real_mkdir(path, mode);
    if (rc == 0) {
        keep_names(absolute);
    }
    STEP_END();
    return rc;
}

EXPORT int rmdir(const char *path)
{
    char absolute[PATH_BYTES];
    if (!path_is_ours(path, absolute)) {
        return real_rmdir(path);
    }
    STEP_BEGIN();
    int rc = fails_write(fault) ? -1 : real_rmdir(path);
    STEP_END();
    return rc;
}

/* --- the clock ---------------------------------------------------------------------------------------------------- */

/* Days may pass between two starts. */
EXPORT int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    ready();
    int rc = real_clock_gettime(clock, ret_time);
    if (rc == 0 && clock == CLOCK_REALTIME) {
        ret_time->tv_sec += layer.clock_ahead_s;
    }
    return rc;
}
