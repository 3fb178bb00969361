/* The server as our child, so that it can be killed and started again. Main thread. */
#ifndef MUSTER_APP_SIMULATE_SERVER_PROCESS_H
#define MUSTER_APP_SIMULATE_SERVER_PROCESS_H

#include <stdbool.h>

struct server_process;

/* Starts `command`: words with blanks between them, the first one a program (looked for in PATH), no quotes. Its output
 * is appended to `log`; "": to our standard error. NULL: it cannot be started (one line on stderr). */
struct server_process *server_process_start(const char *command, const char *log);
/* SIGKILL, waits for the end, starts it again. False: it cannot be started, or it had ended by itself before. */
bool server_process_kill_and_restart(struct server_process *server);
/* True as long as it runs. */
bool server_process_is_alive(struct server_process *server);
/* SIGTERM, and waits for its end. True: it ended with exit code 0. Frees it; NULL is accepted, and true. */
bool server_process_stop(struct server_process *server);

#endif
