/* Between a call of a management route and the domain. */
#ifndef MUSTER_API_ADMIN_CALL_H
#define MUSTER_API_ADMIN_CALL_H

#include "api/call.h"
#include "model/management/admin.h"
#include "model/management/audit.h"
#include "model/ports/row.h"

/* The domain's view of the call; its effects become visible after the commit. Once per call. */
struct admin *call_admin(struct call *call);
/* The page asked for, with the default and the cap of management-api.md 1.5. */
struct page call_page(struct call *call);
/* "order" of lists by time: ASC is oldest first (management-api.md 1.5). */
bool call_is_ascending(struct call *call);
/* The same for a list with a default and a cap of its own. */
struct page call_page_of(struct call *call, int64_t default_size, int64_t size_max);
/* An optional text filter; empty when absent. */
struct str call_text(struct call *call, const char *name);
/* The filters of an audit log. False: 422 is answered. */
MUST_CHECK bool call_audit_filter(struct call *call, struct audit_filter *ret_filter);
/* GET /api_keys, /audit and so on are the same for partners and organizations. */
void handle_api_keys_list(struct call *call, struct store_tx *tx);
void handle_api_keys_create(struct call *call, struct store_tx *tx);
void handle_api_keys_revoke(struct call *call, struct store_tx *tx);
void handle_audit(struct call *call, struct store_tx *tx);

#endif
