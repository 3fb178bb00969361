/* Comma-separated values as RFC 4180 has them; semicolons and tabs too, as spreadsheets write them, and a byte order
 * mark in front. */
#ifndef MUSTER_BASE_CSV_H
#define MUSTER_BASE_CSV_H

#include "base/arena.h"
#include "base/buf.h"

struct csv_reader {
    struct str rest;
    char separator;
};

/* The separator is the one of ',', ';' and tab that the first line has most of. Borrows text. */
void csv_reader_init(struct csv_reader *reader, struct str text);
/* The next record that is not empty; fields live in the arena, without blanks around unquoted ones. False: the end, or
 * more than `max` fields, or a quote that is not closed (*ret_count is then SIZE_MAX). */
bool csv_read(struct csv_reader *reader, struct arena *arena, struct str *ret_fields, size_t max, size_t *ret_count);

/* Appends a field, quoted if need be; ptr NULL: empty. A text that a spreadsheet would take for a formula gets an
 * apostrophe in front: names come from strangers. */
void csv_write(struct buf *out, struct str text);

#endif
