// workers/cli/tests/run.h - the program `relais` as a person runs it.
#ifndef RELAIS_CLI_RUN_H
#define RELAIS_CLI_RUN_H

enum { RUN_SETTINGS = 10 };

struct run {
    char settings[RUN_SETTINGS][200]; // "NAME=value"
    int setting_count;
    char *out; // of the last run
    char *err;
};

void run_end(struct run *run);

// Sets a setting for the runs that follow, or replaces it.
void run_set(struct run *run, const char *name, const char *value);

// Runs `relais` with the words (at most ten, ended by NULL) and no other environment.
// Returns its exit status.
int run_relais(struct run *run, const char *const words[]);

// The same, with words separated by spaces.
int run_line(struct run *run, const char *line);

#endif
