#include "app/bench/credentials.h"

#include <stdio.h>

#include "base/mem.h"

bool bench_credentials_read(const char *path, unsigned wanted, struct bench_credential **ret_list, unsigned *ret_count)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        fprintf(stderr, "muster bench: %s cannot be read\n", path);
        return false;
    }
    struct bench_credential *list = mem_calloc(wanted, sizeof *list);
    unsigned count = 0;
    while (count < wanted && fscanf(file, "%47s %63s", list[count].id, list[count].key) == 2) {
        count++;
    }
    fclose(file);
    *ret_list = list;
    *ret_count = count;
    if (count == 0) {
        fprintf(stderr, "muster bench: %s holds no line 'id key'\n", path);
    }
    return count > 0;
}
