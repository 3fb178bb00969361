#include "model/claim/claim_csv.h"

#include "base/csv.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "model/claim/claim.h"

enum { COLUMNS_MAX = 32, FIELD_BYTES_MAX = 1024 };

static void run_one(struct batch *batch, struct admin *admin, struct store_tx *tx, size_t index)
{
    struct claim_csv *csv = container_of(batch, struct claim_csv, batch);
    if (!csv->may_try(csv)) {
        reply_error(admin->reply, 429, "Too many requests");
    } else if (device_claim(admin, tx, csv->rows[index])) {
        csv->give_back(csv);
    }
}

static bool refuse(struct admin *admin, const char *text)
{
    reply_error(admin->reply, 422, "%s", text);
    return false;
}

/* The row as the body of a claim. */
static struct json *claim_of(const struct str *names, const struct str *fields, size_t count, struct str space_id)
{
    struct json *claim = json_new_object();
    if (space_id.len) {
        json_set(claim, STR("space_id"), json_new_string(space_id));
    }
    for (size_t i = 0; i < count; i++) {
        if (fields[i].len) {
            json_set(claim, names[i], json_new_string(fields[i]));
        }
    }
    return claim;
}

/* Not more fields than columns, and none too long: a cut one would claim something else. */
static bool is_row(const struct str *fields, size_t columns, size_t count)
{
    bool fits = count <= columns;
    for (size_t i = 0; i < count && fits; i++) {
        fits = fields[i].len <= FIELD_BYTES_MAX;
    }
    return fits;
}

/* Columns by the names that the API has for them; others are left out of account. */
static bool read_header(struct admin *admin, struct csv_reader *reader, struct str names[COLUMNS_MAX], size_t *ret_count)
{
    static const struct str known[] = {STR_INIT("cloud_id"), STR_INIT("mac"), STR_INIT("sn"), STR_INIT("space_id"), STR_INIT("name")};
    bool identifies = false;
    if (!csv_read(reader, admin->arena, names, COLUMNS_MAX, ret_count)) {
        return refuse(admin, *ret_count ? "Csv is invalid" : "Csv can't be blank");
    }
    for (size_t i = 0; i < *ret_count; i++) {
        struct str name = names[i];
        names[i] = STR("-");
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
            if (str_eq_nocase(name, known[k])) {
                names[i] = known[k];
                identifies = identifies || k < 3;
            }
        }
    }
    return identifies || refuse(admin, "Csv must have a column cloud_id, or mac and sn");
}

bool claim_csv_init(struct claim_csv *csv, struct admin *admin, struct str text, struct str space_id)
{
    struct csv_reader reader;
    struct str names[COLUMNS_MAX], fields[COLUMNS_MAX];
    size_t columns = 0, count = 0;
    *csv = (struct claim_csv){.batch = {
        .domain = admin->domain,
        .arena = admin->arena,
        .principal = admin->principal,
        .address = admin->address,
        .run = run_one,
    }};
    if (!utf8_is_valid_mqtt(text)) { /* it becomes names and identifiers */
        return refuse(admin, "Csv is invalid");
    }
    csv_reader_init(&reader, text);
    if (!read_header(admin, &reader, names, &columns)) {
        return false;
    }
    csv->rows = arena_alloc(admin->arena, BATCH_ITEMS_MAX * sizeof *csv->rows);
    while (csv_read(&reader, admin->arena, fields, columns, &count)) {
        if (csv->batch.count == BATCH_ITEMS_MAX) {
            reply_error(admin->reply, 422, "Too many devices, maximum is %d", BATCH_ITEMS_MAX);
            return false;
        }
        if (!is_row(fields, columns, count)) {
            return refuse(admin, "Csv is invalid");
        }
        csv->rows[csv->batch.count++] = claim_of(names, fields, count, space_id);
    }
    return count == 0 ? csv->batch.count > 0 || refuse(admin, "Csv can't be blank") : refuse(admin, "Csv is invalid");
}

static void write_device_id(const struct reply *reply, struct json_writer *w)
{
    struct json *device = NULL;
    if (json_parse(buf_str(&reply->body), &(struct json_limits){.bytes_max = SIZE_MAX}, &device) == ERR_OK) {
        json_field_node(w, "device_id", json_get(device, "id"));
        json_free(device);
    }
}

void claim_csv_write(const struct claim_csv *csv, struct reply *reply)
{
    struct json_writer w;
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_name(&w, "results");
    json_begin_array(&w);
    for (size_t i = 0; i < csv->batch.count; i++) {
        const struct reply *one = &csv->batch.replies[i];
        json_begin_object(&w);
        json_field_int(&w, "row", (int64_t)i + 2);
        json_field_bool(&w, "success", !reply_is_error(one));
        if (reply_is_error(one)) {
            json_field_str(&w, "error", reply_error_text(one));
        } else {
            write_device_id(one, &w);
        }
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    reply->status = 200;
}

void claim_csv_deinit(struct claim_csv *csv)
{
    for (size_t i = 0; i < csv->batch.count; i++) {
        json_free(csv->rows[i]);
    }
    if (csv->batch.replies) {
        batch_deinit(&csv->batch);
    }
}
