/* Work handed to another thread. A mailbox is the FIFO inbox of one thread (an event loop, a writer); posting is
 * allowed from any thread, tasks run on the mailbox's own thread in the order in which they were posted. */
#ifndef MUSTER_BASE_TASK_H
#define MUSTER_BASE_TASK_H

struct task {
    struct task *next;
    void (*run)(struct task *task); /* takes the task: the callee frees what holds it */
};

struct mailbox {
    void (*post)(struct mailbox *mailbox, struct task *task); /* takes task; never blocks, never fails */
};

static inline void mailbox_post(struct mailbox *mailbox, struct task *task)
{
    mailbox->post(mailbox, task);
}

#endif
