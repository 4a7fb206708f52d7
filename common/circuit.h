// common/circuit.h - whether the dependencies of a worker are up. One event that fails
// says little; several in a row ask for a probe, and a failed probe opens the circuit:
// then the worker pauses, and the data stays in Kafka.
#ifndef RELAIS_CIRCUIT_H
#define RELAIS_CIRCUIT_H

#include <stdbool.h>

#include "common/integration.h"
#include "common/str.h"

struct circuits;

struct circuits *circuits_new(const struct integration_probe *probes, int64_t failures);
void circuits_free(struct circuits *circuits);

// An attempt failed retryably at this service (NULL is ignored); one passed.
void circuits_failed(struct circuits *circuits, const char *service);
void circuits_passed(struct circuits *circuits);

// Whether failures at this service are to be waited out in memory: it is suspect or
// down.
bool circuits_hold(struct circuits *circuits, const char *service);

// Whether a dependency is down; `why` (may be NULL) lists which.
bool circuits_down(struct circuits *circuits, struct str *why);

// The next probe that is due, or NULL; the caller runs it and tells the result. Any
// thread.
const struct integration_probe *circuits_due(struct circuits *circuits);
void circuits_probed(struct circuits *circuits, const struct integration_probe *probe,
                     bool passed);

#endif
