/* What a mail says (management-api.md 8.2): one text per kind, in English. */
#ifndef MUSTER_MODEL_OUTBOX_MAIL_TEXT_H
#define MUSTER_MODEL_OUTBOX_MAIL_TEXT_H

#include "base/arena.h"
#include "model/outbox/mail.h"

#define MAIL_SUBJECT_BYTES_MAX 300
#define MAIL_TEXT_BYTES_MAX 65536

/* Both in the arena: a subject without control characters, and the text that stands above the link. */
void mail_text(const struct mail *mail, struct arena *arena, struct str *ret_subject, struct str *ret_text);
/* "invitation"; NULL outside the enum. */
const char *mail_kind_name(enum mail_kind kind);

#endif
