/* What each broken packet is called. One line per rule of the standards. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/mqtt/mqtt.h"

#define C MQTT_FROM_CLIENT
#define S MQTT_FROM_SERVER
#define BYTES(literal) STR_INIT(literal)
#define CONNECT5 "\x00\x04MQTT\x05"
#define CONNECT4 "\x00\x04MQTT\x04"

struct fault_case {
    const char *rule;
    enum mqtt_version version;
    enum mqtt_from from;
    struct str bytes;
    enum mqtt_reason reason;
};

static const struct fault_case cases[] = {
    /* fixed header */
    {"type 0", MQTT_V5, C, BYTES("\x00\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-2.1.3-1] CONNECT flags", 0, C, BYTES("\x11\x0d" CONNECT5 "\x02\x00\x00\x00\x00\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.6.1-1] PUBREL flags", MQTT_V5, C, BYTES("\x60\x02\x00\x01"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.8.1-1] SUBSCRIBE flags", MQTT_V5, C, BYTES("\x80\x07\x00\x01\x00\x00\x01" "a" "\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.10.1-1] UNSUBSCRIBE flags", MQTT_V5, C, BYTES("\xa0\x06\x00\x01\x00\x00\x01" "a"), MQTT_MALFORMED_PACKET},
    {"PUBACK flags", MQTT_V5, C, BYTES("\x42\x02\x00\x01"), MQTT_MALFORMED_PACKET},
    {"PINGREQ flags", MQTT_V5, C, BYTES("\xc8\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.14.1-1] DISCONNECT flags", MQTT_V5, C, BYTES("\xe1\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.15.1-1] AUTH flags", MQTT_V5, C, BYTES("\xf4\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.3.1-4] QoS 3", MQTT_V5, C, BYTES("\x36\x06\x00\x01" "a" "\x00\x01\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.3.1-2] DUP with QoS 0", MQTT_V5, C, BYTES("\x38\x04\x00\x01" "a" "\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-1.5.5-1] length not minimal", MQTT_V5, C, BYTES("\xc0\x80\x00"), MQTT_MALFORMED_PACKET},
    {"length of five bytes", MQTT_V5, C, BYTES("\x30\x80\x80\x80\x80\x01"), MQTT_MALFORMED_PACKET},
    {"PINGREQ with a body", MQTT_V5, C, BYTES("\xc0\x01\x00"), MQTT_MALFORMED_PACKET},

    /* order and direction */
    {"[MQTT-3.1.0-1] PUBLISH first", 0, C, BYTES("\x30\x03\x00\x01" "a"), MQTT_PROTOCOL_ERROR},
    {"PINGREQ first", 0, C, BYTES("\xc0\x00"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.1.0-2] second CONNECT", MQTT_V5, C, BYTES("\x10\x0d" CONNECT5 "\x02\x00\x00\x00\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"CONNACK from a client", MQTT_V5, C, BYTES("\x20\x03\x00\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"SUBACK from a client", MQTT_V5, C, BYTES("\x90\x04\x00\x01\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"UNSUBACK from a client", MQTT_V5, C, BYTES("\xb0\x04\x00\x01\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"PINGRESP from a client", MQTT_V5, C, BYTES("\xd0\x00"), MQTT_PROTOCOL_ERROR},
    {"SUBSCRIBE from a server", MQTT_V5, S, BYTES("\x82\x07\x00\x01\x00\x00\x01" "a" "\x00"), MQTT_PROTOCOL_ERROR},
    {"AUTH in 3.1.1", MQTT_V311, C, BYTES("\xf0\x00"), MQTT_PROTOCOL_ERROR},
    {"DISCONNECT from a 3.1.1 server", MQTT_V311, S, BYTES("\xe0\x00"), MQTT_PROTOCOL_ERROR},

    /* CONNECT */
    {"[MQTT-3.1.2-1] protocol name", 0, C, BYTES("\x10\x0d\x00\x04MQTX\x05\x02\x00\x00\x00\x00\x00"), MQTT_UNSUPPORTED_VERSION},
    {"protocol name of 3.1", 0, C, BYTES("\x10\x0e\x00\x06MQIsdp\x03\x02\x00\x00\x00\x00"), MQTT_UNSUPPORTED_VERSION},
    {"[MQTT-3.1.2-2] level 3", 0, C, BYTES("\x10\x0c\x00\x04MQTT\x03\x02\x00\x00\x00\x00"), MQTT_UNSUPPORTED_VERSION},
    {"[MQTT-3.1.2-2] level 6", 0, C, BYTES("\x10\x0d\x00\x04MQTT\x06\x02\x00\x00\x00\x00\x00"), MQTT_UNSUPPORTED_VERSION},
    {"bridge bit in the level", 0, C, BYTES("\x10\x0c\x00\x04MQTT\x84\x02\x00\x00\x00\x00"), MQTT_UNSUPPORTED_VERSION},
    {"[MQTT-3.1.2-3] reserved flag", 0, C, BYTES("\x10\x0d" CONNECT5 "\x03\x00\x00\x00\x00\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.1.2-3] reserved flag, 3.1.1", 0, C, BYTES("\x10\x0c" CONNECT4 "\x03\x00\x00\x00\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.1.2-11] Will QoS without Will", 0, C, BYTES("\x10\x0d" CONNECT5 "\x0a\x00\x00\x00\x00\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.1.2-13] Will Retain without Will", 0, C, BYTES("\x10\x0d" CONNECT5 "\x22\x00\x00\x00\x00\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.1.2-12] Will QoS 3", 0, C, BYTES("\x10\x13" CONNECT5 "\x1e\x00\x00\x00\x00\x00\x00\x00\x01" "w" "\x00\x00"), MQTT_MALFORMED_PACKET},
    {"3.1.1 [MQTT-3.1.2-22] password alone", 0, C, BYTES("\x10\x0f" CONNECT4 "\x42\x00\x00\x00\x00\x00\x01" "p"), MQTT_MALFORMED_PACKET},
    {"3.1.1 [MQTT-3.1.3-8] empty id", 0, C, BYTES("\x10\x0c" CONNECT4 "\x00\x00\x00\x00\x00"), MQTT_CLIENT_ID_INVALID},
    {"[MQTT-3.1.3-4] id not UTF-8", 0, C, BYTES("\x10\x0e" CONNECT5 "\x02\x00\x00\x00\x00\x01\xff"), MQTT_MALFORMED_PACKET},
    {"[MQTT-1.5.4-2] id with U+0000", 0, C, BYTES("\x10\x0e" CONNECT5 "\x02\x00\x00\x00\x00\x01\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-1.5.4-1] surrogate", 0, C, BYTES("\x10\x10" CONNECT5 "\x02\x00\x00\x00\x00\x03\xed\xa0\x80"), MQTT_MALFORMED_PACKET},
    {"[MQTT-1.5.4-1] overlong", 0, C, BYTES("\x10\x0f" CONNECT5 "\x02\x00\x00\x00\x00\x02\xc0\x80"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.1.3-12] user name not UTF-8", 0, C, BYTES("\x10\x10" CONNECT5 "\x82\x00\x00\x00\x00\x00\x00\x01\xff"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.1.3-11] Will Topic not UTF-8", 0, C, BYTES("\x10\x13" CONNECT5 "\x06\x00\x00\x00\x00\x00\x00\x00\x01\xff\x00\x00"), MQTT_MALFORMED_PACKET},
    {"Will Topic with wildcard", 0, C, BYTES("\x10\x13" CONNECT5 "\x06\x00\x00\x00\x00\x00\x00\x00\x01#\x00\x00"), MQTT_TOPIC_NAME_INVALID},
    {"Will Topic empty", 0, C, BYTES("\x10\x12" CONNECT5 "\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), MQTT_TOPIC_NAME_INVALID},
    {"user name missing", 0, C, BYTES("\x10\x0d" CONNECT5 "\x82\x00\x00\x00\x00\x00"), MQTT_MALFORMED_PACKET},
    {"trailing byte", 0, C, BYTES("\x10\x0e" CONNECT5 "\x02\x00\x00\x00\x00\x00\x00"), MQTT_MALFORMED_PACKET},
    {"trailing byte, 3.1.1", 0, C, BYTES("\x10\x0d" CONNECT4 "\x02\x00\x00\x00\x00\x00"), MQTT_MALFORMED_PACKET},
    {"Receive Maximum 0", 0, C, BYTES("\x10\x10" CONNECT5 "\x02\x00\x00\x03\x21\x00\x00\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"Maximum Packet Size 0", 0, C, BYTES("\x10\x12" CONNECT5 "\x02\x00\x00\x05\x27\x00\x00\x00\x00\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"Request Problem Information 2", 0, C, BYTES("\x10\x0f" CONNECT5 "\x02\x00\x00\x02\x17\x02\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"Request Response Information 2", 0, C, BYTES("\x10\x0f" CONNECT5 "\x02\x00\x00\x02\x19\x02\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"Session Expiry twice", 0, C, BYTES("\x10\x17" CONNECT5 "\x02\x00\x00\x0a\x11\x00\x00\x00\x01\x11\x00\x00\x00\x01\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"Authentication Data alone", 0, C, BYTES("\x10\x11" CONNECT5 "\x02\x00\x00\x04\x16\x00\x01\x00\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"Topic Alias in CONNECT", 0, C, BYTES("\x10\x10" CONNECT5 "\x02\x00\x00\x03\x23\x00\x01\x00\x00"), MQTT_MALFORMED_PACKET},
    {"Will Delay outside the Will", 0, C, BYTES("\x10\x12" CONNECT5 "\x02\x00\x00\x05\x18\x00\x00\x00\x01\x00\x00"), MQTT_MALFORMED_PACKET},
    {"Session Expiry in the Will", 0, C, BYTES("\x10\x18" CONNECT5 "\x06\x00\x00\x00\x00\x00\x05\x11\x00\x00\x00\x01\x00\x01" "w" "\x00\x00"), MQTT_MALFORMED_PACKET},
    {"unknown property", 0, C, BYTES("\x10\x0f" CONNECT5 "\x02\x00\x00\x02\x04\x00\x00\x00"), MQTT_MALFORMED_PACKET},
    {"property id 0", 0, C, BYTES("\x10\x0f" CONNECT5 "\x02\x00\x00\x02\x00\x00\x00\x00"), MQTT_MALFORMED_PACKET},
    {"property id above the table", 0, C, BYTES("\x10\x0f" CONNECT5 "\x02\x00\x00\x02\x2b\x00\x00\x00"), MQTT_MALFORMED_PACKET},
    {"property id not minimal", 0, C, BYTES("\x10\x10" CONNECT5 "\x02\x00\x00\x03\x97\x00\x01\x00\x00"), MQTT_MALFORMED_PACKET},
    {"property cut off", 0, C, BYTES("\x10\x0e" CONNECT5 "\x02\x00\x00\x01\x11\x00\x00"), MQTT_MALFORMED_PACKET},
    {"property length too long", 0, C, BYTES("\x10\x0d" CONNECT5 "\x02\x00\x00\x7f\x00\x00"), MQTT_MALFORMED_PACKET},
    {"property length not minimal", 0, C, BYTES("\x10\x0e" CONNECT5 "\x02\x00\x00\x80\x00\x00\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-1.5.7-1] user property not UTF-8", 0, C, BYTES("\x10\x14" CONNECT5 "\x02\x00\x00\x07\x26\x00\x01" "a" "\x00\x01\xff\x00\x00"), MQTT_MALFORMED_PACKET},
    {"user property name not UTF-8", 0, C, BYTES("\x10\x14" CONNECT5 "\x02\x00\x00\x07\x26\x00\x01\xff\x00\x01" "a" "\x00\x00"), MQTT_MALFORMED_PACKET},
    {"Will payload format 2", 0, C, BYTES("\x10\x15" CONNECT5 "\x06\x00\x00\x00\x00\x00\x02\x01\x02\x00\x01" "w" "\x00\x00"), MQTT_PROTOCOL_ERROR},

    /* CONNACK */
    {"[MQTT-3.2.2-1] reserved flags", MQTT_V5, S, BYTES("\x20\x03\x02\x00\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.2.2-6] present and refused", MQTT_V5, S, BYTES("\x20\x03\x01\x87\x00"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.2.2-8] reason not of CONNACK", MQTT_V5, S, BYTES("\x20\x03\x00\x10\x00"), MQTT_PROTOCOL_ERROR},
    {"return code 6, 3.1.1", MQTT_V311, S, BYTES("\x20\x02\x00\x06"), MQTT_PROTOCOL_ERROR},
    {"without property length", MQTT_V5, S, BYTES("\x20\x02\x00\x00"), MQTT_MALFORMED_PACKET},
    {"Maximum QoS 2", MQTT_V5, S, BYTES("\x20\x05\x00\x00\x02\x24\x02"), MQTT_PROTOCOL_ERROR},
    {"Retain Available 2", MQTT_V5, S, BYTES("\x20\x05\x00\x00\x02\x25\x02"), MQTT_PROTOCOL_ERROR},
    {"Receive Maximum 0", MQTT_V5, S, BYTES("\x20\x06\x00\x00\x03\x21\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"Reason String twice", MQTT_V5, S, BYTES("\x20\x09\x00\x00\x06\x1f\x00\x00\x1f\x00\x00"), MQTT_PROTOCOL_ERROR},

    /* PUBLISH */
    {"[MQTT-3.3.2-1] topic not UTF-8", MQTT_V5, C, BYTES("\x30\x04\x00\x01\xff\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-1.5.4-2] topic with U+0000", MQTT_V5, C, BYTES("\x30\x04\x00\x01\x00\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.3.2-2] '+' in the topic", MQTT_V5, C, BYTES("\x30\x04\x00\x01+\x00"), MQTT_TOPIC_NAME_INVALID},
    {"[MQTT-3.3.2-2] '#' in the topic, 3.1.1", MQTT_V311, C, BYTES("\x30\x03\x00\x01#"), MQTT_TOPIC_NAME_INVALID},
    {"empty topic without alias", MQTT_V5, C, BYTES("\x30\x03\x00\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"empty topic, 3.1.1", MQTT_V311, C, BYTES("\x30\x02\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.3.2-8] alias 0", MQTT_V5, C, BYTES("\x30\x07\x00\x01" "a" "\x03\x23\x00\x00"), MQTT_TOPIC_ALIAS_INVALID},
    {"[MQTT-2.2.1-3] packet id 0", MQTT_V5, C, BYTES("\x32\x06\x00\x01" "a" "\x00\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"packet id missing", MQTT_V311, C, BYTES("\x32\x03\x00\x01" "a"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.3.4-6] identifier from a client", MQTT_V5, C, BYTES("\x30\x06\x00\x01" "a" "\x02\x0b\x01"), MQTT_PROTOCOL_ERROR},
    {"identifier 0", MQTT_V5, S, BYTES("\x30\x06\x00\x01" "a" "\x02\x0b\x00"), MQTT_PROTOCOL_ERROR},
    {"identifier not minimal", MQTT_V5, S, BYTES("\x30\x07\x00\x01" "a" "\x03\x0b\x81\x00"), MQTT_MALFORMED_PACKET},
    {"payload format 2", MQTT_V5, C, BYTES("\x30\x06\x00\x01" "a" "\x02\x01\x02"), MQTT_PROTOCOL_ERROR},
    {"payload format twice", MQTT_V5, C, BYTES("\x30\x08\x00\x01" "a" "\x04\x01\x01\x01\x01"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.3.2-14] response topic with wildcard", MQTT_V5, C, BYTES("\x30\x08\x00\x01" "a" "\x04\x08\x00\x01#"), MQTT_PROTOCOL_ERROR},
    {"response topic empty", MQTT_V5, C, BYTES("\x30\x07\x00\x01" "a" "\x03\x08\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.3.2-13] response topic not UTF-8", MQTT_V5, C, BYTES("\x30\x08\x00\x01" "a" "\x04\x08\x00\x01\xff"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.3.2-19] content type not UTF-8", MQTT_V5, C, BYTES("\x30\x08\x00\x01" "a" "\x04\x03\x00\x01\xff"), MQTT_MALFORMED_PACKET},
    {"Reason String in PUBLISH", MQTT_V5, C, BYTES("\x30\x07\x00\x01" "a" "\x03\x1f\x00\x00"), MQTT_MALFORMED_PACKET},
    {"property length missing", MQTT_V5, C, BYTES("\x30\x03\x00\x01" "a"), MQTT_MALFORMED_PACKET},

    /* acknowledgements */
    {"PUBACK id 0", MQTT_V5, C, BYTES("\x40\x02\x00\x00"), MQTT_PROTOCOL_ERROR},
    {"PUBACK empty", MQTT_V5, C, BYTES("\x40\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.4.2-1] PUBACK reason", MQTT_V5, C, BYTES("\x40\x03\x00\x01\x92"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.5.2-1] PUBREC reason", MQTT_V5, C, BYTES("\x50\x03\x00\x01\x01"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.6.2-1] PUBREL reason", MQTT_V5, C, BYTES("\x62\x03\x00\x01\x87"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.7.2-1] PUBCOMP reason", MQTT_V5, C, BYTES("\x70\x03\x00\x01\x10"), MQTT_PROTOCOL_ERROR},
    {"PUBACK with 3 bytes, 3.1.1", MQTT_V311, C, BYTES("\x40\x03\x00\x01\x00"), MQTT_MALFORMED_PACKET},
    {"PUBACK trailing byte", MQTT_V5, C, BYTES("\x40\x05\x00\x01\x00\x00\x00"), MQTT_MALFORMED_PACKET},
    {"PUBACK foreign property", MQTT_V5, C, BYTES("\x40\x06\x00\x01\x00\x02\x01\x01"), MQTT_MALFORMED_PACKET},

    /* SUBSCRIBE, UNSUBSCRIBE */
    {"[MQTT-3.8.3-2] no filter", MQTT_V5, C, BYTES("\x82\x03\x00\x01\x00"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.8.3-2] no filter, 3.1.1", MQTT_V311, C, BYTES("\x82\x02\x00\x01"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-2.2.1-3] packet id 0", MQTT_V5, C, BYTES("\x82\x07\x00\x00\x00\x00\x01" "a" "\x00"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.8.3-1] filter not UTF-8", MQTT_V5, C, BYTES("\x82\x07\x00\x01\x00\x00\x01\xff\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.8.3-5] reserved options", MQTT_V5, C, BYTES("\x82\x07\x00\x01\x00\x00\x01" "a" "\x40"), MQTT_MALFORMED_PACKET},
    {"3.1.1 [MQTT-3-8.3-4] reserved options", MQTT_V311, C, BYTES("\x82\x06\x00\x01\x00\x01" "a" "\x04"), MQTT_MALFORMED_PACKET},
    {"Maximum QoS 3", MQTT_V5, C, BYTES("\x82\x07\x00\x01\x00\x00\x01" "a" "\x03"), MQTT_PROTOCOL_ERROR},
    {"Retain Handling 3", MQTT_V5, C, BYTES("\x82\x07\x00\x01\x00\x00\x01" "a" "\x30"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.8.3-4] No Local, shared", MQTT_V5, C, BYTES("\x82\x0f\x00\x01\x00\x00\x09$share/gX" "\x04"), MQTT_PROTOCOL_ERROR},
    {"identifier 0", MQTT_V5, C, BYTES("\x82\x09\x00\x01\x02\x0b\x00\x00\x01" "a" "\x00"), MQTT_PROTOCOL_ERROR},
    {"identifier twice", MQTT_V5, C, BYTES("\x82\x0b\x00\x01\x04\x0b\x01\x0b\x02\x00\x01" "a" "\x00"), MQTT_PROTOCOL_ERROR},
    {"options missing", MQTT_V5, C, BYTES("\x82\x06\x00\x01\x00\x00\x01" "a"), MQTT_MALFORMED_PACKET},
    {"second filter cut off", MQTT_V5, C, BYTES("\x82\x0a\x00\x01\x00\x00\x01" "a" "\x00\x00\x05" "b"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.10.3-2] no filter", MQTT_V5, C, BYTES("\xa2\x03\x00\x01\x00"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.10.3-1] filter not UTF-8", MQTT_V5, C, BYTES("\xa2\x06\x00\x01\x00\x00\x01\xc1"), MQTT_MALFORMED_PACKET},
    {"UNSUBSCRIBE packet id 0", MQTT_V311, C, BYTES("\xa2\x05\x00\x00\x00\x01" "a"), MQTT_PROTOCOL_ERROR},
    {"identifier in UNSUBSCRIBE", MQTT_V5, C, BYTES("\xa2\x08\x00\x01\x02\x0b\x01\x00\x01" "a"), MQTT_MALFORMED_PACKET},

    /* SUBACK, UNSUBACK */
    {"SUBACK without codes", MQTT_V5, S, BYTES("\x90\x03\x00\x01\x00"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.9.3-2] SUBACK code", MQTT_V5, S, BYTES("\x90\x04\x00\x01\x00\x11"), MQTT_PROTOCOL_ERROR},
    {"3.1.1 [MQTT-3.9.3-2] SUBACK code", MQTT_V311, S, BYTES("\x90\x03\x00\x01\x87"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.11.3-2] UNSUBACK code", MQTT_V5, S, BYTES("\xb0\x04\x00\x01\x00\x01"), MQTT_PROTOCOL_ERROR},
    {"UNSUBACK with payload, 3.1.1", MQTT_V311, S, BYTES("\xb0\x03\x00\x01\x00"), MQTT_MALFORMED_PACKET},

    /* DISCONNECT, AUTH */
    {"DISCONNECT with a body, 3.1.1", MQTT_V311, C, BYTES("\xe0\x01\x00"), MQTT_MALFORMED_PACKET},
    {"[MQTT-3.14.2-1] server's code", MQTT_V5, C, BYTES("\xe0\x01\x8b"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.14.2-1] client's code", MQTT_V5, S, BYTES("\xe0\x01\x04"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.14.2-2] expiry from a server", MQTT_V5, S, BYTES("\xe0\x07\x00\x05\x11\x00\x00\x00\x01"), MQTT_PROTOCOL_ERROR},
    {"DISCONNECT trailing byte", MQTT_V5, C, BYTES("\xe0\x03\x00\x00\x00"), MQTT_MALFORMED_PACKET},
    {"AUTH without method", MQTT_V5, C, BYTES("\xf0\x02\x18\x00"), MQTT_PROTOCOL_ERROR},
    {"[MQTT-3.15.2-1] AUTH code", MQTT_V5, C, BYTES("\xf0\x06\x01\x04\x15\x00\x01m"), MQTT_PROTOCOL_ERROR},
    {"AUTH cut off", MQTT_V5, C, BYTES("\xf0\x01\x18"), MQTT_MALFORMED_PACKET},
};

static void every_rule(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct fault_case *c = &cases[i];
        struct mqtt_packet packet;
        struct mqtt_fault fault = mqtt_decode(&packet, c->version, c->from, (const uint8_t *)c->bytes.ptr, c->bytes.len);
        if (fault.reason != c->reason) {
            print_error("%s: 0x%02x (%s), expected 0x%02x\n", c->rule, fault.reason, fault.text, c->reason);
            wrong++;
        }
        assert_non_null(fault.text);
    }
    assert_int_equal(wrong, 0);
}

static void frame_finds_it_in_the_first_byte(void **state)
{
    (void)state;
    struct mqtt_frame frame;
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t first = (uint8_t)byte;
        unsigned type = byte >> 4, flags = byte & 15;
        bool possible = type != 0 && flags == (type == 6 || type == 8 || type == 10 ? 2u : 0u);
        if (type == 3) {
            possible = (flags & 6) != 6 && ((flags & 6) != 0 || (flags & 8) == 0);
        }
        assert_int_equal(mqtt_frame(&first, 1, 0, &frame), possible ? MQTT_FRAME_NEED_MORE : MQTT_FRAME_MALFORMED);
        assert_int_equal(frame.type, type);
    }
    assert_int_equal(mqtt_frame(NULL, 0, 0, &frame), MQTT_FRAME_NEED_MORE);
}

static void frame_lengths(void **state)
{
    (void)state;
    static const struct {
        struct str bytes;
        size_t total;
        enum mqtt_frame_status status;
    } lengths[] = {
        {BYTES("\x30\x00"), 2, MQTT_FRAME_OK},
        {BYTES("\x30\x7f"), 129, MQTT_FRAME_NEED_MORE},
        {BYTES("\x30\x80\x01"), 131, MQTT_FRAME_NEED_MORE},
        {BYTES("\x30\xff\x7f"), 16386, MQTT_FRAME_NEED_MORE},
        {BYTES("\x30\x80\x80\x01"), 16388, MQTT_FRAME_NEED_MORE},
        {BYTES("\x30\xff\xff\x7f"), 2097155, MQTT_FRAME_NEED_MORE},
        {BYTES("\x30\x80\x80\x80\x01"), 2097157, MQTT_FRAME_NEED_MORE},
        {BYTES("\x30\xff\xff\xff\x7f"), 268435460, MQTT_FRAME_NEED_MORE},
        {BYTES("\x30\xff\xff\xff"), 0, MQTT_FRAME_NEED_MORE},
        {BYTES("\x30\xff\xff\xff\xff"), 0, MQTT_FRAME_MALFORMED},
        {BYTES("\x30\x80\x80\x00"), 0, MQTT_FRAME_MALFORMED},
    };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct mqtt_frame frame;
        assert_int_equal(mqtt_frame((const uint8_t *)lengths[i].bytes.ptr, lengths[i].bytes.len, 0, &frame),
                         lengths[i].status);
        assert_int_equal(frame.total_bytes, lengths[i].total);
    }
}

static void frame_too_large(void **state)
{
    (void)state;
    struct mqtt_frame frame;
    const uint8_t data[] = {0x30, 0x7f};
    assert_int_equal(mqtt_frame(data, 2, 129, &frame), MQTT_FRAME_NEED_MORE);
    assert_int_equal(mqtt_frame(data, 2, 128, &frame), MQTT_FRAME_TOO_LARGE);
    assert_int_equal(frame.total_bytes, 129);
    assert_non_null(frame.error);
}

static void a_refused_connect_tells_its_level(void **state)
{
    (void)state;
    struct mqtt_packet packet;
    const struct str level6 = BYTES("\x10\x0d\x00\x04MQTT\x06\x02\x00\x00\x00\x00\x00");
    struct mqtt_fault fault = mqtt_decode(&packet, MQTT_VERSION_NONE, C, (const uint8_t *)level6.ptr, level6.len);
    assert_int_equal(fault.reason, MQTT_UNSUPPORTED_VERSION);
    assert_int_equal(packet.connect.protocol_level, 6);
    assert_int_equal(packet.connect.version, MQTT_VERSION_NONE);
    const struct str flags = BYTES("\x10\x0c" CONNECT4 "\x03\x00\x00\x00\x00");
    fault = mqtt_decode(&packet, MQTT_VERSION_NONE, C, (const uint8_t *)flags.ptr, flags.len);
    assert_int_equal(fault.reason, MQTT_MALFORMED_PACKET);
    assert_int_equal(packet.connect.version, MQTT_V311);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule),
        cmocka_unit_test(frame_finds_it_in_the_first_byte),
        cmocka_unit_test(frame_lengths),
        cmocka_unit_test(frame_too_large),
        cmocka_unit_test(a_refused_connect_tells_its_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
