#include "model/management/audit.h"

#include "model/domain.h"
#include "model/management/envelope.h"
#include "model/ports/api_key_store.h"
#include "model/ports/audit_store.h"
#include "model/ports/user_store.h"

void audit_actor_of_principal(struct store_tx *tx, const struct principal *principal, struct str address,
                              struct arena *arena, struct audit_actor *ret_actor)
{
    *ret_actor = (struct audit_actor){
        .kind = "system",
        .address = address,
        .tenant_kind = principal->tenant_kind,
        .tenant_no = principal->tenant_kind == TENANT_ORGANIZATION ? principal->organization_no : principal->partner_no,
    };
    switch (principal->kind) {
    case PRINCIPAL_USER: {
        struct user_row user;
        ret_actor->kind = "user";
        if (user_store_find(tx, principal->user_no, arena, &user) == ERR_OK) {
            ret_actor->name = user.name;
        }
        break;
    }
    case PRINCIPAL_API_KEY:
        ret_actor->kind = "key";
        if (api_key_store_find_no(tx, principal->api_key_no, arena, &ret_actor->name) != ERR_OK) {
            ret_actor->name = (struct str){0};
        }
        break;
    case PRINCIPAL_DEVICE:
        ret_actor->kind = "device";
        break;
    case PRINCIPAL_NONE:
        break;
    }
}

void audit_write(struct domain *domain, struct store_tx *tx, const struct audit_entry *entry)
{
    /* A fault of the store is sticky in the transaction, which is then answered as a whole. */
    enum err err = audit_store_insert(tx, domain->now_unix_ms(), entry);
    (void)err;
}

void admin_audit(struct admin *admin, struct store_tx *tx, const char *action, const char *object_kind,
                 struct str object_id, struct str detail)
{
    struct audit_entry entry = {
        .action = action, .object_kind = object_kind, .object_id = object_id, .detail = detail};
    audit_actor_of_principal(tx, &admin->principal, admin->address, admin->arena, &entry.actor);
    audit_write(admin->domain, tx, &entry);
}

static void write_changed(struct json_writer *w, const char *name, const struct json *side, const struct json *other)
{
    if (!side) {
        return;
    }
    json_name(w, name);
    json_begin_object(w);
    for (const struct json *field = json_first(side); field; field = json_next(field)) {
        const struct json *twin = json_get_str(other, json_key(field));
        if (!other || !twin || !json_eq(field, twin)) {
            json_name_str(w, json_key(field));
            json_put_node(w, field);
        }
    }
    json_end_object(w);
}

#define DETAIL_BYTES_MAX 65536

struct str audit_diff(struct arena *arena, const struct json *before, const struct json *after)
{
    struct buf text;
    buf_init(&text, DETAIL_BYTES_MAX);
    struct json_writer w;
    json_writer_init(&w, &text);
    json_begin_object(&w);
    write_changed(&w, "before", before, after);
    write_changed(&w, "after", after, before);
    json_end_object(&w);
    struct str result = text.failed ? STR("{\"too_long\":true}") : arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return result;
}

static void put_optional(struct json_writer *w, const char *name, struct str text)
{
    if (text.ptr) {
        json_field_str(w, name, text);
    } else {
        json_field_null(w, name);
    }
}

static void write_row(const struct audit_row *row, void *arg)
{
    struct json_writer *w = arg;
    json_begin_object(w);
    json_field_int(w, "id", row->no);
    json_field_time(w, "created_at", row->at);
    json_field_str(w, "actor_kind", row->actor_kind);
    put_optional(w, "actor", row->actor);
    put_optional(w, "address", row->address);
    json_field_str(w, "action", row->action);
    put_optional(w, "object_kind", row->object_kind);
    put_optional(w, "object_id", row->object_id);
    if (row->detail.ptr) {
        json_field_raw(w, "detail", row->detail);
    } else {
        json_field_null(w, "detail");
    }
    json_end_object(w);
}

void audit_list(struct admin *admin, struct store_tx *tx, const struct audit_filter *filter, struct page page)
{
    enum tenant_kind kind = admin->principal.tenant_kind;
    audit_list_of(admin, tx, kind, kind == TENANT_PARTNER ? admin->principal.partner_no : admin->principal.organization_no,
                  filter, page);
}

void audit_list_of(struct admin *admin, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                   const struct audit_filter *filter, struct page page)
{
    struct envelope list;
    envelope_begin(&list, admin->reply, kind ? kind : TENANT_PARTNER, page);
    enum err err = audit_store_list(tx, kind, tenant_no, filter, page, write_row, &list.w);
    if (!admin_failed(admin, err)) {
        envelope_end(&list, audit_store_count(tx, kind, tenant_no, filter));
    }
}
