/* What a partner has switched on or off in its settings (management-api.md 5.10), for those who act by it. */
#ifndef MUSTER_MODEL_PARTNER_SWITCH_H
#define MUSTER_MODEL_PARTNER_SWITCH_H

#include "base/arena.h"
#include "base/err.h"

struct store_tx;

enum partner_switch {
    PARTNER_SELF_SIGNUP,     /* off unless it was switched on */
    PARTNER_REFERRAL_EMAILS, /* the others on unless they were switched off */
    PARTNER_TICKET_EMAILS,
};
enum err partner_switch_read(struct store_tx *tx, int64_t partner_no, enum partner_switch which, struct arena *arena,
                             bool *ret_on) MUST_CHECK;

#endif
