/* One call or mail to be made now, with everything it needs and what came of it. Made on a reader's thread, then the
 * sender's. */
#ifndef MUSTER_NOTIFY_ERRAND_H
#define MUSTER_NOTIFY_ERRAND_H

#include "base/arena.h"
#include "base/list.h"

enum errand_kind { ERRAND_CALL, ERRAND_MAIL };

struct errand {
    struct list link;
    enum errand_kind kind;
    int64_t no;              /* of the row in the store */
    int tenant_kind;         /* whose it is */
    int64_t tenant_no;
    struct arena arena;      /* holds the strings; dies with the errand */
    /* ERRAND_CALL: a POST of JSON */
    const char *url;
    const char *signature;   /* value of X-Muster-Signature; NULL: none */
    struct str body;         /* or the whole mail */
    /* ERRAND_MAIL */
    const char *relay_url;   /* smtp://... or smtps://... */
    bool needs_starttls;
    const char *user, *password; /* NULL: no sign-in */
    const char *from, *to;
    /* result */
    int64_t status;          /* HTTP status, or the relay's last code; 0: none */
    const char *error;       /* a text that lives as long as the program, or in the arena; NULL: it went well */
    bool is_final;           /* no further try would help */
};

struct errand *errand_new(enum errand_kind kind, int64_t no);
void errand_free(struct errand *errand); /* wipes its arena's secrets as far as they are known */

#endif
