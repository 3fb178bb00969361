/* Files of lines "id key", as `muster bench register --save` writes them. */
#ifndef MUSTER_APP_BENCH_CREDENTIALS_H
#define MUSTER_APP_BENCH_CREDENTIALS_H

#include <stdbool.h>

#include "app/bench/client.h"

struct bench_credential {
    char id[BENCH_CLIENT_ID_BYTES], key[64];
};

/* Reads at most `wanted` lines; the caller frees the list with mem_free, also after a failure. Prints one line and
 * returns false when there is none. */
bool bench_credentials_read(const char *path, unsigned wanted, struct bench_credential **ret_list, unsigned *ret_count);

#endif
