#include "app/simulate/expected_state.h"

#include <stdio.h>

static const char *const key_names[STATE_KEYS] = {"temp", "level", "door", "mode", "power", "battery", "fan", "note"};

const char *reported_status_name(enum reported_status status)
{
    switch (status) {
    case REPORTED_OFFLINE:
        return "offline";
    case REPORTED_ERROR:
        return "error";
    case REPORTED_NOTHING:
    case REPORTED_ONLINE:
        break;
    }
    return "online";
}

void sample_draw(struct sample *sample, uint32_t number, uint64_t (*random)(void *user), void *user)
{
    uint64_t dice = random(user);
    *sample = (struct sample){.number = number, .overrides = dice % 16 == 0};
    unsigned status = (unsigned)(dice >> 8) % 32;
    sample->status = status == 0   ? REPORTED_ERROR
                     : status == 1 ? REPORTED_OFFLINE
                     : status < 16 ? REPORTED_ONLINE
                                   : REPORTED_NOTHING;
    for (int i = 0; i < STATE_KEYS; i++) {
        uint64_t lot = random(user);
        if (lot % 3 == 0) {
            sample->values[i].type = (uint8_t)(VALUE_REMOVED + (lot >> 8) % (VALUE_WORD - VALUE_REMOVED + 1));
            sample->values[i].number = (uint16_t)(lot >> 32);
        }
    }
}

static void word_text(uint16_t number, char ret_text[16])
{
    snprintf(ret_text, 16, "w%u \xc3\xa9/\"", (unsigned)number); /* what has to be escaped, and what must not */
}

static void write_value(struct json_writer *w, const char *name, const struct state_value *value)
{
    char word[16];
    switch ((enum value_type)value->type) {
    case VALUE_ABSENT:
        break;
    case VALUE_REMOVED:
        json_field_null(w, name);
        break;
    case VALUE_INTEGER:
        json_field_int(w, name, value->number);
        break;
    case VALUE_FRACTION:
        json_field_double(w, name, value->number / 16.0 - 1000);
        break;
    case VALUE_FLAG:
        json_field_bool(w, name, value->number & 1);
        break;
    case VALUE_WORD:
        word_text(value->number, word);
        json_field_cstr(w, name, word);
        break;
    }
}

void sample_write(const struct sample *sample, struct json_writer *w)
{
    if (sample->status != REPORTED_NOTHING) {
        json_field_cstr(w, "status", reported_status_name(sample->status));
    }
    if (sample->overrides) {
        json_field_bool(w, "override", true);
    }
    json_name(w, "telemetries");
    json_begin_object(w);
    json_field_int(w, "n", sample->number);
    for (int i = 0; i < STATE_KEYS; i++) {
        write_value(w, key_names[i], &sample->values[i]);
    }
    json_end_object(w);
}

void expected_state_apply(struct expected_state *state, const struct sample *sample)
{
    if (sample->overrides) {
        *state = (struct expected_state){.number = 0};
    }
    state->number = sample->number;
    state->status = sample->status == REPORTED_NOTHING ? REPORTED_ONLINE : sample->status; /* 3.1: default online */
    for (int i = 0; i < STATE_KEYS; i++) {
        switch ((enum value_type)sample->values[i].type) {
        case VALUE_ABSENT:
            break;
        case VALUE_REMOVED:
            state->values[i] = (struct state_value){.type = VALUE_ABSENT};
            break;
        case VALUE_INTEGER:
        case VALUE_FRACTION:
        case VALUE_FLAG:
        case VALUE_WORD:
            state->values[i] = sample->values[i];
            break;
        }
    }
}

static bool value_equals(const struct state_value *value, const struct json *node)
{
    char word[16];
    switch ((enum value_type)value->type) {
    case VALUE_ABSENT:
    case VALUE_REMOVED:
        return !node;
    case VALUE_INTEGER:
        return json_is_number(node) && json_number(node) == value->number;
    case VALUE_FRACTION:
        return json_is_number(node) && json_number(node) == value->number / 16.0 - 1000;
    case VALUE_FLAG:
        return json_is_bool(node) && json_bool(node) == (value->number & 1);
    case VALUE_WORD:
        word_text(value->number, word);
        return json_is_string(node) && str_eq(json_string(node), str_from_cstr(word));
    }
    return false;
}

bool expected_state_equals(const struct expected_state *state, const struct json *document)
{
    if (state->number == 0) {
        return json_is_missing(document) || json_count(document) == 0;
    }
    size_t fields = 2; /* n and status */
    for (int i = 0; i < STATE_KEYS; i++) {
        fields += state->values[i].type != VALUE_ABSENT;
        if (!value_equals(&state->values[i], json_get(document, key_names[i]))) {
            return false;
        }
    }
    return json_count(document) == fields && json_number(json_get(document, "n")) == state->number &&
           str_eq(json_string(json_get(document, "status")), str_from_cstr(reported_status_name(state->status)));
}

void expected_state_write(const struct expected_state *state, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    if (state->number == 0) {
        json_put_null(&w);
        return;
    }
    json_begin_object(&w);
    json_field_int(&w, "n", state->number);
    json_field_cstr(&w, "status", reported_status_name(state->status));
    for (int i = 0; i < STATE_KEYS; i++) {
        write_value(&w, key_names[i], &state->values[i]);
    }
    json_end_object(&w);
}
