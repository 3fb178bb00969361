/* What stands beside Mosquitto where Muster keeps telemetry itself: a consumer that subscribes to all devices and writes
 * the rows to SQLite. consumer PORT FILE
 *
 * It is written to be fast: one blocking connection, up to 256 KiB at a time; all messages of a read become rows of one
 * transaction (WAL, synchronous = FULL: on disk at COMMIT), prepared once, and only then are their PUBACKs sent. A row
 * is what Muster keeps of the same message: the device, the time of receipt, the values. Of the JSON it checks no more
 * than it needs. After each commit it prints how many rows there are. MQTT 3.1.1, QoS 1. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_BYTES = 256 * 1024 };

static sqlite3 *db;
static sqlite3_stmt *insert;
static uint8_t input[INPUT_BYTES], acknowledgements[INPUT_BYTES];

static void fail(const char *what)
{
    fprintf(stderr, "consumer: %s: %s\n", what, db ? sqlite3_errmsg(db) : "failed");
    exit(1);
}

static void run(const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail(sql);
    }
}

static void open_store(const char *path)
{
    if (sqlite3_open(path, &db) != SQLITE_OK) {
        fail(path);
    }
    run("PRAGMA journal_mode = WAL");
    run("PRAGMA synchronous = FULL");
    run("PRAGMA cache_size = -65536");
    run("PRAGMA wal_autocheckpoint = 4000");
    run("CREATE TABLE telemetry (device TEXT NOT NULL, at INTEGER NOT NULL, temp REAL, n INTEGER, ok INTEGER)");
    if (sqlite3_prepare_v2(db, "INSERT INTO telemetry VALUES (?, ?, ?, ?, ?)", -1, &insert, NULL) != SQLITE_OK) {
        fail("prepare");
    }
}

static void write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = write(fd, data, len);
        if (sent <= 0) {
            exit(0); /* the broker is gone */
        }
        data += sent;
        len -= (size_t)sent;
    }
}

static int open_connection(const char *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        fail("connect");
    }
    static const uint8_t hello[] = "\x10\x14\0\4MQTT\4\2\0\0\0\10consumer" /* CONNECT */
                                   "\x82\x1a\0\1\0\25v1/device/+/telemetry\1"; /* SUBSCRIBE */
    write_all(fd, hello, sizeof hello - 1);
    return fd;
}

/* The number behind "name": in a flat JSON object; 0 where there is none. */
static double value_of(const char *json, size_t len, const char *name)
{
    const char *at = memmem(json, len, name, strlen(name));
    if (!at) {
        return 0;
    }
    char text[32];
    size_t left = (size_t)(json + len - at) - strlen(name), part = left < sizeof text - 1 ? left : sizeof text - 1;
    memcpy(text, at + strlen(name), part);
    text[part] = '\0';
    return strtod(text, NULL);
}

static void keep(const uint8_t *topic, size_t topic_bytes, const char *json, size_t len, int64_t now_ms)
{
    size_t before = sizeof "v1/device/" - 1, behind = sizeof "/telemetry" - 1;
    sqlite3_bind_text(insert, 1, (const char *)topic + before, (int)(topic_bytes - before - behind), SQLITE_STATIC);
    sqlite3_bind_int64(insert, 2, now_ms);
    sqlite3_bind_double(insert, 3, value_of(json, len, "\"temp\":"));
    sqlite3_bind_int64(insert, 4, (int64_t)value_of(json, len, "\"n\":"));
    sqlite3_bind_int(insert, 5, memmem(json, len, "\"ok\":true", 9) != NULL);
    if (sqlite3_step(insert) != SQLITE_DONE) {
        fail("insert");
    }
    sqlite3_reset(insert);
}

static int64_t unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* All whole packets of the input, in one transaction. Returns the bytes used; adds the rows to *rows. */
static size_t take(int fd, size_t len, uint64_t *rows)
{
    size_t at = 0, answers = 0;
    int64_t now_ms = unix_ms();
    bool writing = false;
    while (len - at >= 2) {
        size_t remaining = 0, body = at + 1;
        unsigned shift = 0;
        do {
            remaining |= (size_t)(input[body] & 0x7f) << shift;
            shift += 7;
        } while (input[body++] & 0x80 && body < len);
        if (body + remaining > len) {
            break;
        }
        if (input[at] >> 4 == 3) {
            size_t topic_bytes = (size_t)input[body] << 8 | input[body + 1], id = body + 2 + topic_bytes;
            if (!writing) {
                run("BEGIN");
                writing = true;
            }
            keep(input + body + 2, topic_bytes, (const char *)input + id + 2, body + remaining - id - 2, now_ms);
            ++*rows;
            memcpy(acknowledgements + answers, (const uint8_t[]){0x40, 2, input[id], input[id + 1]}, 4);
            answers += 4;
        } else if (input[at] >> 4 == 9) {
            printf("ready\n");
        }
        at = body + remaining;
    }
    if (writing) {
        run("COMMIT");
        write_all(fd, acknowledgements, answers);
        printf("%llu\n", (unsigned long long)*rows);
    }
    fflush(stdout);
    return at;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: consumer PORT FILE\n");
        return 2;
    }
    open_store(argv[2]);
    int fd = open_connection(argv[1]);
    size_t len = 0;
    uint64_t rows = 0;
    for (;;) {
        ssize_t got = read(fd, input + len, sizeof input - len);
        if (got <= 0) {
            return 0;
        }
        len += (size_t)got;
        size_t used = take(fd, len, &rows);
        memmove(input, input + used, len - used);
        len -= used;
    }
}
