#include "common.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { INBOX_MAX = 4096 };

struct arrived {
    char *topic, *text;
    bool retained, taken;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct arrived inbox[INBOX_MAX];
static size_t inbox_len;

void fail(const char *what, int code)
{
    fprintf(stderr, "failed: %s (%d)\n", what, code);
    exit(1);
}

static struct who who_parse(char **argv)
{
    return (struct who){argv[0], strcmp(argv[1], "-") == 0 ? NULL : argv[1], strcmp(argv[2], "-") == 0 ? NULL : argv[2]};
}

struct arguments arguments_parse(int argc, char **argv)
{
    if (argc < 11) {
        fail("arguments", argc);
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    return (struct arguments){argv[0], argv[1], argv[2], argv[3], argv[4], who_parse(argv + 5), who_parse(argv + 8)};
}

const char *topic_of(char *buffer, const struct arguments *arguments, const char *name)
{
    snprintf(buffer, TEXT_BYTES, "%s/%s", arguments->base, name);
    return buffer;
}

void report(const char *step)
{
    char line[TEXT_BYTES];
    printf("%s\n", step);
    if (!fgets(line, sizeof line, stdin)) {
        fail("no answer to", 0);
    }
}

void inbox_add(const char *topic, const char *payload, size_t len, bool retained)
{
    pthread_mutex_lock(&lock);
    if (inbox_len == INBOX_MAX) {
        fail("more messages than expected", INBOX_MAX);
    }
    inbox[inbox_len++] = (struct arrived){strdup(topic), strndup(payload, len), retained, false};
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static struct arrived *find(const char *topic)
{
    for (size_t i = 0; i < inbox_len; i++) {
        if (!inbox[i].taken && strcmp(inbox[i].topic, topic) == 0) {
            return &inbox[i];
        }
    }
    return NULL;
}

bool inbox_expect(const struct arguments *arguments, const char *name, const char *text)
{
    char topic[TEXT_BYTES];
    struct timespec until;
    struct arrived *found;
    topic_of(topic, arguments, name);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_MS / 1000;
    pthread_mutex_lock(&lock);
    while (!(found = find(topic))) {
        if (pthread_cond_timedwait(&changed, &lock, &until) == ETIMEDOUT) {
            fail(topic, ETIMEDOUT);
        }
    }
    found->taken = true;
    bool retained = found->retained;
    bool same = strcmp(found->text, text) == 0;
    pthread_mutex_unlock(&lock);
    if (!same) {
        fprintf(stderr, "%s: expected '%s', got '%s'\n", topic, text, found->text);
        fail("another message", 0);
    }
    return retained;
}

static unsigned count_of(const char *topic)
{
    unsigned count = 0;
    for (size_t i = 0; i < inbox_len; i++) {
        count += !inbox[i].taken && strcmp(inbox[i].topic, topic) == 0;
    }
    return count;
}

void inbox_await(const struct arguments *arguments, const char *name, unsigned count)
{
    char topic[TEXT_BYTES];
    struct timespec until;
    topic_of(topic, arguments, name);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_MS / 1000;
    pthread_mutex_lock(&lock);
    while (count_of(topic) < count) {
        if (pthread_cond_timedwait(&changed, &lock, &until) == ETIMEDOUT) {
            fail(topic, ETIMEDOUT);
        }
    }
    pthread_mutex_unlock(&lock);
}

unsigned inbox_count(const struct arguments *arguments, const char *name)
{
    char topic[TEXT_BYTES];
    topic_of(topic, arguments, name);
    pthread_mutex_lock(&lock);
    unsigned count = count_of(topic);
    pthread_mutex_unlock(&lock);
    return count;
}
