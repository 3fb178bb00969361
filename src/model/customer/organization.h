/* Organizations, the customers of a partner (management-api.md 3.1, 4, 5.9). */
#ifndef MUSTER_MODEL_ORGANIZATION_H
#define MUSTER_MODEL_ORGANIZATION_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/tenant_store.h"


/* Inserts the organization with its root space (named as the organization), visible in memory after the commit. `row`:
 * partner_no, name, lab, sandbox, contacts are set by the caller, the rest is filled in. */
enum err organization_make(struct admin *admin, struct store_tx *tx, struct organization_row *row) MUST_CHECK;

/* Organization API: GET /info. */
void organization_info(struct admin *admin, struct store_tx *tx);
/* Organization API: GET /overview. */
void organization_overview(struct admin *admin, struct store_tx *tx);
/* Partner API: GET|POST /organizations, GET /organizations/:id. */
void organization_list(struct admin *admin, struct store_tx *tx, struct str search, struct page page);
void organization_create(struct admin *admin, struct store_tx *tx, const struct json *body);
void organization_read(struct admin *admin, struct store_tx *tx, struct str id);

/* Shared by the files of this folder. */
bool organization_find(struct admin *admin, struct store_tx *tx, struct str id, struct organization_row *ret_row);
void organization_answer(struct admin *admin, struct store_tx *tx, const struct organization_row *row);
void organization_write_contacts(struct json_writer *w, struct str contacts);
bool organization_parse_email(struct admin *admin, const struct json *body, const char *field, struct str *ret_email);
/* A space's name has no "/"; a company's may have one. */
struct str organization_root_name(struct arena *arena, struct str name);

#endif
