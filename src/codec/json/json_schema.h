/* JSON Schema, drafts 6 and 7 (management-api.md 5.4): whether a document is a schema that can be enforced, and whether a
 * value conforms to one. All validation keywords of both drafts; "format" as json_format.h says; "$ref" within the
 * document only. What the later drafts added and a "$ref" elsewhere are refused, not ignored: a rule that does not hold
 * is worse than none. Both functions cost a bounded amount of work, whatever they are given. */
#ifndef MUSTER_CODEC_JSON_SCHEMA_H
#define MUSTER_CODEC_JSON_SCHEMA_H

#include "codec/json/json.h"

/* False: *why is appended where and what is wrong: "properties.port.minimum is invalid", "unevaluatedProperties is not
 * supported". */
bool json_schema_is_valid(const struct json *schema, struct buf *why);
/* False: *path is appended which part of the value fails ("network.ports[2]"; nothing: the value itself) and *reason why
 * ("must be at most 65535"). `schema` should have passed json_schema_is_valid; what in it is not of the expected form is
 * left out of account. */
bool json_schema_check(const struct json *schema, const struct json *value, struct buf *path, struct buf *reason);

/* Shared by both: the part of `root` that a local reference names ("#", "#/definitions/port"); NULL: none. What the walk
 * costs is taken off *budget (characters of the reference, members and items that are passed); when that is used up the
 * result is NULL and *budget 0. */
#define JSON_SCHEMA_WALK_MAX ((size_t)8 << 20) /* for all references of one document */
const struct json *json_schema_resolve(const struct json *root, struct str reference, size_t *budget);

#endif
