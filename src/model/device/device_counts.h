/* Exact counts of a tenant's devices, from the hot records. */
#ifndef MUSTER_MODEL_DEVICE_COUNTS_H
#define MUSTER_MODEL_DEVICE_COUNTS_H

#include "codec/json/json.h"
#include "model/account/principal.h"

struct domain;

struct device_counts {
    int64_t online, offline, error, never_seen, total, unclaimed, connected;
};
/* Of the devices that whoever asks may see. One pass over the hot records, a few milliseconds at 100,000 devices: on LANE_READ. */
struct device_counts device_counts_of(struct domain *domain, const struct principal *principal);
/* {"online","offline","error","never_seen","total",["unclaimed",]"connected"} */
void device_counts_write(struct json_writer *w, const struct device_counts *counts, bool with_unclaimed);

#endif
