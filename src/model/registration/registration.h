/* Registration of devices (device-api.md 2.1 to 2.4), and the provisioning log. */
#ifndef MUSTER_MODEL_REGISTRATION_H
#define MUSTER_MODEL_REGISTRATION_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/device/hot_change.h"
#include "model/ports/registration_store.h"
#include "model/reply.h"

struct domain;
struct store_tx;

enum { REGISTRATIONS_PER_BULK_MAX = 25 };

/* A registration call under way; the strings are borrowed until it is committed. */
struct registration {
    struct domain *domain;
    struct arena *arena;
    struct str address;        /* of the peer, for the log */
    const char *local_host;    /* local address of the connection, for the URLs; NULL: the listener's */
    struct str authorization;  /* of the request; looked at only together with parent_id; may be empty */
    struct hot_changes hot;
    unsigned registered;       /* devices, for the metric */
    bool fault;                /* the store failed, so that the call as a whole did */
};

/* The address and the strings are set by the caller. */
void registration_init(struct registration *registration, struct domain *domain, struct arena *arena);
/* POST /v1/devices. On LANE_REGISTRY. The reply is 201 with the five fields, or the first failed check of 2.1; an error
 * reply has written nothing. Refusals are logged by an operation of their own. `body` NULL equals {}. */
void registration_run(struct registration *registration, struct store_tx *tx, const struct json *body, struct reply *reply);
/* POST /v1/devices/{parent}/children by the device with this number (2.5). */
void registration_run_child(struct registration *registration, struct store_tx *tx, int64_t parent_no, const struct json *body,
                            struct reply *reply);
/* POST /v1/devices/bulk_create: an array, items independent of each other (2.4). */
void registration_run_bulk(struct registration *registration, struct store_tx *tx, const struct json *body,
                           struct reply *reply);
/* From `committed`. */
void registration_committed(struct registration *registration);

/* GET /registrations of a partner (management-api.md 5.2), newest first. `admin` is a partner's. */
struct registration_query {
    int64_t model_no;   /* 0: any */
    int result;         /* enum registration_result; 0: any */
    const struct uuid *device_id; /* NULL: any */
    int64_t from, to;   /* unix ms; TIME_NONE: open */
    bool ascending;     /* oldest first */
};
void registration_list(struct admin *admin, struct store_tx *tx, const struct registration_query *query, struct page page);
/* "created" ...; false: no such result. */
bool registration_result_parse(struct str text, enum registration_result *ret_result);

/* The MAC address as it is matched: 12 hex digits in lower case; text that is no MAC address as it is. In the arena. */
struct str mac_normalize(struct str mac, struct arena *arena);

/* QR codes derived from MAC and serial number (portal.md 6.3): short code + 20 hex digits of SHA-256(MAC + SN). */
enum { CLAIM_CODE_SPELLINGS_MAX = 7, CLAIM_CODE_DIGITS = 20 };
/* The first 63 bits of the hashes for every usual spelling of the MAC, as registered first; returns how many. */
size_t claim_codes_of(struct str mac, struct str sn, int64_t ret_codes[CLAIM_CODE_SPELLINGS_MAX]);
/* True: these digits (20, any case) are a code of this MAC and serial number. */
bool claim_code_matches(struct str digits, struct str mac, struct str sn);
/* The first 63 bits of 20 hex digits. False: they are not hex. */
bool claim_code_number(struct str digits, int64_t *ret_code);

#endif
