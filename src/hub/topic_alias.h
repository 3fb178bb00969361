/* Topic aliases of one direction of a connection (MQTT 5.0 section 3.3.2.3.4): a short table, made with its first entry.
 * Loop thread only. */
#ifndef MUSTER_HUB_TOPIC_ALIAS_H
#define MUSTER_HUB_TOPIC_ALIAS_H

#include "base/str.h"
#include "model/settings.h"

#define TOPIC_ALIASES_MAX 32u /* in each direction, whatever the client or the settings allow */

struct alias_table;

/* What CONNACK offers. */
static inline uint16_t topic_alias_maximum(const struct settings *settings)
{
    return (uint16_t)(settings->mqtt_topic_aliases < TOPIC_ALIASES_MAX ? settings->mqtt_topic_aliases : TOPIC_ALIASES_MAX);
}

/* Of an alias from 1 to TOPIC_ALIASES_MAX. An empty topic is as good as none; the topic is copied. */
void alias_set(struct alias_table **table, uint16_t alias, struct str topic);
struct str alias_topic(const struct alias_table *table, uint16_t alias); /* empty: not set */
uint16_t alias_find(const struct alias_table *table, struct str topic);  /* 0: none */
/* One that is free, not above `maximum`; 0: none. */
uint16_t alias_next(const struct alias_table *table, uint16_t maximum);
void alias_table_free(struct alias_table *table); /* NULL is accepted */

#endif
