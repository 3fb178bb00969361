#include "model/management/envelope.h"

void envelope_begin(struct envelope *envelope, struct reply *reply, enum tenant_kind kind, struct page page)
{
    *envelope = (struct envelope){.reply = reply, .kind = kind, .page = page};
    json_writer_init(&envelope->w, &reply->body);
    json_begin_object(&envelope->w);
    json_name(&envelope->w, kind == TENANT_PARTNER ? "data" : "items");
    json_begin_array(&envelope->w);
}

void envelope_end(struct envelope *envelope, int64_t total_count)
{
    struct json_writer *w = &envelope->w;
    bool has_next = envelope->page.number < (total_count + envelope->page.size - 1) / envelope->page.size;
    json_end_array(w);
    if (envelope->kind == TENANT_PARTNER) {
        json_name(w, "page_info");
        json_begin_object(w);
        json_field_bool(w, "has_next", has_next);
        json_field_int(w, "total_count", total_count);
        json_end_object(w);
    } else {
        if (has_next) {
            json_field_int(w, "next_page", envelope->page.number + 1);
        } else {
            json_field_null(w, "next_page");
        }
        json_field_bool(w, "has_next_page", has_next);
    }
    json_end_object(w);
    envelope->reply->status = 200;
}
