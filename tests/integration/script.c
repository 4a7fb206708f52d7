#include "tests/integration/script.h"

#include "tests/harness/test.h"

#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t
start(const char *name, const char *verb, const char *argument, const int ends[2])
{
    char path[512];
    char *const argv[] = {path, (char *)(uintptr_t)verb, (char *)(uintptr_t)argument,
                          NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;

    snprintf(path, sizeof path, "%s/%s", TEST_DIR, name);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    assert_int_equal(posix_spawn(&pid, path, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

void
script_run(const char *name, const char *verb, const char *argument, char *out,
           size_t size)
{
    int ends[2];
    int status;

    assert_int_equal(pipe(ends), 0);
    pid_t pid = start(name, verb, argument, ends);
    close(ends[1]);
    if (out != NULL) {
        ssize_t length = read(ends[0], out, size - 1);
        out[length > 0 ? length : 0] = '\0';
        out[strcspn(out, "\n")] = '\0';
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(ends[0]);
    if (status != 0)
        fail_msg("%s %s failed", name, verb);
}
