#include "hub/retained_expiry.h"

#include "base/mem.h"
#include "hub/persist.h"
#include "hub/retained.h"

struct expiry_pass {
    struct task task;
    struct hub_loop *loop;
    uint64_t now_ms;
    struct retained *retained;           /* that it goes through */
    int64_t space_no;                    /* whose that is; 0: the devices' */
    const struct open_space *next_space;
    struct retained_sweep sweep;
};

/* One by one: their rows have times of the wall clock, which may have been set since they were written. */
static void on_expired(struct retained_sweep *sweep, struct str topic)
{
    const struct expiry_pass *pass = container_of(sweep, struct expiry_pass, sweep);
    persist_retained(pass->loop, pass->space_no, topic);
}

static void run_slice(struct task *task)
{
    struct expiry_pass *pass = container_of(task, struct expiry_pass, task);
    struct hub_loop *loop = pass->loop;
    bool more = retained_expire(pass->retained, &pass->sweep, pass->now_ms);
    if (!more && pass->next_space) {
        pass->retained = pass->next_space->retained;
        pass->space_no = pass->next_space->no;
        pass->next_space = pass->next_space->next;
        more = true;
    }
    if (more) {
        mailbox_post(loop->mailbox, &pass->task); /* it comes after what else waits */
        return;
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
    pass->now_ms = hub_now_ms(loop);
    pass->retained = core->retained;
    pass->next_space = core->spaces;
    pass->sweep.on_expired = on_expired;
    mailbox_post(loop->mailbox, &pass->task);
}
