#include "model/management/idempotency.h"

#include "model/domain.h"
#include "model/ports/idempotency_store.h"

/* Who repeats: a key, or a person acting for one tenant. */
static struct str principal_text(const struct principal *principal, struct arena *arena)
{
    if (principal->kind == PRINCIPAL_API_KEY) {
        return arena_printf(arena, "key:%lld", (long long)principal->api_key_no);
    }
    return arena_printf(arena, "user:%lld:%d:%lld:%lld", (long long)principal->user_no, (int)principal->tenant_kind,
                        (long long)principal->partner_no, (long long)principal->organization_no);
}

static void reply_key(const struct domain *domain, struct str key, uint8_t ret_key[32])
{
    uint8_t purpose[SHA256_BYTES];
    hmac_sha256(domain->keys.seal_key, sizeof domain->keys.seal_key, "idempotency reply", 17, purpose);
    hmac_sha256(purpose, sizeof purpose, key.ptr, key.len, ret_key);
    secret_wipe(purpose, sizeof purpose);
}

static struct idempotency_row row_of(struct domain *domain, const struct idempotency_call *call, struct arena *arena)
{
    struct idempotency_row row = {.principal = principal_text(call->principal, arena), .route = call->route};
    domain_key_hash(domain, call->key, row.key_hash);
    return row;
}

/* Of all that a repeat must have in common with the first: no part of it can be taken for another, NUL is in none. */
static void request_hash(const struct idempotency_call *call, uint8_t ret_hash[SHA256_BYTES])
{
    struct str path = str_ends_with(call->path, STR("/")) ? str_sub(call->path, 0, call->path.len - 1) : call->path;
    struct sha256_stream *hash = sha256_stream_new();
    sha256_stream_add(hash, path.ptr, path.len);
    sha256_stream_add(hash, "", 1);
    sha256_stream_add(hash, call->query.ptr, call->query.len);
    sha256_stream_add(hash, "", 1);
    sha256_stream_add(hash, call->body.ptr, call->body.len);
    sha256_stream_end(hash, ret_hash);
    sha256_stream_free(hash);
}

static enum idempotency_result answer_repeat(struct domain *domain, const struct idempotency_call *call,
                                             const struct idempotency_row *row, struct reply *reply)
{
    uint8_t hash[SHA256_BYTES], key[32];
    request_hash(call, hash);
    if (memcmp(hash, row->request_hash, sizeof hash) != 0) {
        reply_error(reply, 422, "Idempotency-Key was used with another request");
        return IDEMPOTENCY_REFUSED;
    }
    reply_key(domain, call->key, key);
    bool opened = seal_open(key, row->reply_sealed, &reply->body);
    secret_wipe(key, sizeof key);
    if (!opened) {
        reply_from_err(reply, ERR_INTERNAL);
        return IDEMPOTENCY_REFUSED;
    }
    reply->status = (unsigned)row->status;
    return IDEMPOTENCY_REPEAT;
}

enum idempotency_result idempotency_lookup(struct domain *domain, struct store_tx *tx,
                                           const struct idempotency_call *call, struct reply *reply)
{
    if (call->key.len == 0 || call->key.len > IDEMPOTENCY_KEY_BYTES_MAX) {
        reply_error(reply, 422, "Idempotency-Key is invalid");
        return IDEMPOTENCY_REFUSED;
    }
    struct arena arena;
    arena_init(&arena);
    struct idempotency_row row = row_of(domain, call, &arena);
    enum idempotency_result result = IDEMPOTENCY_NEW;
    enum err err = idempotency_store_find(tx, &row, &arena);
    if (err == ERR_OK && row.created_at > domain->now_unix_ms() - IDEMPOTENCY_LIFE_MS) {
        result = answer_repeat(domain, call, &row, reply);
    } else if (err != ERR_OK && err != ERR_NOT_FOUND) {
        reply_from_err(reply, err);
        result = IDEMPOTENCY_REFUSED;
    }
    arena_deinit(&arena);
    return result;
}

void idempotency_store(struct domain *domain, struct store_tx *tx, const struct idempotency_call *call,
                       const struct reply *reply)
{
    struct arena arena;
    arena_init(&arena);
    struct idempotency_row row = row_of(domain, call, &arena);
    request_hash(call, row.request_hash);
    uint8_t key[32];
    reply_key(domain, call->key, key);
    struct buf sealed;
    buf_init(&sealed, reply->body.len + SEAL_OVERHEAD_BYTES);
    seal(key, buf_str(&reply->body), &sealed);
    secret_wipe(key, sizeof key);
    row.status = reply->status;
    row.reply_sealed = buf_str(&sealed);
    row.created_at = domain->now_unix_ms();
    enum err err = idempotency_store_insert(tx, &row);
    (void)err; /* sticky in the transaction */
    buf_deinit(&sealed);
    arena_deinit(&arena);
}
