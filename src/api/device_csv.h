/* GET /devices.csv (management-api.md 5.7, 6.1): as many devices as there are, sent while they are read, so that memory
 * holds a few lines only. */
#ifndef MUSTER_API_DEVICE_CSV_H
#define MUSTER_API_DEVICE_CSV_H

#include "api/device_admin.h"

/* Answers the call of a PLACE_LOOP handler, and takes it. The texts of `query` are copied. */
void device_csv_send(struct call *call, const struct device_query *query);

#endif
