/* Rows of MQTT sessions: mqtt_session, mqtt_subscription, mqtt_inbound, mqtt_queue. */
#include "model/ports/session_store.h"

#include "store/sqlite/tx.h"

static enum err first_err(enum err a, enum err b)
{
    return a != ERR_OK ? a : b;
}

static enum err run_for_session(struct store_tx *tx, const char *sql_literal, int64_t no)
{
    struct query q;
    query_begin(&q, tx, sql_literal);
    query_bind_i64(&q, 1, no);
    return query_finish(&q);
}

enum err session_store_save(struct store_tx *tx, const struct session_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO mqtt_session (no, principal_kind, principal_no, client_id, api_key_no, expiry_seconds,"
                " disconnected_at, will, will_delay, will_due_at, created_at)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
                " ON CONFLICT (no) DO UPDATE SET api_key_no = ?5, expiry_seconds = ?6, disconnected_at = ?7, will = ?8,"
                " will_delay = ?9, will_due_at = ?10");
    query_bind_i64(&q, 1, row->no);
    query_bind_i64(&q, 2, row->principal_kind);
    query_bind_i64(&q, 3, row->principal_no);
    query_bind_str(&q, 4, row->client_id.ptr ? row->client_id : STR(""));
    if (row->api_key_no) {
        query_bind_i64(&q, 5, row->api_key_no);
    } else {
        query_bind_null(&q, 5);
    }
    query_bind_i64(&q, 6, row->expiry_s);
    query_bind_time(&q, 7, row->disconnected_at_ms);
    if (row->will.len > 0) {
        query_bind_blob(&q, 8, row->will.ptr, row->will.len);
    } else {
        query_bind_null(&q, 8);
    }
    query_bind_i64(&q, 9, row->will_delay_s);
    query_bind_time(&q, 10, row->will_due_at_ms);
    query_bind_time(&q, 11, row->created_at_ms);
    return query_finish(&q);
}

enum err session_store_clear(struct store_tx *tx, int64_t no)
{
    enum err err = run_for_session(tx, "DELETE FROM mqtt_subscription WHERE session_no = ?1", no);
    err = first_err(err, run_for_session(tx, "DELETE FROM mqtt_inbound WHERE session_no = ?1", no));
    return first_err(err, run_for_session(tx, "DELETE FROM mqtt_queue WHERE session_no = ?1", no));
}

enum err session_store_remove(struct store_tx *tx, int64_t no)
{
    enum err err = session_store_clear(tx, no);
    return first_err(err, run_for_session(tx, "DELETE FROM mqtt_session WHERE no = ?1", no));
}

enum err session_store_put_filter(struct store_tx *tx, int64_t no, const struct session_filter_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO mqtt_subscription (session_no, filter, options, identifier) VALUES (?1, ?2, ?3, ?4)"
                " ON CONFLICT (session_no, filter) DO UPDATE SET options = ?3, identifier = ?4");
    query_bind_i64(&q, 1, no);
    query_bind_str(&q, 2, row->filter);
    query_bind_i64(&q, 3, row->options);
    query_bind_i64(&q, 4, row->identifier);
    return query_finish(&q);
}

enum err session_store_remove_filter(struct store_tx *tx, int64_t no, struct str filter)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM mqtt_subscription WHERE session_no = ?1 AND filter = ?2");
    query_bind_i64(&q, 1, no);
    query_bind_str(&q, 2, filter);
    return query_finish(&q);
}

enum err session_store_put_inbound(struct store_tx *tx, int64_t no, const struct session_inbound_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT OR REPLACE INTO mqtt_inbound (session_no, packet_id, intent, witness_day, witness_seq, intent_no)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, row->packet_id);
    query_bind_i64(&q, 3, row->intent);
    query_bind_i64(&q, 4, row->witness_day);
    query_bind_i64(&q, 5, row->witness_seq);
    query_bind_i64(&q, 6, row->intent_no);
    return query_finish(&q);
}

enum err session_store_remove_inbound(struct store_tx *tx, int64_t no, uint16_t packet_id)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM mqtt_inbound WHERE session_no = ?1 AND packet_id = ?2");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, packet_id);
    return query_finish(&q);
}

enum err session_store_carried_out(struct store_tx *tx, const struct session_intent_ref *intent)
{
    struct query q;
    query_begin(&q, tx, "UPDATE mqtt_inbound SET intent = ?4 WHERE session_no = ?1 AND packet_id = ?2 AND intent_no = ?3");
    query_bind_i64(&q, 1, intent->session_no);
    query_bind_i64(&q, 2, intent->packet_id);
    query_bind_i64(&q, 3, intent->intent_no);
    query_bind_i64(&q, 4, INTENT_CARRIED_OUT);
    return query_finish(&q);
}

enum err session_store_put_queued(struct store_tx *tx, int64_t no, const struct session_queue_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT OR REPLACE INTO mqtt_queue"
                " (session_no, seq, qos, packet_id, message, expires_at, device_no, epoch)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, row->seq);
    query_bind_i64(&q, 3, row->qos);
    if (row->packet_id) {
        query_bind_i64(&q, 4, row->packet_id);
    } else {
        query_bind_null(&q, 4);
    }
    query_bind_blob(&q, 5, row->message.ptr, row->message.len);
    query_bind_time(&q, 6, row->expires_at_ms == INT64_MAX ? INT64_MIN : row->expires_at_ms);
    query_bind_i64(&q, 7, row->device_no);
    query_bind_i64(&q, 8, row->epoch);
    return query_finish(&q);
}

enum err session_store_set_sent(struct store_tx *tx, int64_t no, int64_t seq, uint16_t packet_id)
{
    struct query q;
    query_begin(&q, tx, "UPDATE mqtt_queue SET packet_id = ?3 WHERE session_no = ?1 AND seq = ?2");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, seq);
    query_bind_i64(&q, 3, packet_id);
    return query_finish(&q);
}

enum err session_store_set_released(struct store_tx *tx, int64_t no, int64_t seq)
{
    struct query q;
    query_begin(&q, tx, "UPDATE mqtt_queue SET message = x'', expires_at = NULL WHERE session_no = ?1 AND seq = ?2");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, seq);
    return query_finish(&q);
}

enum err session_store_remove_queued(struct store_tx *tx, int64_t no, int64_t seq)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM mqtt_queue WHERE session_no = ?1 AND seq = ?2");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, seq);
    return query_finish(&q);
}

enum err session_store_alive(struct store_tx *tx, int64_t until_unix_ms)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO setting (key, value) VALUES ('mqtt_alive_at', ?1)"
                " ON CONFLICT (key) DO UPDATE SET value = ?1");
    query_bind_i64(&q, 1, until_unix_ms);
    return query_finish(&q);
}

static enum err load_sessions(struct store_tx *tx, struct session_store_visitor *visitor)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT no, principal_kind, principal_no, client_id, api_key_no, expiry_seconds, disconnected_at, will,"
                " will_delay, will_due_at, created_at FROM mqtt_session ORDER BY no");
    while (query_next(&q)) {
        struct session_row row = {.no = query_i64(&q, 0),
                                  .principal_kind = (uint8_t)query_i64(&q, 1),
                                  .principal_no = query_i64(&q, 2),
                                  .client_id = query_str(&q, 3),
                                  .api_key_no = query_i64(&q, 4),
                                  .expiry_s = (uint32_t)query_i64(&q, 5),
                                  .disconnected_at_ms = query_time(&q, 6),
                                  .will = query_str(&q, 7),
                                  .will_delay_s = (uint32_t)query_i64(&q, 8),
                                  .will_due_at_ms = query_time(&q, 9),
                                  .created_at_ms = query_time(&q, 10)};
        visitor->on_session(visitor, &row);
    }
    return query_finish(&q);
}

static enum err load_filters(struct store_tx *tx, struct session_store_visitor *visitor)
{
    struct query q;
    query_begin(&q, tx, "SELECT session_no, filter, options, identifier FROM mqtt_subscription ORDER BY session_no");
    while (query_next(&q)) {
        struct session_filter_row row = {query_str(&q, 1), (uint8_t)query_i64(&q, 2), (uint32_t)query_i64(&q, 3)};
        visitor->on_filter(visitor, query_i64(&q, 0), &row);
    }
    return query_finish(&q);
}

static enum err load_inbound(struct store_tx *tx, struct session_store_visitor *visitor)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT session_no, packet_id, intent, witness_day, witness_seq, intent_no FROM mqtt_inbound"
                " ORDER BY session_no");
    while (query_next(&q)) {
        struct session_inbound_row row = {(uint16_t)query_i64(&q, 1), (uint8_t)query_i64(&q, 2),
                                          (int32_t)query_i64(&q, 3), query_i64(&q, 4), query_i64(&q, 5)};
        visitor->on_inbound(visitor, query_i64(&q, 0), &row);
    }
    return query_finish(&q);
}

static enum err load_queue(struct store_tx *tx, struct session_store_visitor *visitor)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT session_no, seq, qos, packet_id, message, expires_at, device_no, epoch FROM mqtt_queue"
                " ORDER BY session_no, seq");
    while (query_next(&q)) {
        int64_t expires = query_time(&q, 5);
        struct session_queue_row row = {.seq = query_i64(&q, 1),
                                        .qos = (uint8_t)query_i64(&q, 2),
                                        .packet_id = (uint16_t)query_i64(&q, 3),
                                        .message = query_str(&q, 4),
                                        .expires_at_ms = expires == INT64_MIN ? INT64_MAX : expires,
                                        .device_no = query_i64(&q, 6),
                                        .epoch = (uint32_t)query_i64(&q, 7)};
        visitor->on_queued(visitor, query_i64(&q, 0), &row);
    }
    return query_finish(&q);
}

static enum err read_alive(struct store_tx *tx, int64_t *ret_alive_at_ms)
{
    struct query q;
    query_begin(&q, tx, "SELECT value FROM setting WHERE key = 'mqtt_alive_at'");
    if (query_next(&q) && !str_to_i64(query_str(&q, 0), ret_alive_at_ms)) {
        *ret_alive_at_ms = INT64_MAX;
    }
    return query_finish(&q);
}

enum err session_store_begin_absences(struct store_tx *tx, int64_t now_unix_ms, int64_t will_wait_ms, int64_t alive_ms)
{
    struct query q;
    int64_t since_ms = INT64_MAX; /* never written */
    enum err err = read_alive(tx, &since_ms);
    if (err != ERR_OK) {
        return err;
    }
    query_begin(&q, tx,
                "UPDATE mqtt_session SET disconnected_at = min(ifnull(disconnected_at, max(?1, created_at)), ?2),"
                " will_due_at = CASE WHEN will IS NULL THEN will_due_at"
                " ELSE min(ifnull(will_due_at, ?2 + max(will_delay * 1000, ?3)), ?2 + max(will_delay * 1000, ?3)) END"
                " WHERE disconnected_at IS NULL OR disconnected_at > ?2"
                " OR (will IS NOT NULL AND (will_due_at IS NULL OR will_due_at > ?2 + max(will_delay * 1000, ?3)))");
    query_bind_i64(&q, 1, since_ms);
    query_bind_i64(&q, 2, now_unix_ms);
    query_bind_i64(&q, 3, will_wait_ms);
    err = query_finish(&q);
    return err == ERR_OK ? session_store_alive(tx, now_unix_ms + alive_ms) : err;
}

enum err session_store_load(struct store_tx *tx, struct session_store_visitor *visitor)
{
    enum err err = load_sessions(tx, visitor);
    err = first_err(err, load_filters(tx, visitor));
    err = first_err(err, load_inbound(tx, visitor));
    return first_err(err, load_queue(tx, visitor));
}
