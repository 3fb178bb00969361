#include "base/mem.h"
#include "script.h"

static struct world_device *device_arg(struct script *s, const struct tokens *t, size_t index)
{
    struct world_device *d = t->count > index ? world_device(s->world, t->list[index]) : NULL;
    if (!d) {
        script_fail(s, "a device is missing");
    }
    return d;
}

static uint64_t duration_parse(struct script *s, struct str text)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        int64_t number;
        struct str unit = str_from_cstr(units[i].unit);
        if (str_ends_with(text, unit) && str_to_i64(str_sub(text, 0, text.len - unit.len), &number)) {
            return (uint64_t)number * units[i].ms; /* before zero: `clock` takes it back as what it was */
        }
    }
    script_fail(s, "not a duration: %.*s", STR_ARG(text));
    return 0;
}

static uint32_t kinds_parse(struct str text)
{
    static const char *const names[] = {"config", "space", "firmware", "license", "command", "incidents", "children"};
    uint32_t kinds = 0;
    while (text.len > 0) {
        struct str name = str_split(&text, ',');
        for (unsigned i = 0; i < 7; i++) {
            kinds |= str_eq(name, str_from_cstr(names[i])) ? 1u << i : 0;
        }
    }
    return kinds;
}

static void device_event(struct script *s, const struct tokens *t, enum event_type type)
{
    struct world_device *d = device_arg(s, t, 1);
    if (d) {
        struct event event = world_event_about(d, type);
        d->deleted = type == EVENT_DEVICE_DELETED;
        if (t->count > 2) {
            event.payload = t->list[2];
        }
        event.push = type == EVENT_INCIDENT ? PUSH_INCIDENTS : 0;
        event.transport = TRANSPORT_HTTPS;
        event.relays = type == EVENT_TELEMETRY;
        (tokens_has(t, "late") ? world_late_event : world_event)(s->world, &event);
    }
}

static void push(struct script *s, const struct tokens *t)
{
    struct world_device *d = device_arg(s, t, 1);
    if (d && t->count > 2) {
        struct event event = world_event_about(d, EVENT_CONFIG);
        event.push = kinds_parse(t->list[2]);
        event.code = tokens_has(t, "again") ? 422 : 0;
        world_event(s->world, &event);
    }
}

static void pend(struct script *s, const struct tokens *t)
{
    struct world_device *d = device_arg(s, t, 1);
    int64_t level = 0;
    if (d && t->count > 4) {
        struct str id = str_to_i64(t->list[3], &level) ? STR("") : t->list[3];
        struct str of;
        const struct world_device *owner = tokens_get(t, "of", &of) ? world_device(s->world, of) : d;
        level = tokens_number(t, "level", level);
        world_pend(d, (enum push_mask)kinds_parse(t->list[2]), level, id, t->list[4], owner ? owner->brief.no : 0);
    }
}

static void tenant_event(struct script *s, const struct tokens *t, enum event_type type)
{
    struct event event = {.type = type, .partner_no = 1};
    event.organization_no = tokens_number(t, "organization", 0);
    event.api_key_no = tokens_number(t, "key", 0);
    world_event(s->world, &event);
}

static void change_owner(struct script *s, const struct tokens *t)
{
    struct world_device *d = device_arg(s, t, 1);
    if (d) {
        int64_t owner = tokens_number(t, "organization", 0);
        d->brief.epoch += owner == 0;
        d->brief.organization_no = owner;
        struct event event = world_event_about(d, owner == 0 ? EVENT_DEVICE_UNCLAIMED : EVENT_DEVICE_CLAIMED);
        event.push = owner == 0 ? PUSH_SPACE | PUSH_COMMAND | PUSH_CHILDREN : 0;
        world_event(s->world, &event);
    }
}

static void set_setting(struct script *s, const struct tokens *t)
{
    int64_t value;
    if (t->count < 3 || !str_to_i64(t->list[2], &value)) {
        script_fail(s, "set NAME NUMBER");
        return;
    }
    struct settings *settings = &s->world->settings;
    bool found = false;
    world_record_limit(s->world, t->list[1]);
#define ASSIGN_U(field) settings->field = (uint64_t)value
#define ASSIGN_MS(field) settings->field = (uint64_t)value
#define ASSIGN_SIZE(field) settings->field = (size_t)value
#define ASSIGN_BOOL(field) settings->field = value != 0
#define ASSIGN_TEXT(field) script_fail(s, "a text cannot be set")
#define TRY(section, field, type, initial, reloadable, help)           \
    if (str_eq(t->list[1], STR(#section "_" #field))) {                \
        ASSIGN_##type(section##_##field);                              \
        found = true;                                                  \
    }
    SETTINGS(TRY)
    if (!found) {
        script_fail(s, "no setting %.*s", STR_ARG(t->list[1]));
    }
}

struct named_number {
    const char *name;
    uint64_t value;
};

/* `name=number`: it must be one of these, and that. */
static void expect_number(struct script *s, struct str word, const struct named_number *numbers, size_t count)
{
    struct str value = word;
    struct str name = str_split(&value, '=');
    int64_t wanted;
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(name, str_from_cstr(numbers[i].name))) {
            continue;
        }
        if (!str_to_i64(value, &wanted) || (uint64_t)wanted != numbers[i].value) {
            script_fail(s, "%s is %llu, expected %.*s", numbers[i].name, (unsigned long long)numbers[i].value, STR_ARG(value));
        }
        return;
    }
    script_fail(s, "nothing is known of %.*s", STR_ARG(word));
}

static void expect(struct script *s, const struct tokens *t)
{
    const struct world *w = s->world;
    const struct world_device *d = t->count > 1 ? world_device(s->world, t->list[1]) : NULL;
    const struct named_number of_device[] = {
        {"telemetry", d ? d->telemetry_effects : 0}, {"config", d ? d->config_effects : 0},
        {"command", d ? d->command_effects : 0},     {"delivered", d ? d->delivered : 0},
        {"connected", d ? d->brief.connected : 0},
    };
    const struct named_number of_rows[] = {
        {"sessions", world_rows_sessions(w->rows)},
        {"queued", world_rows_queued(w->rows)},
        {"retained", world_rows_retained(w->rows)},
        {"inbound", world_rows_inbound(w->rows)},
        {"refused", w->refused},
        {"listeners", (uint64_t)atomic_load(&w->domain.events.wants_messages)},
    };
    if (t->count < 3 || (!d && !str_eq(t->list[1], STR("rows")))) {
        script_fail(s, "expect DEVICE, or rows, and what");
    }
    for (size_t i = 2; i < t->count; i++) {
        if (d) {
            expect_number(s, t->list[i], of_device, sizeof of_device / sizeof of_device[0]);
        } else {
            expect_number(s, t->list[i], of_rows, sizeof of_rows / sizeof of_rows[0]);
        }
    }
}

static void release(struct script *s, const struct tokens *t)
{
    enum op_lane lane = LANE_COUNT;
    if (tokens_has(t, "telemetry")) {
        lane = LANE_TELEMETRY;
    } else if (tokens_has(t, "registry")) {
        lane = LANE_REGISTRY;
    } else if (tokens_has(t, "read")) {
        lane = LANE_READ;
    }
    unsigned count = (unsigned)tokens_number(t, "n", 1000);
    world_record(s->world, WORLD_RELEASE, NULL, 1 | (unsigned)lane << 1 | (count < 16 ? count - 1 : 15) << 4);
    world_release(s->world, lane, count);
}

static void block(struct script *s, const struct tokens *t, size_t bytes)
{
    char name[32] = "";
    if (t->count > 1 && t->list[1].len < sizeof name) {
        memcpy(name, t->list[1].ptr, t->list[1].len);
    }
    struct world_client *client = world_client(s->world, name);
    client->output_blocked = bytes;
    world_record(s->world, WORLD_BLOCK, client, bytes > 0);
    if (bytes == 0 && client->connection) {
        connection_drained(client->connection);
        world_settle(s->world);
    }
}

/* The last packet id that was used for this client. */
static void set_next_id(struct script *s, const struct tokens *t)
{
    char name[32] = "";
    int64_t id;
    if (t->count < 3 || t->list[1].len >= sizeof name || !str_to_i64(t->list[2], &id)) {
        script_fail(s, "nextid CLIENT NUMBER");
        return;
    }
    memcpy(name, t->list[1].ptr, t->list[1].len);
    struct world_client *client = world_client(s->world, name);
    if (client && client->connection && client->connection->session) {
        client->connection->session->next_packet_id = (uint32_t)id;
    }
}

static bool flow_step(struct script *s, const struct tokens *t, struct str what)
{
    struct world *w = s->world;
    int64_t bytes;
    if (str_eq(what, STR("advance")) && t->count > 1) {
        world_advance(w, duration_parse(s, t->list[1]));
    } else if (str_eq(what, STR("clock")) && t->count > 1) {
        w->clock_ahead_ms += (int64_t)duration_parse(s, t->list[1]);
    } else if (str_eq(what, STR("hold"))) {
        w->hold = true;
        world_record(w, WORLD_HOLD, NULL, 0);
    } else if (str_eq(what, STR("unhold"))) {
        w->hold = false;
        world_record(w, WORLD_RELEASE, NULL, LANE_COUNT << 1);
        world_settle(w);
    } else if (str_eq(what, STR("release"))) {
        release(s, t);
    } else if (str_eq(what, STR("fail"))) {
        w->fail = !tokens_has(t, "off");
        world_record(w, WORLD_FAIL, NULL, w->fail);
    } else if (str_eq(what, STR("full"))) {
        w->full = !tokens_has(t, "off");
    } else if (str_eq(what, STR("sick"))) {
        w->sick = !tokens_has(t, "off");
    } else if (str_eq(what, STR("room")) && t->count > 1 && str_to_i64(t->list[1], &bytes)) {
        w->core.late_bytes_max = (size_t)bytes;
    } else if (str_eq(what, STR("between")) && t->count > 1 && str_to_i64(t->list[1], &bytes)) {
        w->core.posted_bytes_max = (size_t)bytes;
    } else if (str_eq(what, STR("restart"))) {
        world_record(w, WORLD_RESTART, NULL, 0);
        world_restart(w);
    } else if (str_eq(what, STR("nextid"))) {
        set_next_id(s, t);
    } else if (str_eq(what, STR("block"))) {
        block(s, t, tokens_has(t, "answers") ? (size_t)1024 * 1024 : (size_t)512 * 1024);
    } else if (str_eq(what, STR("unblock"))) {
        block(s, t, 0);
    } else if (str_eq(what, STR("drain"))) {
        world_record(w, WORLD_DRAIN, NULL, 0);
        world_drain(w);
    } else {
        return false;
    }
    return true;
}

static bool domain_step(struct script *s, const struct tokens *t, struct str what)
{
    static const struct {
        const char *word;
        enum event_type type;
    } events[] = {{"kick", EVENT_DEVICE_KICK},        {"delete", EVENT_DEVICE_DELETED}, {"rotate", EVENT_DEVICE_KEY_CHANGED},
                  {"replace", EVENT_DEVICE_REPLACED}, {"https", EVENT_TELEMETRY},       {"status", EVENT_STATUS},
                  {"incident", EVENT_INCIDENT}};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (str_eq(what, str_from_cstr(events[i].word))) {
            device_event(s, t, events[i].type);
            return true;
        }
    }
    if (str_eq(what, STR("push"))) {
        push(s, t);
    } else if (str_eq(what, STR("pend"))) {
        pend(s, t);
    } else if (str_eq(what, STR("unpend")) && t->count > 2) {
        struct world_device *d = device_arg(s, t, 1);
        if (d) {
            world_unpend(d, kinds_parse(t->list[2]));
        }
    } else if (str_eq(what, STR("suspend"))) {
        tenant_event(s, t, EVENT_TENANT_SUSPENDED);
    } else if (str_eq(what, STR("revoke"))) {
        tenant_event(s, t, EVENT_API_KEY_REVOKED);
    } else if (str_eq(what, STR("gone")) && tokens_number(t, "key", 0) != 0) {
        s->world->gone_key_no = tokens_number(t, "key", 0);
    } else if (str_eq(what, STR("gone"))) {
        struct world_device *d = device_arg(s, t, 1);
        if (d) {
            d->deleted = true;
        }
    } else if (str_eq(what, STR("edit"))) {
        struct world_device *d = device_arg(s, t, 1);
        if (d) {
            d->brief.config_version++;
        }
    } else if (str_eq(what, STR("owner"))) {
        change_owner(s, t);
    } else if (str_eq(what, STR("set"))) {
        set_setting(s, t);
    } else if (str_eq(what, STR("expect"))) {
        expect(s, t);
    } else {
        return false;
    }
    return true;
}

void script_world_step(struct script *s, const struct tokens *t)
{
    if (!flow_step(s, t, t->list[0]) && !domain_step(s, t, t->list[0])) {
        script_fail(s, "unknown step %.*s", STR_ARG(t->list[0]));
    }
}
