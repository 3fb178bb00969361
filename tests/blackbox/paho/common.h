/* What the two Paho programs share: who they are, what has arrived, and how they fail. */
#ifndef PAHO_COMMON_H
#define PAHO_COMMON_H

#include <stdbool.h>
#include <stddef.h>

enum { WAIT_MS = 60000, TEXT_BYTES = 256 };

struct who {
    const char *id, *user, *password; /* user NULL: no credentials */
};

/* The command line: URI TOPIC-BASE FOLDER CA-FILE, then id, user and password of two clients ("-": none). */
struct arguments {
    const char *program, *uri, *base, *folder, *ca;
    struct who one, two;
};

struct arguments arguments_parse(int argc, char **argv);

/* Ends the program with what went wrong. */
void fail(const char *what, int code) __attribute__((noreturn));
#define CHECK(call)                                                                                                              \
    do {                                                                                                                         \
        int code_ = (call);                                                                                                      \
        if (code_ != 0) {                                                                                                        \
            fail(#call, code_);                                                                                                  \
        }                                                                                                                        \
    } while (0)
#define CHECK_THAT(condition)                                                                                                    \
    do {                                                                                                                         \
        if (!(condition)) {                                                                                                      \
            fail(#condition, 0);                                                                                                 \
        }                                                                                                                        \
    } while (0)

/* Topic below the base; the buffer is the caller's. */
const char *topic_of(char *buffer, const struct arguments *arguments, const char *name);

/* Tells the test about a step, and waits until it answers with a line. */
void report(const char *step);

/* Messages, in the order of their arrival; filled by the library's thread. */
void inbox_add(const char *topic, const char *payload, size_t len, bool retained);
/* Waits for the next message on that topic below the base; returns whether it was marked as retained. Fails if its text is
 * another one. Messages of other topics stay. */
bool inbox_expect(const struct arguments *arguments, const char *name, const char *text);
/* Waits until `count` messages with that topic have arrived that were not expected yet. */
void inbox_await(const struct arguments *arguments, const char *name, unsigned count);
/* How many messages with that topic have arrived and were not expected yet. */
unsigned inbox_count(const struct arguments *arguments, const char *name);

#endif
