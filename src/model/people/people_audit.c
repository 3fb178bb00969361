#include "model/people/people_audit.h"

#include "model/management/audit.h"

static void write_line(struct admin *admin, struct store_tx *tx, const char *action, const char *object_kind,
                       const struct uuid *id, struct json *after)
{
    char text[UUID_TEXT_BYTES];
    uuid_format(id, text);
    admin_audit(admin, tx, action, object_kind, str_from_cstr(text), audit_diff(admin->arena, NULL, after));
    json_free(after);
}

void people_audit(struct admin *admin, struct store_tx *tx, const char *action, const char *object_kind,
                  const struct uuid *id, const char *name, struct str value)
{
    struct json *after = json_new_object();
    json_set(after, str_from_cstr(name), json_new_string(value));
    write_line(admin, tx, action, object_kind, id, after);
}

void people_audit_ids(struct admin *admin, struct store_tx *tx, const char *action, const struct uuid *group_id,
                      const struct json *ids)
{
    struct json *after = json_new_object();
    json_set(after, STR("user_ids"), ids ? json_dup(ids) : json_new_array());
    write_line(admin, tx, action, "group", group_id, after);
}
