// tests/integration/program.h - a program of the project as a child of the test.
#ifndef RELAIS_PROGRAM_H
#define RELAIS_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PROGRAM_ENV = 20 };

struct program {
    pid_t pid;   // 0 = not running
    int port;    // of its admin server
    int port_fd; // keeps it while it runs
    char env[PROGRAM_ENV][256];
    size_t env_count;
};

// Sets a variable of the environment that it will be started with.
void program_set(struct program *program, const char *name, const char *value);

// Starts it with what was set and ADMIN_PORT; its log goes to the test's own output.
void program_start(struct program *program, const char *path);

// kill -9, and waits until it is gone.
void program_kill(struct program *program);
void program_signal(struct program *program, int number);

// Waits for its end; returns its exit status, or -1 if a signal ended it.
int program_wait(struct program *program);

// SIGTERM, then the same.
int program_stop(struct program *program);

// GET of its admin server: the status, and the body's start in `body` (size bytes). 0:
// no answer.
int program_get(const struct program *program, const char *path, char *body,
                size_t size);

// Waits until the answer has that status and a body that contains text; fails the test
// after a minute.
void program_await(const struct program *program, const char *path, int status,
                   const char *text);

// A pause between two looks at something that tells nobody when it changes.
void program_pause(void);

#endif
