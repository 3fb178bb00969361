/* The configuration file: INI with sections, `name = value`, comments with ; or # at the start of a line and with " ;"
 * behind a value. It only knows the form; what settings there are is the application's table. All mistakes of a file
 * are collected, each with its line, so that an operator fixes them in one go. */
#ifndef MUSTER_CODEC_CONFIG_FILE_H
#define MUSTER_CODEC_CONFIG_FILE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define CONFIG_FILE_BYTES_MAX ((size_t)1024 * 1024)
#define CONFIG_LINE_BYTES_MAX 4000

struct config_item {
    struct str section;      /* "listener" of [listener mqtt-local]; empty before the first section */
    struct str section_name; /* "mqtt-local"; empty if the section has none */
    struct str name;         /* ptr NULL: the section begins here */
    struct str value;
    unsigned line;
};

struct config_mistake {
    unsigned line;
    char *text;
};
struct config_mistakes {
    struct config_mistake *items;
    size_t count;
};

void config_mistakes_init(struct config_mistakes *mistakes);
void config_mistakes_deinit(struct config_mistakes *mistakes);
/* For on_item as well: what is wrong with this line. Unprintable characters in the text are escaped. */
void config_mistake_add(struct config_mistakes *mistakes, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Calls on_item for every section and every setting, in order; the item is valid during the call. Blanks and one pair
 * of double quotes around a value are taken off. ERR_INVALID: there are mistakes. Not reentrant (inih keeps its
 * settings in globals): start-up and reload only, one thread at a time. */
MUST_CHECK enum err config_parse(struct str text, void (*on_item)(void *user, const struct config_item *item,
                                                                  struct config_mistakes *mistakes),
                                 void *user, struct config_mistakes *mistakes);

/* Values. False: not one, and *ret_ is untouched. */
bool config_to_bool(struct str text, bool *ret_value); /* on off yes no true false 1 0 */
/* "250ms", "10s", "5m", "2h", "7d"; "0" needs no unit. Milliseconds. */
bool config_to_duration_ms(struct str text, uint64_t *ret_ms);
/* "4096", "16B", "256KiB", "4MiB", "1GiB". Bytes. */
bool config_to_size(struct str text, uint64_t *ret_bytes);
bool config_to_unsigned(struct str text, uint64_t maximum, uint64_t *ret_value);

/* "127.0.0.1:1883", "[::1]:1883", "localhost:0", or "off" (then is_off, and nothing else is set). The host is checked
 * for its form only: io/net.h turns it into an address. */
struct config_address {
    struct str host; /* borrowed from the text, without brackets */
    uint16_t port;
    bool is_off;
};
bool config_to_address(struct str text, struct config_address *ret_address);

#endif
