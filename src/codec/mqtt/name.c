/* Names of packets and reason codes, and which packet may carry which code (section 2.4 and the tables of each packet). */
#include "codec/mqtt/mqtt.h"

#define IN(type) (1u << (type))
#define PUBLISH_ACKS (IN(MQTT_PUBACK) | IN(MQTT_PUBREC))
#define RELEASE_ACKS (IN(MQTT_PUBREL) | IN(MQTT_PUBCOMP))
#define SUBSCRIBE_ACKS (IN(MQTT_SUBACK) | IN(MQTT_UNSUBACK))
#define ACKS (PUBLISH_ACKS | SUBSCRIBE_ACKS)

struct reason {
    uint8_t code;
    uint16_t client; /* packets in which a client may send it */
    uint16_t server;
    const char *name;
};

/* 0x8B in CONNACK is not in the standard's table; the hub says it while it stops (mqtt.md section 2.1). */
static const struct reason reasons[] = {
    {0x00, IN(MQTT_DISCONNECT), IN(MQTT_DISCONNECT), "Normal disconnection"},
    {0x00, 0, IN(MQTT_SUBACK), "Granted QoS 0"},
    {0x00, PUBLISH_ACKS | RELEASE_ACKS,
     IN(MQTT_CONNACK) | PUBLISH_ACKS | RELEASE_ACKS | IN(MQTT_UNSUBACK) | IN(MQTT_AUTH), "Success"},
    {0x01, 0, IN(MQTT_SUBACK), "Granted QoS 1"},
    {0x02, 0, IN(MQTT_SUBACK), "Granted QoS 2"},
    {0x04, IN(MQTT_DISCONNECT), 0, "Disconnect with Will Message"},
    {0x10, PUBLISH_ACKS, PUBLISH_ACKS, "No matching subscribers"},
    {0x11, 0, IN(MQTT_UNSUBACK), "No subscription existed"},
    {0x18, IN(MQTT_AUTH), IN(MQTT_AUTH), "Continue authentication"},
    {0x19, IN(MQTT_AUTH), 0, "Re-authenticate"},
    {0x80, PUBLISH_ACKS | IN(MQTT_DISCONNECT), IN(MQTT_CONNACK) | ACKS | IN(MQTT_DISCONNECT), "Unspecified error"},
    {0x81, IN(MQTT_DISCONNECT), IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT), "Malformed Packet"},
    {0x82, IN(MQTT_DISCONNECT), IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT), "Protocol Error"},
    {0x83, PUBLISH_ACKS | IN(MQTT_DISCONNECT), IN(MQTT_CONNACK) | ACKS | IN(MQTT_DISCONNECT),
     "Implementation specific error"},
    {0x84, 0, IN(MQTT_CONNACK), "Unsupported Protocol Version"},
    {0x85, 0, IN(MQTT_CONNACK), "Client Identifier not valid"},
    {0x86, 0, IN(MQTT_CONNACK), "Bad User Name or Password"},
    {0x87, PUBLISH_ACKS, IN(MQTT_CONNACK) | ACKS | IN(MQTT_DISCONNECT), "Not authorized"},
    {0x88, 0, IN(MQTT_CONNACK), "Server unavailable"},
    {0x89, 0, IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT), "Server busy"},
    {0x8A, 0, IN(MQTT_CONNACK), "Banned"},
    {0x8B, 0, IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT), "Server shutting down"},
    {0x8C, 0, IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT), "Bad authentication method"},
    {0x8D, 0, IN(MQTT_DISCONNECT), "Keep Alive timeout"},
    {0x8E, 0, IN(MQTT_DISCONNECT), "Session taken over"},
    {0x8F, 0, SUBSCRIBE_ACKS | IN(MQTT_DISCONNECT), "Topic Filter invalid"},
    {0x90, PUBLISH_ACKS | IN(MQTT_DISCONNECT), IN(MQTT_CONNACK) | PUBLISH_ACKS | IN(MQTT_DISCONNECT),
     "Topic Name invalid"},
    {0x91, PUBLISH_ACKS, ACKS, "Packet Identifier in use"},
    {0x92, RELEASE_ACKS, RELEASE_ACKS, "Packet Identifier not found"},
    {0x93, IN(MQTT_DISCONNECT), IN(MQTT_DISCONNECT), "Receive Maximum exceeded"},
    {0x94, IN(MQTT_DISCONNECT), IN(MQTT_DISCONNECT), "Topic Alias invalid"},
    {0x95, IN(MQTT_DISCONNECT), IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT), "Packet too large"},
    {0x96, IN(MQTT_DISCONNECT), IN(MQTT_DISCONNECT), "Message rate too high"},
    {0x97, PUBLISH_ACKS | IN(MQTT_DISCONNECT),
     IN(MQTT_CONNACK) | PUBLISH_ACKS | IN(MQTT_SUBACK) | IN(MQTT_DISCONNECT), "Quota exceeded"},
    {0x98, IN(MQTT_DISCONNECT), IN(MQTT_DISCONNECT), "Administrative action"},
    {0x99, PUBLISH_ACKS | IN(MQTT_DISCONNECT), IN(MQTT_CONNACK) | PUBLISH_ACKS | IN(MQTT_DISCONNECT),
     "Payload format invalid"},
    {0x9A, 0, IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT), "Retain not supported"},
    {0x9B, 0, IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT), "QoS not supported"},
    {0x9C, 0, IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT), "Use another server"},
    {0x9D, 0, IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT), "Server moved"},
    {0x9E, 0, IN(MQTT_SUBACK) | IN(MQTT_DISCONNECT), "Shared Subscriptions not supported"},
    {0x9F, 0, IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT), "Connection rate exceeded"},
    {0xA0, 0, IN(MQTT_DISCONNECT), "Maximum connect time"},
    {0xA1, 0, IN(MQTT_SUBACK) | IN(MQTT_DISCONNECT), "Subscription Identifiers not supported"},
    {0xA2, 0, IN(MQTT_SUBACK) | IN(MQTT_DISCONNECT), "Wildcard Subscriptions not supported"},
};

static const struct reason *find_reason(enum mqtt_type type, uint8_t code)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].code == code && ((reasons[i].client | reasons[i].server) & IN(type))) {
            return &reasons[i];
        }
    }
    return NULL;
}

const char *mqtt_reason_name(enum mqtt_type type, uint8_t reason)
{
    const struct reason *found = find_reason(type, reason);
    return found ? found->name : "Unknown";
}

bool mqtt_reason_is_allowed(enum mqtt_type type, enum mqtt_from from, uint8_t reason)
{
    if (reason == MQTT_SUCCESS && type != MQTT_AUTH) {
        return true; /* every packet that has a code knows 0; spares acknowledgements the search */
    }
    const struct reason *found = find_reason(type, reason);
    return found && ((from == MQTT_FROM_CLIENT ? found->client : found->server) & IN(type));
}

const char *mqtt_type_name(enum mqtt_type type)
{
    static const char *const names[] = {"?",         "CONNECT", "CONNACK",     "PUBLISH",  "PUBACK",  "PUBREC",
                                        "PUBREL",    "PUBCOMP", "SUBSCRIBE",   "SUBACK",   "UNSUBSCRIBE", "UNSUBACK",
                                        "PINGREQ",   "PINGRESP", "DISCONNECT", "AUTH"};
    return (unsigned)type < sizeof names / sizeof names[0] ? names[type] : "?";
}

enum mqtt_v311_return mqtt_v311_return(enum mqtt_reason reason)
{
    static const struct {
        enum mqtt_reason reason;
        enum mqtt_v311_return code;
    } pairs[] = {
        {MQTT_SUCCESS, MQTT_V311_ACCEPTED},
        {MQTT_UNSUPPORTED_VERSION, MQTT_V311_UNACCEPTABLE_VERSION},
        {MQTT_CLIENT_ID_INVALID, MQTT_V311_IDENTIFIER_REJECTED},
        {MQTT_SERVER_UNAVAILABLE, MQTT_V311_SERVER_UNAVAILABLE},
        {MQTT_SERVER_BUSY, MQTT_V311_SERVER_UNAVAILABLE},
        {MQTT_SERVER_SHUTTING_DOWN, MQTT_V311_SERVER_UNAVAILABLE},
        {MQTT_QUOTA_EXCEEDED, MQTT_V311_SERVER_UNAVAILABLE},
        {MQTT_CONNECTION_RATE_EXCEEDED, MQTT_V311_SERVER_UNAVAILABLE},
        {MQTT_BAD_CREDENTIALS, MQTT_V311_BAD_USER_NAME_OR_PASSWORD},
        {MQTT_NOT_AUTHORIZED, MQTT_V311_NOT_AUTHORIZED},
        {MQTT_TOPIC_NAME_INVALID, MQTT_V311_NOT_AUTHORIZED}, /* of the Will: one row of mqtt.md section 2.1 */
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i].reason == reason) {
            return pairs[i].code;
        }
    }
    return MQTT_V311_CLOSE;
}
