// common/worker.h - the life of every worker: poll, dispatch, obey the error, settle,
// drain.
#ifndef RELAIS_WORKER_H
#define RELAIS_WORKER_H

#include "common/integration.h"

// Runs one integration until SIGTERM or SIGINT (drains; a second signal stops at once),
// or until what no restart cures. Options: --settings prints the tables as Markdown,
// --print-config the values with secrets as ***, --check-config only reads them.
// Returns an exit status of sysexits.h: 0, EX_CONFIG, EX_SOFTWARE.
int worker_main(const struct integration *integration, int argc, char **argv);

#endif
