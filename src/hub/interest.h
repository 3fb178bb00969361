/* What other loops may know of a loop's filters without asking it: whether a message could be for anybody there. Without
 * it each message of an application or open space would be carried to every loop that has any filter at all, and be
 * matched there mostly in vain. Filters without wildcards are counted by a hash of their text; one with a wildcard makes
 * every topic possible. Changed by its loop, read by any thread. */
#ifndef MUSTER_HUB_INTEREST_H
#define MUSTER_HUB_INTEREST_H

#include <stdbool.h>

#include "base/str.h"

struct interest;

struct interest *interest_new(void);
void interest_free(struct interest *interest); /* NULL is accepted */
/* The filter came (1) or went (-1). Must be known before SUBACK is sent. */
void interest_count(struct interest *interest, struct str filter, int change);
/* False: nobody there has a filter that matches the topic. */
bool interest_is_possible(const struct interest *interest, struct str topic);

#endif
