/* A mail as RFC 5322 and MIME want it: plain text, UTF-8, quoted-printable, nothing a field could break out of. */
#ifndef MUSTER_NOTIFY_MAIL_MESSAGE_H
#define MUSTER_NOTIFY_MAIL_MESSAGE_H

#include "base/buf.h"
#include "base/uuid.h"

struct mail_message {
    struct str from, to;   /* addresses (model/outbox/mail.h, mail_address_is_valid) */
    struct str subject;    /* UTF-8, one line */
    struct str text, link; /* UTF-8; the link stands below the text; empty: none */
    struct uuid id;        /* of the mail, for Message-ID: a repeated one is the same mail */
    int64_t at_ms;         /* unix */
};

/* Appends it with CRLF line ends. */
void mail_message_write(struct buf *out, const struct mail_message *message);

#endif
