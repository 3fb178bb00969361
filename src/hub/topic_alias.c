#include "hub/topic_alias.h"

#include "base/mem.h"

struct alias_table {
    uint16_t count; /* aliases 1 to count have been set */
    struct str topics[TOPIC_ALIASES_MAX];
};

static void topic_free(struct str topic)
{
    mem_free((char *)(uintptr_t)topic.ptr);
}

void alias_set(struct alias_table **table, uint16_t alias, struct str topic)
{
    if (!*table) {
        *table = mem_new(struct alias_table);
    }
    struct str *place = &(*table)->topics[alias - 1];
    if (str_eq(*place, topic)) {
        return;
    }
    topic_free(*place);
    *place = topic.len > 0 ? str_from(mem_dup(topic.ptr, topic.len), topic.len) : STR("");
    if (topic.len == 0) {
        place->ptr = NULL;
    }
    (*table)->count = alias > (*table)->count ? alias : (*table)->count;
}

struct str alias_topic(const struct alias_table *table, uint16_t alias)
{
    return table && alias <= table->count ? table->topics[alias - 1] : STR("");
}

uint16_t alias_find(const struct alias_table *table, struct str topic)
{
    for (uint16_t i = 0; table && i < table->count; i++) {
        if (str_eq(table->topics[i], topic)) {
            return (uint16_t)(i + 1);
        }
    }
    return 0;
}

uint16_t alias_next(const struct alias_table *table, uint16_t maximum)
{
    unsigned used = table ? table->count : 0;
    return used < maximum && used < TOPIC_ALIASES_MAX ? (uint16_t)(used + 1) : 0;
}

void alias_table_free(struct alias_table *table)
{
    for (uint16_t i = 0; table && i < table->count; i++) {
        topic_free(table->topics[i]);
    }
    mem_free(table);
}
