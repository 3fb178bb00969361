/* Mails about tickets (management-api.md 8.2): to the partner's people who look after them, if its settings say so; to the
 * person who made the ticket when the partner writes. */
#ifndef MUSTER_MODEL_TICKET_MAIL_H
#define MUSTER_MODEL_TICKET_MAIL_H

#include "model/management/admin.h"
#include "model/ports/ticket_store.h"

#define TICKET_MAIL_RECIPIENTS_MAX 20

/* `comment` NULL: the ticket is new. */
enum err ticket_mail(struct admin *admin, struct store_tx *tx, const struct ticket_row *ticket,
                     const struct ticket_comment_row *comment) MUST_CHECK;

#endif
