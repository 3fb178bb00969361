/* What stands behind a broker that stores nothing: a subscriber of all telemetry that writes each message as a row into
 * SQLite, many in a transaction, and acknowledges after the commit. As cheap as that can be: no JSON is parsed, no state is
 * kept. sqlite_consumer PORT FILE; prints the number of rows written so far, a line a second, until it is killed. */
#include <arpa/inet.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define INPUT_BYTES ((size_t)4 << 20)

static sqlite3 *db;
static sqlite3_stmt *insert;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void check(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

static void run(const char *sql)
{
    check(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(db));
}

static void send_all(int fd, const void *data, size_t len)
{
    for (const char *at = data; len > 0;) {
        ssize_t sent = write(fd, at, len);
        check(sent > 0, "write");
        at += sent;
        len -= (size_t)sent;
    }
}

static void open_all(int fd, int port, const char *file)
{
    static const uint8_t connect_packet[] = "\x10\x17\0\4MQTT\4\2\0\0\0\13sqlite-rows";
    static const uint8_t subscribe[] = "\x82\x1a\0\1\0\x15v1/device/+/telemetry\1";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    check(connect(fd, (struct sockaddr *)&to, sizeof to) == 0, "connect");
    send_all(fd, connect_packet, sizeof connect_packet - 1);
    send_all(fd, subscribe, sizeof subscribe - 1);
    check(sqlite3_open(file, &db) == SQLITE_OK, "open");
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("CREATE TABLE sample (no INTEGER PRIMARY KEY, device TEXT, received_at INTEGER, vals BLOB)");
    check(sqlite3_prepare_v2(db, "INSERT INTO sample (device, received_at, vals) VALUES (?1, ?2, ?3)", -1, &insert, NULL) ==
              SQLITE_OK,
          sqlite3_errmsg(db));
}

/* One PUBLISH of QoS 1; its PUBACK is appended. */
static size_t take_publish(const uint8_t *body, size_t len, uint8_t *ack)
{
    size_t topic_len = (size_t)body[0] << 8 | body[1];
    check(len >= topic_len + 4, "short packet");
    sqlite3_bind_text(insert, 1, (const char *)body + 2 + 10, topic_len > 46 ? 36 : (int)topic_len - 10, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 2, now_ms());
    sqlite3_bind_blob(insert, 3, body + topic_len + 4, (int)(len - topic_len - 4), SQLITE_STATIC);
    check(sqlite3_step(insert) == SQLITE_DONE, sqlite3_errmsg(db));
    sqlite3_reset(insert);
    memcpy(ack, (uint8_t[]){0x40, 2, body[topic_len + 2], body[topic_len + 3]}, 4);
    return 4;
}

/* All whole packets of the input in one transaction. Returns the bytes used. */
static size_t take_all(int fd, const uint8_t *data, size_t len, uint64_t *rows)
{
    static uint8_t acks[INPUT_BYTES];
    size_t used = 0;
    size_t acks_len = 0;
    run("BEGIN");
    while (len - used >= 2) {
        size_t head = 1;
        size_t body_len = 0;
        unsigned shift = 0;
        do {
            body_len |= (size_t)(data[used + head] & 0x7f) << shift;
            shift += 7;
        } while (data[used + head++] & 0x80 && used + head < len);
        if (len - used < head + body_len || acks_len + 4 > sizeof acks) {
            break;
        }
        if (data[used] >> 4 == 3) {
            acks_len += take_publish(data + used + head, body_len, acks + acks_len);
            ++*rows;
        }
        used += head + body_len;
    }
    run("COMMIT");
    send_all(fd, acks, acks_len);
    return used;
}

int main(int argc, char **argv)
{
    check(argc == 3, "usage: sqlite_consumer PORT FILE");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    uint8_t *input = malloc(INPUT_BYTES);
    size_t len = 0;
    uint64_t rows = 0;
    int64_t told_ms = now_ms();
    check(fd >= 0 && input, "socket");
    open_all(fd, (int)strtol(argv[1], NULL, 10), argv[2]);
    for (;;) {
        ssize_t got = read(fd, input + len, INPUT_BYTES - len);
        check(got > 0, "the broker closed the connection");
        len += (size_t)got;
        size_t used = take_all(fd, input, len, &rows);
        memmove(input, input + used, len - used);
        len -= used;
        if (now_ms() - told_ms >= 1000) {
            told_ms = now_ms();
            printf("%llu\n", (unsigned long long)rows);
            fflush(stdout);
        }
    }
}
