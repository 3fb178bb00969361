/* CONNECTs that cannot be taken up yet: they are handed in again. */
#include "base/mem.h"
#include "hub/answer.h"
#include "hub/persist.h"
#include "hub/will.h"

#define DUE_WILL_MS 20
#define STORAGE_MS 10000 /* or a client that comes again and again, each time as another, would leave ever more behind */

/* Its CONNECT, of this device. There is one of a device at a time: that of the newest connection. */
struct connect_wait {
    struct hashmap_node map;
    struct connection *connection;
    int64_t device_no;
};

static bool wait_eq(const struct hashmap_node *node, const void *device_no)
{
    return ((const struct connect_wait *)node)->device_no == *(const int64_t *)device_no;
}

static void wait_begin(struct connection *c, int64_t device_no)
{
    struct connect_wait *wait = mem_new(struct connect_wait);
    wait->connection = c;
    wait->device_no = device_no;
    hashmap_insert(&c->loop->connect_waits, &wait->map, hash_u64((uint64_t)device_no));
    c->wait = wait;
    c->waits_for_will = true;
}

void connect_wait_end(struct connection *connection)
{
    if (connection->waits_for_will) {
        hashmap_remove(&connection->loop->connect_waits, &connection->wait->map);
        mem_free(connection->wait);
        connection->wait = NULL;
        connection->waits_for_will = false;
    }
}

void connect_end_older_wait(struct hub_loop *loop, int64_t device_no)
{
    const struct connect_wait *wait = (const struct connect_wait *)hashmap_find(
        &loop->connect_waits, hash_u64((uint64_t)device_no), wait_eq, &device_no);
    if (wait) {
        connection_shut(wait->connection);
    }
}

bool connect_waits_for_will(struct connection *connection, const struct mqtt_connect *connect, const struct session_key *key)
{
    struct hub_loop *loop = connection->loop;
    struct session *session = session_find(loop, key);
    bool ends = session && connect_ends_session(connect, session);
    if (session && session->will && (session->uplinks_running > 0 || will_is_uplink(session)) &&
        (ends || session->will->delay_s == 0) && !persist_is_late(loop)) { /* else it may be refused (connect.c) */
        if (session->connection) {
            connection_disconnect(session->connection, MQTT_SESSION_TAKEN_OVER, "Session taken over");
        }
        session = session_find(loop, key);
        if (session && session->will && ends) {
            will_publish(session); /* the session ends before the delay is over */
        }
    }
    if (!session_has_due_will(loop, key)) {
        return false;
    }
    wait_begin(connection, key->owner_no);
    connection->version = MQTT_VERSION_NONE; /* nothing was said yet */
    connection->paused_until_ms = hub_now_ms(loop) + DUE_WILL_MS;
    connection_hold(connection);
    connection_arm(connection);
    return true;
}

/* --- storage ------------------------------------------------------------------------------------------------------ */

void connect_after_commit(struct connection *connection, enum mqtt_type then)
{
    connection->state = CONNECTION_STARTING;
    connection->paused_until_ms = hub_now_ms(connection->loop) + STORAGE_MS;
    connection_hold(connection);
    connection_arm(connection);
    answer_after_commit(answer_new(connection, then, 0), MQTT_SUCCESS);
}

void connect_again(struct connection *connection)
{
    connection->state = CONNECTION_NEW;
    connection->version = MQTT_VERSION_NONE; /* nothing was said yet */
    connection->paused_until_ms = 0;
    connection->last_packet_ms = hub_now_ms(connection->loop);
    connection_arm(connection);
    connection_wake(connection);
}
