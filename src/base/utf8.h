/* UTF-8 as RFC 3629 and the MQTT 5.0 standard section 1.5.4 want it: no overlong forms, no surrogates. */
#ifndef MUSTER_BASE_UTF8_H
#define MUSTER_BASE_UTF8_H

#include "base/str.h"

bool utf8_is_valid(struct str s);               /* well-formed; U+0000 is allowed */
size_t utf8_next(struct str s);                 /* bytes of the well-formed character at its start; 0: none */
bool utf8_is_valid_mqtt(struct str s);          /* well-formed and without U+0000 */
size_t utf8_length(struct str s);               /* characters (code points) of a valid string */
struct str utf8_prefix(struct str s, size_t bytes_max); /* of a valid string: the whole characters in its first bytes */

#endif
