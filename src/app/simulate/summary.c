#include "app/simulate/summary.h"

#include <stdio.h>

#include "io/loop.h"

void summary_print_progress(const struct world *world)
{
    printf("%6.1f s  connected %u, reports %llu, commands %u, calls open %u, lost %llu, kills %u, differences %u\n",
           (double)(loop_now_ms(world->loop) - world->started_ms) / 1000, world->ready_count,
           (unsigned long long)world->counts.reports, world->command_count, world->calls_open,
           (unsigned long long)world->counts.lost, world->kills, world->differences);
    fflush(stdout);
}

static void print_actions(const struct world *world)
{
    for (enum action action = 0; action < ACTION_COUNT; action++) {
        if (world->counts.begun[action]) {
            printf("  %-20s %8llu begun %8llu acknowledged\n", action_name(action),
                   (unsigned long long)world->counts.begun[action], (unsigned long long)world->counts.taken[action]);
        }
    }
}

static void print_objects(const struct world *world)
{
    uint64_t samples = 0, versions = 0;
    unsigned active = 0, held = 0, moved = 0, ended[5] = {0};
    for (unsigned i = 0; i < world->device_count; i++) {
        samples += world->devices[i].state.number;
        versions += (uint64_t)world->devices[i].config_version;
        moved += world->devices[i].firmware > 0;
    }
    for (unsigned i = 0; i < world->incident_count; i++) {
        active += world->incidents[i]->is_active;
    }
    for (unsigned i = 0; i < world->scenario.licenses && world->licenses; i++) {
        held += world->licenses[i].phase == LICENSE_IS_HELD;
    }
    for (unsigned i = 0; i < world->command_count; i++) {
        ended[world->commands[i]->state]++;
    }
    const unsigned *devices = world->scenario.devices;
    printf("compared\n");
    printf("  devices              %8u (HTTP %u, MQTT generation 1 %u, generation 2 %u, children %u), on newer firmware %u\n",
           world->device_count, devices[DEVICE_HTTP], devices[DEVICE_MQTT1], devices[DEVICE_MQTT2], devices[DEVICE_CHILD],
           moved);
    printf("  reports              %8llu\n", (unsigned long long)samples);
    printf("  configurations       %8llu versions\n", (unsigned long long)versions);
    printf("  commands             %8u (done %u, failed %u, aborted %u, timed out %u, either of two %u)\n",
           world->command_count, ended[COMMAND_WAS_DONE], ended[COMMAND_HAS_FAILED], ended[COMMAND_WAS_ABORTED],
           ended[COMMAND_OPEN], world->maybe_aborted);
    printf("  incidents            %8u (active %u)\n", world->incident_count, active);
    printf("  licences             %8u (held %u)\n", world->scenario.licenses, held);
    printf("  firmwares            %8u of each model\n", world->firmware_count);
}

void summary_print(const struct world *world)
{
    const struct counts *counts = &world->counts;
    printf("answered\n");
    printf("  %-20s %23llu acknowledged\n", "reports", (unsigned long long)counts->reports);
    print_actions(world);
    print_objects(world);
    printf("calls                  %8llu, repeated because the answer was lost %llu\n", (unsigned long long)counts->calls,
           (unsigned long long)counts->lost);
    printf("connections of devices %8llu, pushes %llu, fetches over HTTP %llu\n", (unsigned long long)counts->connects,
           (unsigned long long)counts->pushes, (unsigned long long)counts->levels_fetched);
    printf("kills                  %8u, comparisons %u\n", world->kills, world->comparisons);
    printf("differences            %8u\n", world->differences);
    fflush(stdout);
}
