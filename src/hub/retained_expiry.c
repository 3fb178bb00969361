#include "hub/retained_expiry.h"

#include "base/mem.h"
#include "hub/persist.h"
#include "hub/retained.h"

struct expiry_pass {
    struct task task;
    struct hub_loop *loop;
    int64_t now_unix_ms;
    struct retained *retained;           /* that it goes through */
    const struct open_space *next_space;
    struct retained_sweep sweep;
};

static void run_slice(struct task *task)
{
    struct expiry_pass *pass = container_of(task, struct expiry_pass, task);
    struct hub_loop *loop = pass->loop;
    bool more = retained_expire(pass->retained, &pass->sweep, pass->now_unix_ms);
    if (!more && pass->next_space) {
        pass->retained = pass->next_space->retained;
        pass->next_space = pass->next_space->next;
        more = true;
    }
    if (more) {
        mailbox_post(loop->mailbox, &pass->task); /* it comes after what else waits */
        return;
    }
    if (pass->sweep.removed) {
        persist_no_retained_expired(loop, pass->now_unix_ms);
    }
    loop->core->expiry_runs = false;
    mem_free(pass);
}

void retained_expiry_begin(struct hub_loop *loop)
{
    struct hub_core *core = loop->core;
    if (core->expiry_runs) {
        return;
    }
    core->expiry_runs = true;
    struct expiry_pass *pass = mem_new(struct expiry_pass);
    pass->task.run = run_slice;
    pass->loop = loop;
    pass->now_unix_ms = hub_unix_ms(loop);
    pass->retained = core->retained;
    pass->next_space = core->spaces;
    mailbox_post(loop->mailbox, &pass->task);
}
