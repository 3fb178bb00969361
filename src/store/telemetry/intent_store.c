/* The numbers of QoS 2 intents in the day files (hub/uplink.c); a file of its own, because the hub's tests replace it. */
#include <assert.h>

#include "model/ports/telemetry_store.h"
#include "store/telemetry/day_file.h"

enum err sample_store_find_intent(struct store_tx *tx, struct sample_position after, int64_t intent_no, bool *ret_found,
                                  bool *ret_sealed)
{
    assert(tx->day_readers);
    enum err err = day_readers_find_intent(tx->day_readers, after, intent_no, ret_found, ret_sealed);
    day_readers_end(tx->day_readers);
    return err;
}
