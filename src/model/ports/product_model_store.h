/* Port: a partner's device models and their versions (management-api.md 5.1). Strings of rows that are found are copied
 * into the arena, those of rows that are visited are borrowed for the call. */
#ifndef MUSTER_MODEL_PORTS_PRODUCT_MODEL_STORE_H
#define MUSTER_MODEL_PORTS_PRODUCT_MODEL_STORE_H

#include "model/device/device_table.h"
#include "model/ports/row.h"

struct product_model_row {
    int64_t no, partner_no;
    struct uuid id;
    struct str name;
    struct str sku;                      /* ptr NULL: none */
    bool has_icon;                       /* when read */
    bool auth_cloud_id;                  /* else MAC & serial number */
    enum protocol protocol;              /* immutable */
    enum device_type device_type;        /* immutable */
    int64_t api_version;                 /* 0..7 */
    int64_t offline_threshold_minutes;   /* 0: off */
    struct str enabled_tabs;             /* JSON array of names */
    bool published;
    struct str config_schema;            /* JSON, ptr NULL: none */
    struct str parameters, widgets;      /* JSON arrays */
    int64_t devices_count;               /* when read */
    int64_t created_at, updated_at;
};

/* Sets row->no. ERR_EXISTS: the partner has a model of this name. */
enum err product_model_store_insert(struct store_tx *tx, struct product_model_row *row) MUST_CHECK;
/* Name, SKU, authentication method, threshold, tabs, published, schema, parameters, widgets, updated_at: never what is immutable. ERR_EXISTS. */
enum err product_model_store_update(struct store_tx *tx, const struct product_model_row *row) MUST_CHECK;
/* With its keys, command definitions and versions. */
enum err product_model_store_delete(struct store_tx *tx, int64_t no) MUST_CHECK;
/* Of this partner; ERR_NOT_FOUND. */
enum err product_model_store_find(struct store_tx *tx, int64_t partner_no, const struct uuid *id, struct arena *arena,
                                  struct product_model_row *ret_row) MUST_CHECK;
/* Oldest first. `search`: part of the name or SKU in any case; empty: all. published_only: for customers. */
struct product_model_filter {
    int64_t partner_no;
    struct str search;
    bool published_only;
};
enum err product_model_store_list(struct store_tx *tx, const struct product_model_filter *filter, struct page page,
                                  void (*visit)(const struct product_model_row *row, void *arg), void *arg) MUST_CHECK;
int64_t product_model_store_count(struct store_tx *tx, const struct product_model_filter *filter);
/* ptr NULL: the model has none. */
enum err product_model_store_config_schema(struct store_tx *tx, int64_t no, struct arena *arena,
                                           struct str *ret_schema) MUST_CHECK;
int64_t product_model_store_device_count(struct store_tx *tx, int64_t no);
/* Bit n is set when a model of the partner has API version n. */
unsigned product_model_store_versions_in_use(struct store_tx *tx, int64_t partner_no);

/* `type` "image/png"; both empty: none. */
enum err product_model_store_set_icon(struct store_tx *tx, int64_t no, struct str type, struct str bytes) MUST_CHECK;
/* ERR_NOT_FOUND: no icon. */
enum err product_model_store_icon(struct store_tx *tx, int64_t no, struct arena *arena, struct str *ret_type,
                                  struct str *ret_bytes) MUST_CHECK;

struct model_version_row {
    int64_t n; /* 1, 2, ... */
    struct str document, author; /* JSON; author: ptr NULL for none */
    int64_t created_at;
};
enum err model_version_store_add(struct store_tx *tx, int64_t model_no, struct str document, struct str author,
                                 int64_t now) MUST_CHECK;
enum err model_version_store_find(struct store_tx *tx, int64_t model_no, int64_t n, struct arena *arena,
                                  struct str *ret_document) MUST_CHECK;
/* Newest first. */
enum err model_version_store_list(struct store_tx *tx, int64_t model_no, struct page page,
                                  void (*visit)(const struct model_version_row *row, void *arg), void *arg) MUST_CHECK;
int64_t model_version_store_count(struct store_tx *tx, int64_t model_no);

#endif
