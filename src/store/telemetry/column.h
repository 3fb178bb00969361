/* The columns chunks are made of (chunk.h): varints, and columns of numbers and of strings. */
#ifndef MUSTER_STORE_TELEMETRY_COLUMN_H
#define MUSTER_STORE_TELEMETRY_COLUMN_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"

void put_varint(struct buf *out, uint64_t value);
uint64_t take_varint(struct cursor *c);

/* Signed differences that wrap: the nearest numbers have the shortest form. */
static inline uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (uint64_t)-(int64_t)(difference >> 63);
}
static inline uint64_t unzigzag(uint64_t value)
{
    return value >> 1 ^ (uint64_t)-(int64_t)(value & 1);
}

/* A section: its length and its bytes. */
void put_section(struct buf *out, const struct buf *section);
struct cursor take_section(struct cursor *c); /* a failed cursor makes a failed one */

/* The decimal scale at which all values are integers, or COLUMN_XOR. */
#define COLUMN_XOR 255
#define COLUMN_SCALE_MAX 9
uint8_t numbers_scale(const double *values, size_t count);
double number_of_scaled(int64_t scaled, uint8_t scale);
int64_t number_to_scaled(double value, uint8_t scale);

void put_numbers(struct buf *out, const double *values, size_t count);
/* Fills ret_values; all of the cursor belongs to them. ERR_INVALID. */
enum err take_numbers(struct cursor *c, double *ret_values, size_t count) MUST_CHECK;

void put_strings(struct buf *out, const struct str *values, size_t count);
/* The strings lie in the cursor's bytes. ERR_INVALID. */
enum err take_strings(struct cursor *c, struct str *ret_values, size_t count) MUST_CHECK;

#endif
