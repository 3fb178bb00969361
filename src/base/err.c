#include "base/err.h"

const char *err_name(enum err err)
{
    switch (err) {
    case ERR_OK: return "ok";
    case ERR_INVALID: return "invalid";
    case ERR_NOT_FOUND: return "not_found";
    case ERR_EXISTS: return "exists";
    case ERR_STATE: return "state";
    case ERR_DENIED: return "denied";
    case ERR_LIMIT: return "limit";
    case ERR_BUSY: return "busy";
    case ERR_STORAGE: return "storage";
    case ERR_IO: return "io";
    case ERR_INTERNAL: return "internal";
    }
    return "unknown";
}
