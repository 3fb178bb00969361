#include "app/simulate/server_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

enum { WORDS_MAX = 63 };

struct server_process {
    char *text;                  /* the words, each ended by NUL */
    char *words[WORDS_MAX + 1];
    const char *log;
    pid_t pid;                   /* 0: has ended */
    int status;                  /* of waitpid */
};

static bool split(struct server_process *server, const char *command)
{
    char *rest = NULL;
    unsigned count = 0;
    server->text = str_dup(str_from_cstr(command));
    for (char *word = strtok_r(server->text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (count == WORDS_MAX) {
            return false;
        }
        server->words[count++] = word;
    }
    return count > 0;
}

/* In the child: nothing of ours but the output. */
static void become(const struct server_process *server)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0); /* a Ctrl-C is for us: the server is stopped in the end */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int out = server->log[0] ? open(server->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : STDERR_FILENO;
    if (out >= 0) {
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        execvp(server->words[0], server->words);
    }
    _exit(127);
}

static bool launch(struct server_process *server)
{
    pid_t pid = fork();
    if (pid == 0) {
        become(server);
    }
    server->pid = pid > 0 ? pid : 0;
    if (pid < 0) {
        fprintf(stderr, "muster simulate: no process for the server: %s\n", strerror(errno));
    }
    return pid > 0;
}

struct server_process *server_process_start(const char *command, const char *log)
{
    struct server_process *server = mem_new(struct server_process);
    server->log = log;
    if (!split(server, command)) {
        fprintf(stderr, "muster simulate: command must be 1 to %d words\n", WORDS_MAX);
    } else if (launch(server)) {
        return server;
    }
    mem_free(server->text);
    mem_free(server);
    return NULL;
}

bool server_process_is_alive(struct server_process *server)
{
    if (server->pid && waitpid(server->pid, &server->status, WNOHANG) == server->pid) {
        server->pid = 0;
    }
    return server->pid != 0;
}

static void await_end(struct server_process *server)
{
    while (server->pid && waitpid(server->pid, &server->status, 0) < 0 && errno == EINTR) {
    }
    server->pid = 0;
}

bool server_process_kill_and_restart(struct server_process *server)
{
    if (!server_process_is_alive(server)) {
        return false;
    }
    kill(server->pid, SIGKILL);
    await_end(server);
    return launch(server);
}

bool server_process_stop(struct server_process *server)
{
    if (!server) {
        return true;
    }
    if (server_process_is_alive(server)) {
        kill(server->pid, SIGTERM);
        await_end(server);
    }
    bool clean = WIFEXITED(server->status) && WEXITSTATUS(server->status) == 0;
    if (!clean) {
        fprintf(stderr, "muster simulate: the server ended with %s %d\n",
                WIFEXITED(server->status) ? "exit code" : "signal",
                WIFEXITED(server->status) ? WEXITSTATUS(server->status) : WTERMSIG(server->status));
    }
    mem_free(server->text);
    mem_free(server);
    return clean;
}
