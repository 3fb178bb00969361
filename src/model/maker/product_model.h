/* A partner's device models (management-api.md 5.1) and how a customer sees them (3.4). Communication protocol, device
 * type and API version never change after creation, for nobody and by no way: there is no function that could. */
#ifndef MUSTER_MODEL_PRODUCT_MODEL_H
#define MUSTER_MODEL_PRODUCT_MODEL_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/product_model_store.h"

/* The partner's model of this id; false: 404 "Model not found" is answered. */
bool product_model_find(struct admin *admin, struct store_tx *tx, struct str id, struct product_model_row *ret_row);

/* On LANE_READ. */
void product_model_list(struct admin *admin, struct store_tx *tx, struct str search, struct page page);
void product_model_read(struct admin *admin, struct store_tx *tx, struct str id);
void product_model_versions(struct admin *admin, struct store_tx *tx, struct str id, struct page page);
/* The image's bytes in the reply, its type in *ret_content_type; 404 "Icon not found". */
void product_model_icon(struct admin *admin, struct store_tx *tx, struct str id, struct str *ret_content_type);
/* The customer's view: published models, for lab organizations all. */
void organization_model_list(struct admin *admin, struct store_tx *tx, struct str search, bool edge_only,
                             struct page page);
void organization_model_read(struct admin *admin, struct store_tx *tx, struct str id);

/* On LANE_REGISTRY. */
void product_model_create(struct admin *admin, struct store_tx *tx, const struct json *body);
void product_model_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);
void product_model_delete(struct admin *admin, struct store_tx *tx, struct str id);
void product_model_publish(struct admin *admin, struct store_tx *tx, struct str id, bool published);
void product_model_clone(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);
void product_model_restore(struct admin *admin, struct store_tx *tx, struct str id, struct str n);

/* Writes the changed row, with everything that follows from it: memory, a version, the audit log. Takes `before`, the
 * document of the row as it was. False: the reply holds the error. On LANE_REGISTRY. */
bool product_model_save(struct admin *admin, struct store_tx *tx, const char *action, struct json *before,
                        struct product_model_row *row, int64_t threshold_before);

/* Shared by the files of this module: product_model_form.c, product_model_view.c, product_model.c. */
#define MODEL_DOCUMENT_BYTES_MAX ((size_t)1 << 20)
struct model_icon {
    bool is_set;          /* the request says something about it */
    struct str type;      /* "image/png"; empty: remove it */
    struct str bytes;
};
bool model_form_create(struct admin *admin, struct store_tx *tx, const struct json *body,
                       struct product_model_row *row, struct model_icon *ret_icon, unsigned *ret_suggested);
bool model_form_update(struct admin *admin, const struct json *body, struct product_model_row *row,
                       struct model_icon *ret_icon);
bool model_form_protocol(struct admin *admin, const struct json *body, enum protocol *ret_protocol);
/* What a version keeps, and the audit log compares. The caller frees it. */
struct json *model_document(const struct product_model_row *row);
/* Takes the fields that may change from a version's document. */
void model_document_apply(const struct json *document, struct arena *arena, struct product_model_row *row);
/* The Model object of the partner API. */
void model_write(struct json_writer *w, const struct product_model_row *row, struct str vendor);

#endif
