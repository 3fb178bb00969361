#include "model/device/device_view.h"

#include "model/maker/catalog.h"
#include "model/configuration/configuration.h"
#include "model/domain.h"
#include "model/device/effective_status.h"
#include "model/incident/incident_view.h"
#include "model/management/field_text.h"
#include "model/ports/incident_store.h"
#include "model/ports/merge_group_store.h"
#include "model/telemetry/telemetry.h"

enum { STATE_BYTES_MAX = 1024 * 1024 };

bool device_status_parse(struct str text, enum device_status *ret_status)
{
    for (int i = STATUS_NEVER_SEEN; i <= STATUS_ERROR; i++) {
        if (str_eq(text, str_from_cstr(device_status_name((enum device_status)i)))) {
            *ret_status = (enum device_status)i;
            return true;
        }
    }
    return false;
}

/* Everything a view shows of one device. */
struct view {
    struct domain *domain;
    struct store_tx *tx;
    struct arena *arena;
    struct device_row row;
    struct device_brief hot;
    struct configuration_row config;
    struct device_space space; /* no 0: unclaimed */
    struct model_info model;
    struct partner_info partner;
    struct organization_info organization; /* no 0: unclaimed */
    int worst_priority;
    enum effective_status effective, merged; /* its own, and its group's */
    int64_t group[MERGE_GROUP_MAX];
    size_t group_count;                      /* 0: not merged */
    struct buf state;
};

static enum effective_status effective_of(struct domain *domain, const struct device_brief *hot, int worst_priority)
{
    struct device_brief parent;
    struct effective_inputs inputs = {
        .seen = hot->last_seen_ms != 0,
        .status = hot->status,
        .worst_priority = worst_priority,
        .parent_swept = hot->parent_no && device_table_find_no(domain->devices, hot->parent_no, &parent) && parent.swept,
    };
    return effective_status(&inputs);
}

/* How urgent its active incidents are read in its space (10.3). */
static enum err find_worst(struct view *view, const struct device_core *core, int *ret_priority)
{
    int worst = 0, factor = 0;
    enum err err = incident_store_worst(view->tx, core->no, &worst);
    if (err == ERR_OK && worst) {
        err = priority_factor_of_space(view->tx, core->space_no, view->arena, &factor);
    }
    *ret_priority = priority_shifted(worst, factor);
    return err;
}

/* The worst of the group's effective statuses (device-api.md 10.3). */
static enum err load_effective(struct view *view)
{
    view->effective = view->merged = effective_of(view->domain, &view->hot, view->worst_priority);
    enum err err = merge_group_store_of(view->tx, view->hot.no, view->group, &view->group_count);
    for (size_t i = 0; i < view->group_count && err == ERR_OK; i++) {
        struct device_brief hot;
        struct device_core member;
        int worst_priority = 0;
        if (view->group[i] != view->hot.no && device_table_find_no(view->domain->devices, view->group[i], &hot)) {
            err = device_store_core(view->tx, hot.no, &member);
            if (err == ERR_OK) {
                err = find_worst(view, &member, &worst_priority);
            }
            view->merged = effective_status_worst(view->merged, effective_of(view->domain, &hot, worst_priority));
        }
    }
    return err;
}

static enum err load(struct view *view, int64_t device_no)
{
    enum err err = device_store_row(view->tx, device_no, view->arena, &view->row);
    const struct device_core *core = &view->row.core;
    if (err == ERR_OK) {
        err = configuration_read(view->tx, core, view->arena, &view->config);
    }
    if (err == ERR_OK) {
        err = find_worst(view, core, &view->worst_priority);
    }
    if (err == ERR_OK && core->space_no) {
        err = device_space_find(view->tx, core->space_no, view->arena, &view->space);
        err = err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    if (err != ERR_OK) {
        return err;
    }
    struct domain *domain = view->domain;
    catalog_model(domain->catalog, core->model_no, &view->model);
    catalog_partner(domain->catalog, core->partner_no, &view->partner);
    catalog_organization(domain->catalog, core->organization_no, &view->organization);
    if (!device_table_find_no(domain->devices, device_no, &view->hot)) {
        device_brief_of_core(domain, core, &view->hot); /* made in this very transaction */
    }
    buf_init(&view->state, STATE_BYTES_MAX);
    err = load_effective(view);
    if (err != ERR_OK) {
        return err;
    }
    err = telemetry_state_json(domain, view->tx, device_no, &view->state);
    if (err == ERR_NOT_FOUND) {
        buf_append_cstr(&view->state, "{}");
        err = ERR_OK;
    }
    return err;
}

static struct str vendor_of(const struct view *view)
{
    return view->row.custom_partner_name.ptr ? view->row.custom_partner_name : view->partner.name;
}

static struct str model_name_of(const struct view *view)
{
    return view->row.custom_model_name.ptr ? view->row.custom_model_name : view->model.name;
}

static void write_identity(struct json_writer *w, const struct view *view)
{
    field_text(w, "sn", view->row.sn);
    field_text(w, "mac", view->row.mac);
    field_text(w, "cloud_id", view->row.cloud_id);
}

static void write_last_seen(struct json_writer *w, const char *name, const struct view *view)
{
    json_field_time(w, name, view->hot.last_seen_ms ? view->hot.last_seen_ms : TIME_NONE);
}

static void write_model(struct json_writer *w, const struct view *view)
{
    json_name(w, "model");
    json_begin_object(w);
    json_field_uuid(w, "id", &view->model.id);
    json_field_str(w, "name", model_name_of(view));
    field_text(w, "sub_model", view->row.sub_model);
    json_end_object(w);
    json_name(w, "firmware");
    json_begin_object(w);
    field_text(w, "version", view->row.firmware_version);
    json_end_object(w);
}

static void write_parent(struct json_writer *w, const struct view *view)
{
    struct device_core parent;
    if (view->row.core.parent_no && device_store_core(view->tx, view->row.core.parent_no, &parent) == ERR_OK) {
        json_field_uuid(w, "parent_id", &parent.id);
    } else {
        json_field_null(w, "parent_id");
    }
}

static void write_status(struct json_writer *w, const struct view *view)
{
    enum device_status status = view->hot.status;
    json_field_cstr(w, "status", status == STATUS_NEVER_SEEN ? NULL : device_status_name(status));
}

static void write_effective(struct json_writer *w, const struct view *view)
{
    json_field_cstr(w, "effective_status", effective_status_name(view->effective));
    json_field_cstr(w, "merged_effective_status", effective_status_name(view->merged));
}

/* The devices it is shown as one with: the primary first. */
static void write_group(struct json_writer *w, const struct view *view)
{
    struct device_core member;
    json_name(w, "merged_device_ids");
    json_begin_array(w);
    for (size_t i = 0; i < view->group_count; i++) {
        if (device_store_core(view->tx, view->group[i], &member) == ERR_OK) {
            json_put_uuid(w, &member.id);
        }
    }
    json_end_array(w);
}

static void write_replacement(struct json_writer *w, const struct view *view)
{
    bool waits = view->row.replacement_until != TIME_NONE && view->row.replacement_until > view->domain->now_unix_ms();
    json_field_time(w, "replacement_until", waits ? view->row.replacement_until : TIME_NONE);
    field_text(w, "replacement_sn", waits ? view->row.replacement_sn : (struct str){NULL, 0});
}

static void write_connection(struct json_writer *w, const struct view *view)
{
    json_field_bool(w, "connected", view->hot.connected);
    json_field_time(w, "connected_since", view->hot.connected ? view->hot.connected_since_ms : TIME_NONE);
    json_field_time(w, "refused_registration_at", view->row.refused_registration_at);
}

static void write_state(struct json_writer *w, const struct view *view)
{
    json_field_raw(w, "details", view->row.details);
    json_field_raw(w, "state", buf_str(&view->state));
}

static void write_space(struct json_writer *w, const struct view *view)
{
    if (!view->space.no) {
        json_field_null(w, "space");
        json_field_null(w, "space_id");
        json_field_null(w, "space_name");
        json_field_null(w, "space_tree_path_name");
        return;
    }
    json_name(w, "space");
    json_begin_object(w);
    json_field_int(w, "id", view->space.no);
    json_field_str(w, "full_path", view->space.path);
    json_end_object(w);
    json_field_int(w, "space_id", view->space.no);
    json_field_str(w, "space_name", view->space.name);
    json_field_str(w, "space_tree_path_name", view->space.path);
}

static void write_custom(struct json_writer *w, const struct view *view)
{
    json_name(w, "custom_parameters");
    custom_parameters_write(view->domain, w, view->row.custom_parameters, true);
}

static void write_for_organization(struct json_writer *w, const struct view *view)
{
    const struct device_core *core = &view->row.core;
    json_begin_object(w);
    json_field_uuid(w, "id", &core->id);
    json_field_str(w, "name", view->row.name);
    write_identity(w, view);
    write_status(w, view);
    write_effective(w, view);
    write_last_seen(w, "last_seen_at", view);
    write_state(w, view);
    write_model(w, view);
    write_space(w, view);
    write_custom(w, view);
    json_field_str(w, "partner", vendor_of(view));
    write_parent(w, view);
    json_field_int(w, "config_version", view->config.version);
    json_field_int(w, "applied_config_version", view->config.applied_version);
    json_field_bool(w, "incidents_suspended", core->incidents_suspended);
    field_text(w, "host_address", view->row.host_address);
    json_field_time(w, "created_at", core->created_at);
    json_field_time(w, "claimed_at", core->claimed_at);
    write_connection(w, view);
    write_replacement(w, view);
    write_group(w, view);
    json_field_bool(w, "virtual", core->is_virtual);
    json_end_object(w);
}

static void write_owner(struct json_writer *w, const struct view *view)
{
    if (!view->organization.no) {
        json_field_null(w, "organization");
        return;
    }
    json_name(w, "organization");
    json_begin_object(w);
    json_field_uuid(w, "id", &view->organization.id);
    json_field_str(w, "name", view->organization.name);
    json_end_object(w);
}

static void write_for_partner(struct json_writer *w, const struct view *view)
{
    const struct device_core *core = &view->row.core;
    json_begin_object(w);
    json_field_uuid(w, "id", &core->id);
    write_identity(w, view);
    write_status(w, view);
    write_last_seen(w, "last_seen_at", view);
    write_state(w, view);
    write_model(w, view);
    json_field_str(w, "name", view->row.name);
    write_owner(w, view);
    write_parent(w, view);
    json_field_time(w, "created_at", core->created_at);
    field_text(w, "hub_url", view->row.hub_url);
    field_text(w, "mqtt_hub_url", view->row.mqtt_hub_url);
    json_field_bool(w, "connected", view->hot.connected);
    /* what the partner portal shows besides (portal.md 4.8) */
    json_field_time(w, "connected_since", view->hot.connected ? view->hot.connected_since_ms : TIME_NONE);
    write_effective(w, view);
    json_field_time(w, "refused_registration_at", view->row.refused_registration_at);
    write_replacement(w, view);
    json_field_time(w, "key_issued_at", view->row.key_issued_at);
    write_last_seen(w, "key_last_used_at", view);
    field_text(w, "host_address", view->row.host_address);
    write_custom(w, view);
    json_field_int(w, "config_version", view->config.version);
    json_field_int(w, "applied_config_version", view->config.applied_version);
    json_field_time(w, "claimed_at", core->claimed_at);
    json_field_bool(w, "virtual", core->is_virtual);
    json_end_object(w);
}

static void view_init(struct view *view, struct domain *domain, struct store_tx *tx, struct arena *arena)
{
    *view = (struct view){.domain = domain, .tx = tx, .arena = arena};
}

enum err device_write(struct domain *domain, struct store_tx *tx, struct arena *arena, enum tenant_kind kind, int64_t device_no,
                      struct json_writer *w)
{
    struct view view;
    view_init(&view, domain, tx, arena);
    enum err err = load(&view, device_no);
    if (err == ERR_OK && kind == TENANT_ORGANIZATION) {
        write_for_organization(w, &view);
    } else if (err == ERR_OK) {
        write_for_partner(w, &view);
    }
    buf_deinit(&view.state);
    return err;
}

static void write_info(struct json_writer *w, const struct view *view, bool with_details)
{
    json_begin_object(w);
    json_field_uuid(w, "id", &view->row.core.id);
    json_name(w, "partner");
    json_begin_object(w);
    field_text(w, "sn", view->row.sn);
    field_text(w, "mac", view->row.mac);
    json_field_str(w, "vendor", vendor_of(view));
    json_field_str(w, "model", model_name_of(view));
    json_end_object(w);
    json_name(w, "config");
    configuration_write_merged(w, &view->config);
    json_field_raw(w, "state", buf_str(&view->state));
    write_last_seen(w, "last_seen", view);
    json_name(w, "custom");
    custom_parameters_write(view->domain, w, view->row.custom_parameters, false);
    json_field_str(w, "name", view->row.name);
    json_field_str(w, "firmware_version", view->row.firmware_version);
    if (view->organization.no) {
        json_field_str(w, "claimed", view->organization.name);
    } else {
        json_field_null(w, "claimed");
    }
    json_field_int(w, "version", view->row.core.info_version);
    if (with_details) {
        json_field_raw(w, "details", view->row.details);
        json_field_bool(w, "test", view->organization.no && view->organization.lab);
    }
    json_end_object(w);
}

enum err device_information_write(struct domain *domain, struct store_tx *tx, const struct device_brief *device,
                                  struct arena *arena, bool with_details, struct buf *out)
{
    struct view view;
    struct json_writer w;
    view_init(&view, domain, tx, arena);
    enum err err = load(&view, device->no);
    if (err == ERR_OK) {
        json_writer_init(&w, out);
        write_info(&w, &view, with_details);
    }
    buf_deinit(&view.state);
    return err;
}

/* One item of Get Children: no keys, no configuration (2.6). */
static void write_child(struct json_writer *w, const struct view *view)
{
    json_begin_object(w);
    json_field_uuid(w, "id", &view->row.core.id);
    field_text(w, "sn", view->row.sn);
    field_text(w, "mac", view->row.mac);
    if (view->hot.status == STATUS_NEVER_SEEN) {
        json_field_null(w, "state");
    } else {
        json_field_raw(w, "state", buf_str(&view->state));
    }
    write_last_seen(w, "last_seen", view);
    json_field_str(w, "name", view->row.name);
    json_field_str(w, "firmware_version", view->row.firmware_version);
    json_field_str(w, "vendor", vendor_of(view));
    json_field_str(w, "model", model_name_of(view));
    if (view->organization.no) {
        json_field_str(w, "claimed", view->organization.name);
    } else {
        json_field_null(w, "claimed");
    }
    json_field_raw(w, "details", view->row.details);
    json_end_object(w);
}

enum err device_children_write(struct domain *domain, struct store_tx *tx, int64_t parent_no, struct arena *arena, struct buf *out)
{
    struct device_core *children = NULL;
    struct json_writer w;
    size_t count = 0;
    enum err err = device_store_children(tx, parent_no, arena, &children, &count);
    json_writer_init(&w, out);
    json_begin_array(&w);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        struct view view;
        view_init(&view, domain, tx, arena);
        err = load(&view, children[i].no);
        if (err == ERR_OK) {
            write_child(&w, &view);
        }
        buf_deinit(&view.state);
    }
    json_end_array(&w);
    return err;
}
