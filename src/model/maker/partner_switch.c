#include "model/maker/partner_switch.h"

#include "codec/json/json.h"
#include "model/account/principal.h"
#include "model/ports/tenant_store.h"

enum err partner_switch_read(struct store_tx *tx, int64_t partner_no, enum partner_switch which, struct arena *arena, bool *ret_on)
{
    struct str text = {0};
    struct json *settings = NULL;
    *ret_on = which != PARTNER_SELF_SIGNUP;
    enum err err = tenant_settings_store_get(tx, TENANT_PARTNER, partner_no, arena, &text);
    if (err || json_parse(text, &(struct json_limits){.bytes_max = text.len + 1}, &settings) != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    const struct json *notifications = json_get(settings, "notifications");
    const struct json *value = which == PARTNER_SELF_SIGNUP       ? json_get(settings, "self_signup")
                               : which == PARTNER_REFERRAL_EMAILS ? json_get(notifications, "referral_emails")
                                                                  : json_get(notifications, "ticket_emails");
    *ret_on = json_is_bool(value) ? json_bool(value) : *ret_on;
    json_free(settings);
    return ERR_OK;
}
