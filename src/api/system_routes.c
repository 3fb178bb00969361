/* Set-up of an empty installation (portal.md 2). */
#include "api/admin_call.h"
#include "api/web_cookie.h"
#include "io/loop.h"
#include "model/account/setup.h"

static void setup_read(struct call *call, struct store_tx *tx)
{
    (void)tx;
    setup_state(call_admin(call));
}

static void setup_link_read(struct call *call, struct store_tx *tx)
{
    char local[NET_HOST_TEXT_BYTES];
    net_host_format(&call->local, local);
    setup_offer(call_admin(call), tx, call->params[0], local);
}

static void on_setup_finished(struct setup_run *run)
{
    struct call *call = run->user;
    call->reply.status = run->reply.status;
    call->reply.retry_after_s = run->reply.retry_after_s;
    buf_append_str(&call->reply.body, buf_str(&run->reply.body));
    if (!reply_is_error(&call->reply)) {
        web_cookie_set(call, run->session_token);
    }
    setup_run_free(run);
    call_finish(call);
}

static void setup_finish(struct call *call, struct store_tx *tx)
{
    (void)tx;
    if (!setup_is_needed(call->domain)) {
        reply_error(&call->reply, 404, "Setup link not found");
        return;
    }
    struct setup_request request;
    if (!web_cookie_is_allowed(call) || !setup_request_parse(call_admin(call), call->body, &request)) {
        return;
    }
    char local[NET_HOST_TEXT_BYTES];
    net_host_format(&call->local, local);
    request.address = str_from_cstr(call->peer_text);
    request.local_host = str_from_cstr(local);
    request.opens_session = true;
    struct setup_run *run = setup_run_new(call->domain, &request);
    run->user = call;
    setup_run_submit(run, call->params[0], loop_mailbox(loop_current()), on_setup_finished);
}

const struct route system_routes[] = {
    {"GET", "/core/v1/setup", ACCESS_PUBLIC, PLACE_LOOP, 0, setup_read},
    {"GET", "/core/v1/setup/:token", ACCESS_PUBLIC, PLACE_READ, ROUTE_SECRET_REPLY, setup_link_read},
    {"POST", "/core/v1/setup/:token", ACCESS_PUBLIC, PLACE_LOOP, ROUTE_SECRET_REPLY, setup_finish},
    {0},
};
