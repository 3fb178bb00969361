/* inih knows one line at a time here: it says only where the first mistake of a whole text is, and nothing of sections
 * without settings, while an operator wants to hear of everything at once. */
#include "codec/config/config_file.h"

#include <ini.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/utf8.h"

void config_mistakes_init(struct config_mistakes *mistakes)
{
    *mistakes = (struct config_mistakes){NULL, 0};
}

void config_mistakes_deinit(struct config_mistakes *mistakes)
{
    for (size_t i = 0; i < mistakes->count; i++) {
        mem_free(mistakes->items[i].text);
    }
    mem_free(mistakes->items);
    config_mistakes_init(mistakes);
}

/* A terminal will show it: what is not printable is replaced. */
static void make_printable(char *text)
{
    bool valid = utf8_is_valid(str_from_cstr(text));
    for (char *at = text; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if (c < 0x20 || c == 0x7f || (c >= 0x80 && !valid)) {
            *at = '?';
        }
    }
}

void config_mistake_add(struct config_mistakes *mistakes, unsigned line, const char *format, ...)
{
    struct buf text;
    va_list args;
    buf_init(&text, CONFIG_FILE_BYTES_MAX);
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    char *copy = str_dup(buf_str(&text));
    buf_deinit(&text);
    make_printable(copy);
    mistakes->items = mem_realloc(mistakes->items, (mistakes->count + 1) * sizeof *mistakes->items);
    mistakes->items[mistakes->count++] = (struct config_mistake){line, copy};
}

struct parse {
    void (*on_item)(void *user, const struct config_item *item, struct config_mistakes *mistakes);
    void *user;
    struct config_mistakes *mistakes;
    struct config_item item;
};

static struct str without_quotes(struct str value)
{
    bool quoted = value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"';
    return quoted ? str_sub(value, 1, value.len - 2) : value;
}

static int on_setting(void *user, const char *section, const char *name, const char *value)
{
    struct parse *parse = user;
    (void)section;
    parse->item.name = str_from_cstr(name);
    parse->item.value = without_quotes(str_from_cstr(value));
    if (parse->item.name.len == 0) {
        config_mistake_add(parse->mistakes, parse->item.line, "a setting without a name");
    } else {
        parse->on_item(parse->user, &parse->item, parse->mistakes);
    }
    return 1;
}

static void parse_setting(struct parse *parse, struct str line)
{
    char text[CONFIG_LINE_BYTES_MAX + 1];
    memcpy(text, line.ptr, line.len);
    text[line.len] = '\0';
    if (ini_parse_string(text, on_setting, parse) != 0) {
        config_mistake_add(parse->mistakes, parse->item.line, "expected `name = value`: %.*s", STR_ARG(line));
    }
}

static bool is_comment(struct str text)
{
    return text.len > 0 && (text.ptr[0] == ';' || text.ptr[0] == '#');
}

/* "[listener mqtt-local]" */
static void parse_section(struct parse *parse, struct str line)
{
    struct str behind = str_sub(line, 1, line.len);
    struct str content = str_split(&behind, ']');
    struct str rest = str_trim(content);
    if (!behind.ptr || rest.len == 0 || (!str_is_blank(behind) && !is_comment(str_trim(behind)))) {
        config_mistake_add(parse->mistakes, parse->item.line, "expected `[section]` or `[section name]`: %.*s",
                           STR_ARG(line));
        return;
    }
    parse->item.section = str_split(&rest, ' ');
    parse->item.section_name = str_trim(rest);
    parse->item.name = (struct str){NULL, 0};
    parse->item.value = (struct str){NULL, 0};
    parse->on_item(parse->user, &parse->item, parse->mistakes);
}

static void parse_line(struct parse *parse, struct str line)
{
    line = str_trim(line); /* an indented line would continue the one before it */
    if (line.len > CONFIG_LINE_BYTES_MAX) {
        config_mistake_add(parse->mistakes, parse->item.line, "the line is longer than %d bytes", CONFIG_LINE_BYTES_MAX);
    } else if (!utf8_is_valid_mqtt(line)) {
        config_mistake_add(parse->mistakes, parse->item.line, "the line is not valid UTF-8 text");
    } else if (line.len == 0 || is_comment(line)) {
        return;
    } else if (line.ptr[0] == '[') {
        parse_section(parse, line);
    } else {
        parse_setting(parse, line);
    }
}

static void inih_setup(void)
{
    ini_use_stack = false;
    ini_max_line = CONFIG_LINE_BYTES_MAX + 8;
    ini_initial_alloc = CONFIG_LINE_BYTES_MAX + 8;
    ini_allow_multiline = false;
}

enum err config_parse(struct str text, void (*on_item)(void *user, const struct config_item *item,
                                                       struct config_mistakes *mistakes),
                      void *user, struct config_mistakes *mistakes)
{
    static const struct str bom = STR_INIT("\xef\xbb\xbf");
    struct parse parse = {.on_item = on_item, .user = user, .mistakes = mistakes};
    size_t mistakes_before = mistakes->count;
    inih_setup();
    if (text.len > CONFIG_FILE_BYTES_MAX) {
        config_mistake_add(mistakes, 1, "the file is larger than %zu bytes", CONFIG_FILE_BYTES_MAX);
        return ERR_INVALID;
    }
    struct str rest = str_starts_with(text, bom) ? str_sub(text, bom.len, text.len) : text;
    while (rest.ptr) {
        parse.item.line++;
        parse_line(&parse, str_split(&rest, '\n'));
    }
    return mistakes->count > mistakes_before ? ERR_INVALID : ERR_OK;
}
