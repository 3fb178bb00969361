/* Commands of a scenario: sent and cancelled by the owner, executed by devices (device-api.md 4, management-api.md 3.3). */
#ifndef MUSTER_APP_SIMULATE_COMMAND_SIDE_H
#define MUSTER_APP_SIMULATE_COMMAND_SIDE_H

#include "app/simulate/world.h"

bool command_begin_send(struct world *world);   /* false: nothing was found to do it with; likewise below */
bool command_begin_cancel(struct world *world);
void commands_free(struct world *world);
/* While things settle: asks for the state of what times out. */
void command_ask(struct sim_command *command);
/* True if nothing more will happen to it. */
bool command_is_final(const struct sim_command *command);

#endif
