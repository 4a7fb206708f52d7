#include "workers/cli/tests/run.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/test.h"

enum { WORDS = 12, OUTPUT = 64 * 1024 };

void
run_set(struct run *run, const char *name, const char *value)
{
    size_t length = strlen(name);
    int i = 0;
    while (i < run->setting_count
           && (strncmp(run->settings[i], name, length) != 0
               || run->settings[i][length] != '='))
        i++;
    assert_true(i < RUN_SETTINGS);
    if (i == run->setting_count)
        run->setting_count++;
    (void)snprintf(run->settings[i], sizeof run->settings[i], "%s=%s", name, value);
}

// A file that has no name any more: it goes away by itself.
static int
scratch(void)
{
    char name[] = "/tmp/relais-run.XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    (void)unlink(name);
    return fd;
}

static char *
read_back(int fd, char *old)
{
    free(old);
    char *text = calloc(1, OUTPUT + 1);
    assert_non_null(text);
    assert_true(pread(fd, text, OUTPUT, 0) >= 0);
    (void)close(fd);
    return text;
}

void
run_end(struct run *run)
{
    free(run->out);
    free(run->err);
}

int
run_relais(struct run *run, const char *const words[])
{
    char *argv[WORDS] = {(char *)(uintptr_t)RELAIS_PROGRAM};
    char *env[RUN_SETTINGS + 1] = {0};
    int count = 1;
    for (; words[count - 1] != NULL; count++) {
        assert_true(count + 1 < WORDS);
        argv[count] = (char *)(uintptr_t)words[count - 1];
    }
    for (int i = 0; i < run->setting_count; i++)
        env[i] = run->settings[i];

    int out = scratch();
    int err = scratch();
    posix_spawn_file_actions_t actions;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO), 0);
    pid_t pid;
    assert_int_equal(posix_spawn(&pid, RELAIS_PROGRAM, &actions, NULL, argv, env), 0);
    posix_spawn_file_actions_destroy(&actions);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    run->out = read_back(out, run->out);
    run->err = read_back(err, run->err);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

int
run_line(struct run *run, const char *line)
{
    char copy[300];
    const char *words[WORDS] = {0};
    char *rest = NULL;
    int count = 0;
    (void)snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    return run_relais(run, words);
}
