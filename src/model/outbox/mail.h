/* Mail (management-api.md 8.2), queued in the transaction that makes it true. Subject and text come from the kind and
 * the fields (mail_text.h). Without a mail relay, a mail is listed with its link instead of being sent. */
#ifndef MUSTER_MODEL_OUTBOX_MAIL_H
#define MUSTER_MODEL_OUTBOX_MAIL_H

#include "base/err.h"
#include "base/str.h"
#include "model/ports/mail_store.h"

struct domain;
struct store_tx;

#define MAIL_ADDRESS_BYTES_MAX 254

/* What a mail is made of; which fields a kind uses stands beside it. Strings are borrowed for the call.
 *   MAIL_INVITATION        tenant_name, by (who invited), link
 *   MAIL_JOIN              the same
 *   MAIL_PASSWORD_RESET    link
 *   MAIL_TICKET            title, text, by, tenant_name (of the author), link
 *   MAIL_TICKET_COMMENT    title (of the ticket), text, by, tenant_name, link
 *   MAIL_REFERRAL          tenant_name (of the partner), by, text (a personal line), link
 *   MAIL_REFERRAL_ACCEPTED title (name of the organization), by, link
 *   MAIL_INCIDENT          title, text, tenant_name (of the organization), where (device and space), link
 *   MAIL_INCIDENT_SUMMARY  text (the lines), title (the day), tenant_name, link
 *   MAIL_CLAIM             title (name of the device), where (its space), by, tenant_name, link
 *   MAIL_SIGN_UP           tenant_name (of the partner), link */
struct mail {
    enum mail_kind kind;
    int tenant_kind;          /* enum tenant_kind; in whose list of mails it stands; 0: only in the installation's. Who sees
                               * the link there: people/authority.h */
    int64_t tenant_no;
    struct str to;            /* an address; one that cannot be used keeps the mail as failed */
    struct str tenant_name, by, title, text, where; /* empty: not said */
    struct str link_path;     /* "/invitation/<token>", below the public URL; empty: none */
    int64_t link_expires_at;  /* unix ms, when the link is a secret; it is not sent, and forgotten, afterwards. 0: none */
};

/* Kinds that one cause can bring about by the hundred: so many of a tenant within MAIL_BURST_MS, the last of which says that
 * more are not mailed (not of sign-ups: each goes to somebody else). */
#define MAIL_BURST_MS (INT64_C(10) * 60 * 1000)
#define MAIL_BURST_INCIDENTS 60
#define MAIL_BURST_CLAIMS 10
#define MAIL_BURST_SIGN_UPS 100

/* How many more mails of this kind its tenant may get now; below 1, mail_queue drops it. On LANE_REGISTRY. */
int64_t mail_burst_left(struct domain *domain, struct store_tx *tx, const struct mail *mail);
/* On LANE_REGISTRY. A failure is the store's: too many waiting mails of one tenant (notify.mail_queue) are no error of
 * the caller, the mail is then kept as failed. */
enum err mail_queue(struct domain *domain, struct store_tx *tx, const struct mail *mail) MUST_CHECK;
/* The same to each of `to`, whatever mail->to says: what is the same for all is asked once. */
enum err mail_queue_each(struct domain *domain, struct store_tx *tx, const struct mail *mail, const struct str *to,
                         size_t count) MUST_CHECK;

/* What an attempt came to. */
struct mail_outcome {
    struct str error;         /* empty: the relay took it */
    bool is_final;            /* the relay will never take it */
};
#define MAIL_TRIES_MAX 6
#define MAIL_ERROR_BYTES_MAX 200
/* Writes it down: sent, due again after 1 min, 5 min, 30 min, 2 h and 6 h, or given up. A link that is a secret is
 * forgotten once it was sent. ERR_NOT_FOUND: it is gone, or was final already. On LANE_REGISTRY. */
enum err mail_attempted(struct domain *domain, struct store_tx *tx, int64_t no, const struct mail_outcome *outcome) MUST_CHECK;
/* A mail that is not waiting is tried again, with its link if it still has one. ERR_STATE: it waits already, or was sent.
 * On LANE_REGISTRY. */
enum err mail_again(struct domain *domain, struct store_tx *tx, struct mail_row *row) MUST_CHECK;

/* One "@" with something before and after it, at most MAIL_ADDRESS_BYTES_MAX bytes of printable ASCII or UTF-8 without
 * blanks, brackets, quotes or commas: what can stand in a mail's envelope as it is. */
bool mail_address_is_valid(struct str address);

#endif
