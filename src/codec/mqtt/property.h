/* The one table of MQTT properties that decoder, encoder and iterators share. Private to codec/mqtt. */
#ifndef MUSTER_CODEC_MQTT_PROPERTY_H
#define MUSTER_CODEC_MQTT_PROPERTY_H

#include "codec/mqtt/mqtt.h"

enum property_kind {
    PROPERTY_NONE, /* no such property */
    PROPERTY_BYTE, /* all of them are 0 or 1 */
    PROPERTY_U16,
    PROPERTY_U32,
    PROPERTY_VARINT,
    PROPERTY_STRING,
    PROPERTY_BINARY,
    PROPERTY_PAIR,
};

/* Where properties stand: a packet type's number, or the Will of a CONNECT. */
#define PROPERTY_WILL 0u

struct property_rule {
    const char *name;
    enum property_kind kind;
    uint16_t where;         /* bit (1 << packet type or PROPERTY_WILL) */
    uint16_t repeats;       /* of these, where it may occur more than once */
    uint16_t offset;        /* of its field in struct mqtt_properties; kinds VARINT and PAIR have none */
    uint8_t zero_reason;    /* enum mqtt_reason if the value 0 is forbidden, else 0 */
};

#define PROPERTY_ID_MAX 0x2Au

/* NULL: unknown identifier. */
const struct property_rule *property_rule(uint32_t id);

/* A Variable Byte Integer, section 1.5.5; the cursor fails when it is too long, cut off or not minimal. */
uint32_t cursor_varint(struct cursor *c);

/* Checks `raw` (properties without their length) and fills *ret. */
struct mqtt_fault properties_decode(struct mqtt_properties *ret, struct cursor raw, unsigned where,
                                    enum mqtt_from from) MUST_CHECK;

#endif
