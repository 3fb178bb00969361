#include "model/management/admin.h"

#include "model/domain.h"

void admin_init(struct admin *admin, struct domain *domain, struct arena *arena, struct reply *reply,
                const struct principal *principal, struct str address)
{
    *admin = (struct admin){.domain = domain, .arena = arena, .reply = reply, .principal = *principal,
                            .address = address};
    admin->effects_end = &admin->effects;
}

void admin_on_commit(struct admin *admin, void (*run)(struct domain *domain, void *arg), void *arg)
{
    struct admin_effect *effect = arena_new(admin->arena, struct admin_effect);
    effect->run = run;
    effect->arg = arg;
    *admin->effects_end = effect;
    admin->effects_end = &effect->next;
}

void admin_committed(struct admin *admin)
{
    for (struct admin_effect *effect = admin->effects; effect; effect = effect->next) {
        effect->run(admin->domain, effect->arg);
    }
}

bool admin_failed(struct admin *admin, enum err err)
{
    if (err) {
        reply_from_err(admin->reply, err);
    }
    return err != ERR_OK;
}

void admin_reply_success(struct admin *admin)
{
    buf_append_cstr(&admin->reply->body, "{\"success\":true}");
    admin->reply->status = 200;
}
