#include "model/device/device_counts.h"

#include "model/account/access.h"
#include "model/device/device_table.h"
#include "model/domain.h"

struct counting {
    struct domain *domain;
    const struct principal *principal;
    bool sees_all;
    struct device_counts counts;
};

static bool count_device(const struct device_brief *device, void *arg)
{
    struct counting *counting = arg;
    struct device_counts *counts = &counting->counts;
    const struct principal *principal = counting->principal;
    int64_t owner = principal->tenant_kind == TENANT_PARTNER ? device->partner_no : device->organization_no;
    if (owner != principal_tenant_no(principal) ||
        (!counting->sees_all && access_space_role(counting->domain, principal, device->space_no) == SPACE_NONE)) {
        return true;
    }
    counts->total++;
    counts->unclaimed += device->organization_no == 0;
    counts->connected += device->connected;
    switch (device->status) {
    case STATUS_NEVER_SEEN: counts->never_seen++; break;
    case STATUS_ONLINE: counts->online++; break;
    case STATUS_OFFLINE: counts->offline++; break;
    case STATUS_ERROR: counts->error++; break;
    }
    return true;
}

struct device_counts device_counts_of(struct domain *domain, const struct principal *principal)
{
    struct counting counting = {domain, principal, access_sees_all(principal), {0}};
    device_table_each(domain->devices, count_device, &counting);
    return counting.counts;
}

void device_counts_write(struct json_writer *w, const struct device_counts *counts, bool with_unclaimed)
{
    json_begin_object(w);
    json_field_int(w, "online", counts->online);
    json_field_int(w, "offline", counts->offline);
    json_field_int(w, "error", counts->error);
    json_field_int(w, "never_seen", counts->never_seen);
    json_field_int(w, "total", counts->total);
    if (with_unclaimed) {
        json_field_int(w, "unclaimed", counts->unclaimed);
    }
    json_field_int(w, "connected", counts->connected);
    json_end_object(w);
}
