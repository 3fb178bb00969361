#include "app/simulate/world.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"

/* splitmix64: the same lots for the same seed. */
uint64_t world_random(struct world *world)
{
    uint64_t z = world->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

unsigned world_draw(struct world *world, unsigned limit)
{
    return (unsigned)(world_random(world) % limit);
}

static bool has_id(const struct hashmap_node *node, const void *key)
{
    const struct str *id = key;
    return str_eq(str_from_cstr(container_of_const(node, struct thing, node)->id), *id);
}

struct thing *world_find(const struct world *world, enum thing_kind kind, struct str id)
{
    struct hashmap_node *node = hashmap_find(&world->things, hash_str(id), has_id, &id);
    struct thing *thing = node ? container_of(node, struct thing, node) : NULL;
    return thing && thing->kind == kind ? thing : NULL;
}

bool world_enter(struct world *world, struct thing *thing, struct str id)
{
    struct uuid uuid;
    if (!uuid_parse(id, &uuid) || hashmap_find(&world->things, hash_str(id), has_id, &id)) {
        return false;
    }
    memcpy(thing->id, id.ptr, id.len);
    thing->id[id.len] = 0;
    hashmap_insert(&world->things, &thing->node, hash_str(id));
    return true;
}

void world_difference(struct world *world, const char *format, ...)
{
    struct buf text;
    va_list args;
    buf_init(&text, 4096);
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    if (world->is_trying) {
        if (world->trial_differences++ < DIFFERENCES_SHOWN) {
            world->kept[world->trial_differences - 1] = str_dup(buf_str(&text));
        }
    } else if (world->differences++ < DIFFERENCES_SHOWN) {
        printf("difference: %.*s\n", STR_ARG(buf_str(&text)));
        fflush(stdout);
    }
    buf_deinit(&text);
}

void world_try(struct world *world)
{
    world->is_trying = true;
}

unsigned world_try_end(struct world *world, bool keep)
{
    unsigned found = world->trial_differences;
    world->is_trying = false;
    world->trial_differences = 0;
    for (unsigned i = 0; i < found && i < DIFFERENCES_SHOWN; i++) {
        if (keep) {
            world_difference(world, "%s", world->kept[i]);
        }
        mem_free(world->kept[i]);
    }
    if (keep && found > DIFFERENCES_SHOWN) {
        world->differences += found - DIFFERENCES_SHOWN;
    }
    return found;
}

const struct sim_model *world_model_of(const struct world *world, const struct sim_device *device)
{
    return &world->models[device->kind == DEVICE_HTTP ? 0 : device->kind == DEVICE_CHILD ? 2 : 1];
}

bool device_is_mqtt(const struct sim_device *device)
{
    return device->kind == DEVICE_MQTT1 || device->kind == DEVICE_MQTT2;
}

void firmware_text(unsigned firmware, char ret_text[16])
{
    snprintf(ret_text, 16, "1.%u.0", firmware);
}

void license_expiry_text(unsigned expiry, char ret_text[32])
{
    snprintf(ret_text, 32, "%04u-01-%02uT00:00:00.000Z", 2090 + expiry / 28, 1 + expiry % 28);
}
