#include "model/domain.h"

#include "base/crypto.h"
#include "model/maker/catalog.h"
#include "model/account/credentials.h"
#include "model/device/devices.h"
#include "model/incident/incident.h"
#include "model/file/file_desk.h"
#include "model/telemetry/telemetry.h"

void domain_key_hash(const struct domain *domain, struct str key, uint8_t ret_hash[32])
{
    hmac_sha256(domain->keys.hash_key, sizeof domain->keys.hash_key, key.ptr, key.len, ret_hash);
}

enum err domain_load(struct domain *domain, struct store_tx *tx)
{
    enum err err = catalog_load(domain, tx);
    if (err == ERR_OK) {
        err = credentials_load(domain, tx);
    }
    if (err == ERR_OK) {
        err = devices_load(domain, tx);
    }
    if (err == ERR_OK) {
        err = incidents_load(domain, tx);
    }
    if (err == ERR_OK) {
        err = files_load(domain, tx);
    }
    if (err == ERR_OK) {
        err = telemetry_load(domain, tx);
    }
    return err;
}
