/* The MQTT 5.0 and 3.1.1 packet codec: bytes <-> structs, every packet type in both directions, no I/O and no state.
 *
 *   receive:  mqtt_frame()  how long is the packet, and is its first byte possible at all
 *             mqtt_decode() the whole packet into a tagged union whose slices borrow the input
 *   send:     mqtt_encode() any packet; mqtt_encode_publish_head(), mqtt_encode_puback() for the hot paths
 *
 * A decode allocates nothing: what may occur many times (user properties, subscription identifiers, filters) is checked
 * once and then read lazily, with iterators, from the validated bytes. Everything the standards let a codec check is
 * checked here; what needs a session (packet ids in use, alias limits, flow control) or a policy (which filters are
 * allowed) is the hub's. The rules are cited as [MQTT-x.x.x-n] of MQTT 5.0 unless 3.1.1 is named.
 *
 * All functions: any thread; input and output are the caller's. */
#ifndef MUSTER_CODEC_MQTT_MQTT_H
#define MUSTER_CODEC_MQTT_MQTT_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/str.h"

enum mqtt_version {
    MQTT_VERSION_NONE = 0, /* before CONNECT: nothing else is allowed [MQTT-3.1.0-1] */
    MQTT_V311 = 4,
    MQTT_V5 = 5,
};

/* Who sent the packet that is decoded. */
enum mqtt_from {
    MQTT_FROM_CLIENT,
    MQTT_FROM_SERVER,
};

enum mqtt_type {
    MQTT_CONNECT = 1,
    MQTT_CONNACK = 2,
    MQTT_PUBLISH = 3,
    MQTT_PUBACK = 4,
    MQTT_PUBREC = 5,
    MQTT_PUBREL = 6,
    MQTT_PUBCOMP = 7,
    MQTT_SUBSCRIBE = 8,
    MQTT_SUBACK = 9,
    MQTT_UNSUBSCRIBE = 10,
    MQTT_UNSUBACK = 11,
    MQTT_PINGREQ = 12,
    MQTT_PINGRESP = 13,
    MQTT_DISCONNECT = 14,
    MQTT_AUTH = 15, /* 5.0 only */
};

/* Reason codes, section 2.4. */
enum mqtt_reason {
    MQTT_SUCCESS = 0x00, /* also Normal disconnection, Granted QoS 0 */
    MQTT_GRANTED_QOS_1 = 0x01,
    MQTT_GRANTED_QOS_2 = 0x02,
    MQTT_DISCONNECT_WITH_WILL = 0x04,
    MQTT_NO_MATCHING_SUBSCRIBERS = 0x10,
    MQTT_NO_SUBSCRIPTION_EXISTED = 0x11,
    MQTT_CONTINUE_AUTHENTICATION = 0x18,
    MQTT_REAUTHENTICATE = 0x19,
    MQTT_UNSPECIFIED_ERROR = 0x80,
    MQTT_MALFORMED_PACKET = 0x81,
    MQTT_PROTOCOL_ERROR = 0x82,
    MQTT_IMPLEMENTATION_ERROR = 0x83,
    MQTT_UNSUPPORTED_VERSION = 0x84,
    MQTT_CLIENT_ID_INVALID = 0x85,
    MQTT_BAD_CREDENTIALS = 0x86,
    MQTT_NOT_AUTHORIZED = 0x87,
    MQTT_SERVER_UNAVAILABLE = 0x88,
    MQTT_SERVER_BUSY = 0x89,
    MQTT_BANNED = 0x8A,
    MQTT_SERVER_SHUTTING_DOWN = 0x8B,
    MQTT_BAD_AUTHENTICATION_METHOD = 0x8C,
    MQTT_KEEP_ALIVE_TIMEOUT = 0x8D,
    MQTT_SESSION_TAKEN_OVER = 0x8E,
    MQTT_TOPIC_FILTER_INVALID = 0x8F,
    MQTT_TOPIC_NAME_INVALID = 0x90,
    MQTT_PACKET_ID_IN_USE = 0x91,
    MQTT_PACKET_ID_NOT_FOUND = 0x92,
    MQTT_RECEIVE_MAXIMUM_EXCEEDED = 0x93,
    MQTT_TOPIC_ALIAS_INVALID = 0x94,
    MQTT_PACKET_TOO_LARGE = 0x95,
    MQTT_MESSAGE_RATE_TOO_HIGH = 0x96,
    MQTT_QUOTA_EXCEEDED = 0x97,
    MQTT_ADMINISTRATIVE_ACTION = 0x98,
    MQTT_PAYLOAD_FORMAT_INVALID = 0x99,
    MQTT_RETAIN_NOT_SUPPORTED = 0x9A,
    MQTT_QOS_NOT_SUPPORTED = 0x9B,
    MQTT_USE_ANOTHER_SERVER = 0x9C,
    MQTT_SERVER_MOVED = 0x9D,
    MQTT_SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9E,
    MQTT_CONNECTION_RATE_EXCEEDED = 0x9F,
    MQTT_MAXIMUM_CONNECT_TIME = 0xA0,
    MQTT_SUBSCRIPTION_IDS_NOT_SUPPORTED = 0xA1,
    MQTT_WILDCARDS_NOT_SUPPORTED = 0xA2,
};

/* CONNACK return codes of 3.1.1, section 3.2.2.3. */
enum mqtt_v311_return {
    MQTT_V311_ACCEPTED = 0,
    MQTT_V311_UNACCEPTABLE_VERSION = 1,
    MQTT_V311_IDENTIFIER_REJECTED = 2,
    MQTT_V311_SERVER_UNAVAILABLE = 3,
    MQTT_V311_BAD_USER_NAME_OR_PASSWORD = 4,
    MQTT_V311_NOT_AUTHORIZED = 5,
    MQTT_V311_CLOSE = 0xFF, /* no such code: close without CONNACK */
};

/* Property identifiers, section 2.2.2.2. Bit number `id` of mqtt_properties.present says that one is there. */
enum mqtt_property {
    MQTT_PROP_PAYLOAD_FORMAT = 0x01,
    MQTT_PROP_MESSAGE_EXPIRY = 0x02,
    MQTT_PROP_CONTENT_TYPE = 0x03,
    MQTT_PROP_RESPONSE_TOPIC = 0x08,
    MQTT_PROP_CORRELATION_DATA = 0x09,
    MQTT_PROP_SUBSCRIPTION_ID = 0x0B,
    MQTT_PROP_SESSION_EXPIRY = 0x11,
    MQTT_PROP_ASSIGNED_CLIENT_ID = 0x12,
    MQTT_PROP_SERVER_KEEP_ALIVE = 0x13,
    MQTT_PROP_AUTH_METHOD = 0x15,
    MQTT_PROP_AUTH_DATA = 0x16,
    MQTT_PROP_REQUEST_PROBLEM_INFO = 0x17,
    MQTT_PROP_WILL_DELAY = 0x18,
    MQTT_PROP_REQUEST_RESPONSE_INFO = 0x19,
    MQTT_PROP_RESPONSE_INFO = 0x1A,
    MQTT_PROP_SERVER_REFERENCE = 0x1C,
    MQTT_PROP_REASON_STRING = 0x1F,
    MQTT_PROP_RECEIVE_MAXIMUM = 0x21,
    MQTT_PROP_TOPIC_ALIAS_MAXIMUM = 0x22,
    MQTT_PROP_TOPIC_ALIAS = 0x23,
    MQTT_PROP_MAXIMUM_QOS = 0x24,
    MQTT_PROP_RETAIN_AVAILABLE = 0x25,
    MQTT_PROP_USER_PROPERTY = 0x26,
    MQTT_PROP_MAXIMUM_PACKET_SIZE = 0x27,
    MQTT_PROP_WILDCARD_AVAILABLE = 0x28,
    MQTT_PROP_SUBSCRIPTION_ID_AVAILABLE = 0x29,
    MQTT_PROP_SHARED_AVAILABLE = 0x2A,
};

#define MQTT_PROP_BIT(id) (UINT64_C(1) << (id))
#define MQTT_REMAINING_MAX 268435455u /* section 2.1.4 */
#define MQTT_PACKET_BYTES_MAX ((size_t)MQTT_REMAINING_MAX + 5)
#define MQTT_STRING_MAX 65535u

/* ---- fixed header ---------------------------------------------------------------------------------------------- */

enum mqtt_frame_status {
    MQTT_FRAME_NEED_MORE, /* possible so far; total_bytes is 0 until the whole fixed header is there */
    MQTT_FRAME_OK,        /* the whole packet is in data[0, total_bytes) */
    MQTT_FRAME_MALFORMED, /* close with 0x81; `error` says why */
    MQTT_FRAME_TOO_LARGE, /* longer than packet_bytes_max: close with 0x95 */
};

struct mqtt_frame {
    enum mqtt_type type;  /* valid from the first byte on */
    uint8_t flags;        /* low four bits of the first byte */
    size_t header_bytes;  /* length of the fixed header, 2 to 5; 0: not complete */
    size_t total_bytes;   /* fixed header and Remaining Length together; 0: not known */
    const char *error;    /* static text, set with MALFORMED and TOO_LARGE */
};

/* Looks at the packet that begins at data[0]; always fills *ret as far as known. Type 0, wrong reserved flags
 * [MQTT-2.1.3-1], QoS 3 [MQTT-3.3.1-4], DUP with QoS 0 [MQTT-3.3.1-2], a Remaining Length of five bytes or longer than
 * needed [MQTT-1.5.5-1], and a PINGREQ or PINGRESP that is not empty are found before anything is buffered. The limit
 * is on total_bytes; 0 = none. */
enum mqtt_frame_status mqtt_frame(const uint8_t *data, size_t len, size_t packet_bytes_max, struct mqtt_frame *ret);

/* Length of the first packet of our own output, which is whole packets; at most len. */
size_t mqtt_first_packet_bytes(const uint8_t *data, size_t len);

/* Whether that side may send this type in this version at all. With MQTT_VERSION_NONE it is only CONNECT from a client
 * [MQTT-3.1.0-1], which is never allowed again [MQTT-3.1.0-2]. The hub asks as soon as mqtt_frame() knows the type;
 * mqtt_decode() asks again. */
bool mqtt_type_is_allowed(enum mqtt_version version, enum mqtt_from from, enum mqtt_type type);

/* ---- properties ------------------------------------------------------------------------------------------------ */

struct mqtt_pair {
    struct str name;
    struct str value;
};

/* All properties of one packet. A field means something only if its bit is set in `present`; others are zero after a
 * decode. User properties and subscription identifiers are read with mqtt_property_iter. */
struct mqtt_properties {
    uint64_t present; /* MQTT_PROP_BIT(id); in 3.1.1 packets 0 */
    uint32_t message_expiry_s;
    uint32_t session_expiry_s; /* 0xFFFFFFFF: never */
    uint32_t will_delay_s;
    uint32_t maximum_packet_size;
    uint16_t server_keep_alive_s;
    uint16_t receive_maximum;
    uint16_t topic_alias_maximum;
    uint16_t topic_alias;
    uint8_t payload_format; /* 0 bytes, 1 UTF-8; the payload itself is not checked */
    uint8_t request_problem_info;
    uint8_t request_response_info;
    uint8_t maximum_qos;
    uint8_t retain_available;
    uint8_t wildcard_available;
    uint8_t subscription_id_available;
    uint8_t shared_available;
    struct str content_type;
    struct str response_topic;
    struct str correlation_data;
    struct str assigned_client_id;
    struct str auth_method;
    struct str auth_data;
    struct str response_info;
    struct str server_reference;
    struct str reason_string;
    struct str raw; /* decoded: all properties as on the wire, without their length; validated */
    /* To encode: these follow what `raw` holds of their kind; for both, the present bit must be set. Borrowed. */
    const struct mqtt_pair *user;
    size_t user_count;
    const uint32_t *subscription_ids;
    size_t subscription_id_count;
};

static inline bool mqtt_has(const struct mqtt_properties *properties, enum mqtt_property id)
{
    return (properties->present & MQTT_PROP_BIT(id)) != 0;
}

static inline void mqtt_set(struct mqtt_properties *properties, enum mqtt_property id)
{
    properties->present |= MQTT_PROP_BIT(id);
}

static inline void mqtt_unset(struct mqtt_properties *properties, enum mqtt_property id)
{
    properties->present &= ~MQTT_PROP_BIT(id);
}

/* Walks the user properties, or the subscription identifiers, in their order. One iterator serves one walk. */
struct mqtt_property_iter {
    struct cursor raw;
    const struct mqtt_properties *properties;
    size_t next;
};

struct mqtt_property_iter mqtt_property_iter(const struct mqtt_properties *properties);
bool mqtt_user_property_next(struct mqtt_property_iter *iter, struct mqtt_pair *ret);
bool mqtt_subscription_id_next(struct mqtt_property_iter *iter, uint32_t *ret);

/* The first user property of that name; false (and *ret_value untouched): none. */
bool mqtt_user_property_find(const struct mqtt_properties *properties, struct str name, struct str *ret_value);

/* ---- packets --------------------------------------------------------------------------------------------------- */

struct mqtt_will {
    struct str topic;
    struct str payload;
    uint8_t qos;
    bool retain;
    struct mqtt_properties properties;
};

struct mqtt_connect {
    uint8_t protocol_level;    /* as sent: 5, 4, or what mqtt_decode() refused with 0x84 */
    enum mqtt_version version; /* MQTT_VERSION_NONE with any other level */
    bool clean_start;          /* Clean Session of 3.1.1 */
    bool has_will;
    bool has_user_name;
    bool has_password;
    uint16_t keep_alive_s;
    struct str client_id;
    struct str user_name;
    struct str password;
    struct mqtt_properties properties;
    struct mqtt_will will;
};

struct mqtt_connack {
    bool session_present;
    uint8_t reason; /* 3.1.1: enum mqtt_v311_return */
    struct mqtt_properties properties;
};

struct mqtt_publish {
    struct str topic; /* empty only with a topic alias; never with a wildcard */
    struct str payload;
    uint16_t packet_id; /* 0 with QoS 0 */
    uint8_t qos;
    bool dup;
    bool retain;
    struct mqtt_properties properties;
};

/* PUBACK, PUBREC, PUBREL, PUBCOMP. */
struct mqtt_puback {
    uint16_t packet_id;
    uint8_t reason; /* 3.1.1: 0 */
    struct mqtt_properties properties;
};

struct mqtt_subscription {
    struct str filter; /* valid UTF-8, not more: topic_filter_parse() decides about SUBACK 0x8F */
    uint8_t qos;
    bool no_local;
    bool retain_as_published;
    uint8_t retain_handling;
};

struct mqtt_subscribe {
    uint16_t packet_id;
    size_t count;                         /* filters, at least 1 */
    struct str raw;                       /* decoded: the payload, validated */
    const struct mqtt_subscription *list; /* to encode: `count` of them, borrowed; then raw is not looked at */
    struct mqtt_properties properties;
};

struct mqtt_unsubscribe {
    uint16_t packet_id;
    size_t count;
    struct str raw;
    const struct str *list; /* to encode */
    struct mqtt_properties properties;
};

/* SUBACK; UNSUBACK (3.1.1: without reasons). */
struct mqtt_suback {
    uint16_t packet_id;
    struct str reasons; /* one byte for each filter, in order */
    struct mqtt_properties properties;
};

/* DISCONNECT and AUTH. */
struct mqtt_disconnect {
    uint8_t reason;
    struct mqtt_properties properties;
};

struct mqtt_packet {
    enum mqtt_type type;
    union {
        struct mqtt_connect connect;
        struct mqtt_connack connack;
        struct mqtt_publish publish;
        struct mqtt_puback puback; /* PUBACK, PUBREC, PUBREL, PUBCOMP */
        struct mqtt_subscribe subscribe;
        struct mqtt_suback suback; /* SUBACK, UNSUBACK */
        struct mqtt_unsubscribe unsubscribe;
        struct mqtt_disconnect disconnect; /* DISCONNECT, AUTH */
    };
};

/* Walks the filters of a SUBSCRIBE or UNSUBSCRIBE in their order. */
struct mqtt_filter_iter {
    struct cursor raw;
    const struct mqtt_subscription *subscriptions;
    const struct str *filters;
    size_t left; /* filters not yet returned */
};

struct mqtt_filter_iter mqtt_subscribe_iter(const struct mqtt_subscribe *subscribe);
struct mqtt_filter_iter mqtt_unsubscribe_iter(const struct mqtt_unsubscribe *unsubscribe);
bool mqtt_subscription_next(struct mqtt_filter_iter *iter, struct mqtt_subscription *ret);
bool mqtt_unsubscription_next(struct mqtt_filter_iter *iter, struct str *ret_filter);

/* ---- decode ---------------------------------------------------------------------------------------------------- */

/* What is wrong with a packet: the reason code to close with (0: nothing) and a static English text for the Reason
 * String and the log. It never quotes the packet. */
struct mqtt_fault {
    enum mqtt_reason reason;
    const char *text;
};

/* Decodes one whole packet, data[0, len) as delimited by mqtt_frame(). `version` is the connection's, NONE before
 * CONNECT; the version of a CONNECT comes from the packet. Slices in *ret borrow `data`.
 * Faults: 0x81 malformed, 0x82 protocol error, 0x84 CONNECT of a protocol that is neither 3.1.1 nor 5.0, 0x85 (3.1.1)
 * empty client id without Clean Session, 0x90 wildcard in a topic name (also of a Will), 0x94 topic alias 0.
 * After a fault *ret holds nothing but `type` (0: unknown) and, for a CONNECT, connect.protocol_level and
 * connect.version as far as read, which say in what form to answer. */
struct mqtt_fault mqtt_decode(struct mqtt_packet *ret, enum mqtt_version version, enum mqtt_from from,
                              const uint8_t *data, size_t len) MUST_CHECK;

/* Decodes properties that stand alone, as mqtt_encode_shared_properties() wrote them (no length before them), checked
 * as those of a PUBLISH. */
struct mqtt_fault mqtt_decode_shared_properties(struct mqtt_properties *ret, struct str raw) MUST_CHECK;

/* ---- encode ---------------------------------------------------------------------------------------------------- */

/* Appends the packet. The caller's values are trusted to make a valid packet, except sizes: a string over 65,535 bytes
 * or a packet over the protocol's limit makes out->failed true and appends nothing. Properties that the packet cannot
 * carry are left out. With MQTT_V311 all properties are, reason codes that version does not have too (a PUBACK,
 * UNSUBACK or DISCONNECT has none there), and a SUBACK says 0x80 for every refusal. */
void mqtt_encode(struct buf *out, enum mqtt_version version, const struct mqtt_packet *packet);

/* Length mqtt_encode() would append; 0: the packet cannot be encoded (over the protocol's sizes). */
size_t mqtt_packet_bytes(enum mqtt_version version, const struct mqtt_packet *packet);

/* Removes user properties, then the Reason String, as far as they must not be sent: because the client asked for no
 * problem information (never removed from CONNACK and DISCONNECT [MQTT-3.1.2-29]), or because the packet would exceed
 * the client's Maximum Packet Size (0 = none). [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.4.2-2] [MQTT-3.4.2-3] and their
 * like. A PUBLISH is left alone: what its publisher sent is passed on whole or not at all [MQTT-3.1.2-25]. */
void mqtt_trim_diagnostics(struct mqtt_packet *packet, enum mqtt_version version, bool problem_info,
                           size_t packet_bytes_max);

/* PUBACK, PUBREC, PUBREL or PUBCOMP. The shortest form; the Reason String is left out when empty or in 3.1.1. */
void mqtt_encode_puback(struct buf *out, enum mqtt_version version, enum mqtt_type type, uint16_t packet_id,
                        enum mqtt_reason reason, struct str reason_string);

/* Everything of a PUBLISH but its payload, for one receiver of a message that many share. */
struct mqtt_publish_head {
    struct str topic;     /* may be empty if topic_alias is one that the receiver knows */
    uint16_t packet_id;   /* QoS 1 and 2 */
    uint8_t qos;
    bool dup;
    bool retain;
    uint16_t topic_alias; /* 0: none */
    bool has_message_expiry;
    uint32_t message_expiry_s;
    const uint32_t *subscription_ids; /* of the receiver's matching subscriptions; borrowed */
    size_t subscription_id_count;
    struct str properties; /* as mqtt_encode_shared_properties() wrote them */
    size_t payload_bytes;
};

/* Length of the whole PUBLISH with its payload; 0: cannot be encoded. In 3.1.1 the property fields are ignored. */
size_t mqtt_publish_bytes(enum mqtt_version version, const struct mqtt_publish_head *head);

/* Appends fixed header, variable header and properties; the caller appends or sends the payload_bytes behind it. */
void mqtt_encode_publish_head(struct buf *out, enum mqtt_version version, const struct mqtt_publish_head *head);

/* Appends the properties of a PUBLISH or a Will that are the same for every receiver, in wire form and without a
 * length before them: Payload Format Indicator, Content Type, Response Topic, Correlation Data and user properties, as
 * far as present; without user properties named `drop_user` (empty ptr: none is dropped). Message Expiry, alias and
 * identifiers belong to mqtt_publish_head. */
void mqtt_encode_shared_properties(struct buf *out, const struct mqtt_properties *properties, struct str drop_user);

/* ---- names ----------------------------------------------------------------------------------------------------- */

const char *mqtt_type_name(enum mqtt_type type);  /* "PUBLISH"; "?" for none of them */
/* The standard's name of a reason code in that packet: 0 is "Success", "Granted QoS 0" or "Normal disconnection".
 * "Unknown" for a code that the packet cannot carry in 5.0. */
const char *mqtt_reason_name(enum mqtt_type type, uint8_t reason);
/* Whether that packet of 5.0 may carry the code when `from` sends it. */
bool mqtt_reason_is_allowed(enum mqtt_type type, enum mqtt_from from, uint8_t reason);
/* Which 3.1.1 CONNACK code says it; MQTT_V311_CLOSE when none does (mqtt.md section 2.1). */
enum mqtt_v311_return mqtt_v311_return(enum mqtt_reason reason);

#endif
