/* What can go wrong, in one small enum; each edge translates it once (HTTP status, MQTT reason code, exit code). */
#ifndef MUSTER_BASE_ERR_H
#define MUSTER_BASE_ERR_H

enum err {
    ERR_OK = 0,
    ERR_INVALID,   /* the input is not valid */
    ERR_NOT_FOUND,
    ERR_EXISTS,    /* unique value taken */
    ERR_STATE,     /* not in a state that allows it */
    ERR_DENIED,
    ERR_LIMIT,     /* a configured limit is reached */
    ERR_BUSY,      /* queue full, shutting down: try again */
    ERR_STORAGE,   /* disk or database failed; nothing was changed */
    ERR_IO,
    ERR_INTERNAL,
};

#define MUST_CHECK __attribute__((warn_unused_result))

const char *err_name(enum err err); /* "storage", for logs */

#endif
