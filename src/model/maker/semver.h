/* Semantic Versioning 2.0, which firmware versions follow from API version 1.0.4 on (device-api.md 1.11). */
#ifndef MUSTER_MODEL_SEMVER_H
#define MUSTER_MODEL_SEMVER_H

#include "base/str.h"

/* MAJOR.MINOR.PATCH without leading zeroes, optional -pre.release and +build. */
bool semver_is_valid(struct str text);
/* Precedence (semver.org 11) of two valid ones: below 0, 0, above 0. Builds do not count. */
int semver_compare(struct str a, struct str b);

#endif
