#include "tests/integration/program.h"

#include "tests/harness/test.h"

#include <arpa/inet.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/integration/port.h"

enum { PATIENCE_MS = 60 * 1000 };

void
program_set(struct program *program, const char *name, const char *value)
{
    size_t length = strlen(name);
    size_t i = 0;

    while (i < program->env_count
           && (strncmp(program->env[i], name, length) != 0
               || program->env[i][length] != '='))
        i++;
    assert_true(i + 2 < PROGRAM_ENV);
    snprintf(program->env[i], sizeof program->env[i], "%s=%s", name, value);
    if (i == program->env_count)
        program->env_count++;
}

// What a sanitizer was told is for the program as well.
static void
set_sanitizer(struct program *program)
{
    static const char *const names[] = {"LD_PRELOAD", "TSAN_OPTIONS", "ASAN_OPTIONS",
                                        NULL};
    for (size_t i = 0; names[i] != NULL; i++)
        if (getenv(names[i]) != NULL)
            program_set(program, names[i], getenv(names[i]));
}

void
program_start(struct program *program, const char *path)
{
    char port[32];
    char *env[PROGRAM_ENV + 1] = {0};
    char *argv[] = {(char *)(uintptr_t)path, NULL};

    set_sanitizer(program);
    program->port_fd = test_port_hold(&program->port);
    snprintf(port, sizeof port, "ADMIN_PORT=%d", program->port);
    for (size_t i = 0; i < program->env_count; i++)
        env[i] = program->env[i];
    env[program->env_count] = port;
    assert_int_equal(posix_spawn(&program->pid, path, NULL, NULL, argv, env), 0);
}

void
program_signal(struct program *program, int number)
{
    assert_int_equal(kill(program->pid, number), 0);
}

static void
is_gone(struct program *program)
{
    close(program->port_fd);
    program->pid = 0;
}

void
program_kill(struct program *program)
{
    if (program->pid == 0)
        return;
    program_signal(program, SIGKILL);
    assert_int_equal(waitpid(program->pid, NULL, 0), program->pid);
    is_gone(program);
}

int
program_wait(struct program *program)
{
    int status;

    assert_int_equal(waitpid(program->pid, &status, 0), program->pid);
    is_gone(program);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int
program_stop(struct program *program)
{
    program_signal(program, SIGTERM);
    return program_wait(program);
}

static size_t
exchange(int port, const char *path, char *answer, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char request[200];
    size_t length = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0
        && send(fd, request, strlen(request), MSG_NOSIGNAL) > 0) {
        ssize_t got;
        while (length + 1 < size
               && (got = recv(fd, answer + length, size - length - 1, 0)) > 0)
            length += (size_t)got;
    }
    close(fd);
    answer[length] = '\0';
    return length;
}

int
program_get(const struct program *program, const char *path, char *body, size_t size)
{
    char *answer = calloc(1, 65536);
    int status = 0;

    body[0] = '\0';
    if (exchange(program->port, path, answer, 65536) > strlen("HTTP/1.1 200")) {
        const char *end = strstr(answer, "\r\n\r\n");
        status = (int)strtol(answer + strlen("HTTP/1.1 "), NULL, 10);
        snprintf(body, size, "%s", end != NULL ? end + 4 : "");
    }
    free(answer);
    return status;
}

void
program_pause(void)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    nanosleep(&pause, NULL); // allowed: nothing tells when it changes
}

void
program_await(const struct program *program, const char *path, int status,
              const char *text)
{
    char *body = calloc(1, 65536);
    int64_t until_ms = clock_ms() + PATIENCE_MS;
    int got = program_get(program, path, body, 65536);

    while ((got != status || strstr(body, text) == NULL) && clock_ms() < until_ms) {
        program_pause();
        got = program_get(program, path, body, 65536);
    }
    if (got != status || strstr(body, text) == NULL)
        fail_msg("%s: %d %s", path, got, body);
    free(body);
}
