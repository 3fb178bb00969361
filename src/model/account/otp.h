/* One-time codes of a person's account (management-api.md 10.1): asked for, confirmed with a first code, turned off with
 * the password. The secret is sealed at rest. */
#ifndef MUSTER_MODEL_OTP_H
#define MUSTER_MODEL_OTP_H

#include "model/management/admin.h"
#include "model/op.h"
#include "model/ports/user_store.h"

/* The step of a code that is right and was not used yet; 0: it is neither. */
int64_t otp_code_step(const struct domain *domain, const struct user_row *user, struct str code);

/* POST /core/v1/session/otp through the lanes. Start: 200 {"secret","url"}, nothing is on yet, a new start replaces the
 * secret. Confirm: 200 {"success":true}, on from now; wrong: 422 "Code is invalid". Off: 422 "Password is invalid". */
enum otp_action { OTP_START, OTP_CONFIRM, OTP_OFF };

struct otp_change {
    struct op op;
    struct domain *domain;
    struct arena arena;
    enum otp_action action;
    struct principal principal;
    struct str proof;                /* the code, or the password; in the arena */
    struct str address;
    struct user_row account;
    bool is_right;
    struct admin admin;
    struct reply reply;
    struct mailbox *home;
    void (*finished)(struct otp_change *change);
    void *user;                      /* the caller's */
};
struct otp_change *otp_change_new(struct domain *domain, const struct principal *principal, enum otp_action action,
                                  struct str proof, struct str address);
void otp_change_free(struct otp_change *change); /* wipes the secrets */
/* `finished` is called on `home` with reply filled in, whatever happened. */
void otp_change_submit(struct otp_change *change, struct mailbox *home, void (*finished)(struct otp_change *change));

#endif
