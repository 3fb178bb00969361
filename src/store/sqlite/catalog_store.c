#include "model/ports/catalog_store.h"

#include "store/sqlite/tx.h"

enum err catalog_store_partners(struct store_tx *tx, void (*visit)(const struct partner_info *partner, void *arg),
                                void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT no, id, suspended, name, short_code FROM partner");
    while (query_next(&q)) {
        visit(&(struct partner_info){
                  .no = query_i64(&q, 0),
                  .id = query_uuid(&q, 1),
                  .suspended = query_i64(&q, 2) != 0,
                  .name = query_str(&q, 3),
                  .short_code = query_str(&q, 4),
              },
              arg);
    }
    return query_finish(&q);
}

enum err catalog_store_organizations(struct store_tx *tx,
                                     void (*visit)(const struct organization_info *organization, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT no, partner_no, id, lab, suspended, name FROM organization");
    while (query_next(&q)) {
        visit(&(struct organization_info){
                  .no = query_i64(&q, 0),
                  .partner_no = query_i64(&q, 1),
                  .id = query_uuid(&q, 2),
                  .lab = query_i64(&q, 3) != 0,
                  .suspended = query_i64(&q, 4) != 0,
                  .name = query_str(&q, 5),
              },
              arg);
    }
    return query_finish(&q);
}

enum err catalog_store_models(struct store_tx *tx, void (*visit)(const struct model_info *model, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT no, partner_no, id, protocol, device_type, auth_cloud_id, published, api_version, "
                "offline_threshold_minutes, name FROM model");
    while (query_next(&q)) {
        visit(&(struct model_info){
                  .no = query_i64(&q, 0),
                  .partner_no = query_i64(&q, 1),
                  .id = query_uuid(&q, 2),
                  .protocol = (enum protocol)query_i64(&q, 3),
                  .device_type = (enum device_type)query_i64(&q, 4),
                  .auth_cloud_id = query_i64(&q, 5) != 0,
                  .published = query_i64(&q, 6) != 0,
                  .api_version = (uint8_t)query_i64(&q, 7),
                  .offline_threshold_minutes = (uint32_t)query_i64(&q, 8),
                  .name = query_str(&q, 9),
              },
              arg);
    }
    return query_finish(&q);
}

enum err catalog_store_spaces(struct store_tx *tx, void (*visit)(int64_t no, int64_t parent_no, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT no, parent_no FROM space");
    while (query_next(&q)) {
        visit(query_i64(&q, 0), query_i64(&q, 1), arg);
    }
    return query_finish(&q);
}
