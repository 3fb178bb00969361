#include "app/installation.h"

#include "base/clock.h"
#include "base/log.h"
#include "model/maker/catalog.h"
#include "model/account/credentials.h"
#include "model/device/device_table.h"
#include "model/device/devices.h"
#include "model/device/talkers.h"
#include "model/live/live.h"
#include "model/management/message_rates.h"
#include "model/telemetry/telemetry.h"
#include "model/live/trace.h"
#include "store/store.h"

static void free_domain(struct domain *domain)
{
    telemetry_free(domain->telemetry);
    live_free(domain->live);
    trace_free(domain->trace);
    talkers_free(domain->talkers);
    message_rates_free(domain->rates);
    credentials_free(domain->credentials);
    catalog_free(domain->catalog);
    devices_unload(domain);
    device_table_free(domain->devices);
}

enum err installation_open(struct installation *installation, const char *data_dir, const struct settings *settings,
                           struct url_source *urls)
{
    *installation = (struct installation){.store = NULL};
    enum err err = store_open(&(struct store_config){.data_dir = data_dir}, &installation->store);
    if (err == ERR_BUSY) {
        log_event(LOG_ERROR, "data_folder_in_use", log_s("data", data_dir));
    }
    if (err) {
        return err;
    }
    store_set_segments(installation->store, settings->telemetry_segment_rows, settings->telemetry_segment_rows_min,
                       settings->telemetry_segment_age);
    struct domain *domain = &installation->domain;
    event_bus_init(&domain->events);
    domain->devices = device_table_new();
    domain->catalog = catalog_new();
    domain->credentials = credentials_new();
    domain->live = live_new(domain);
    domain->trace = trace_new();
    domain->talkers = talkers_new();
    domain->rates = message_rates_new();
    domain->urls = urls;
    domain->settings = settings;
    domain->now_unix_ms = clock_unix_ms;
    domain->started_at_ms = clock_unix_ms();
    store_bind(installation->store, domain);
    domain->telemetry = telemetry_new(domain);
    err = store_load(installation->store, domain);
    if (err) {
        log_event(LOG_ERROR, "data_folder_unreadable", log_s("data", data_dir), log_s("error", err_name(err)));
        installation_close(installation);
    }
    return err;
}

void installation_close(struct installation *installation)
{
    store_close(installation->store);
    free_domain(&installation->domain);
    installation->store = NULL;
}
