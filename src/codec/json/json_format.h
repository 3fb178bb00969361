/* The values of JSON Schema's "format" that are checked; all others only describe. */
#ifndef MUSTER_CODEC_JSON_FORMAT_H
#define MUSTER_CODEC_JSON_FORMAT_H

#include <stdbool.h>

#include "base/str.h"

/* date-time, date, time, email, hostname, ipv4, ipv6, uri, uuid, regex. True for any text when the format is another. */
bool json_format_fits(struct str format, struct str text);

#endif
