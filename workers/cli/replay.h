// workers/cli/replay.h - dead letters are produced once more.
#ifndef RELAIS_CLI_REPLAY_H
#define RELAIS_CLI_REPLAY_H

#include "workers/cli/letters.h"

// What became of a letter's replay: NULL for none yet, "finished" or "parked".
// *status is set where the ledger could not be asked (and printed).
const char *replay_fate(struct cli *cli, const char *worker, const char *seen,
                        int *status);

// Produces the records and waits for their delivery reports. Exit status.
int replay_produce(const struct cli *cli, struct record *const records[], size_t count);

#endif
