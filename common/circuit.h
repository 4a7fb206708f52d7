// common/circuit.h - whether the dependencies of a worker are up. One event that fails
// says little; several in a short time ask for a probe, and a failed probe opens the
// circuit: then the worker pauses, and the data stays in Kafka. What passes says
// nothing: it may have called somebody else. Any thread.
#ifndef RELAIS_CIRCUIT_H
#define RELAIS_CIRCUIT_H

#include <stdbool.h>

#include "common/integration.h"
#include "common/str.h"

struct circuits;

// That many failures within window_ms ask for a probe. probes ends with {0}, or is
// NULL.
struct circuits *circuits_new(const struct integration_probe *probes, int64_t failures,
                              int64_t window_ms);
void circuits_free(struct circuits *circuits);

// An attempt failed retryably at this service (NULL is ignored).
void circuits_failed(struct circuits *circuits, const char *service);

// Whether failures at this service are to be waited out in memory: it is suspect or
// down.
bool circuits_hold(struct circuits *circuits, const char *service);

// Whether a dependency is down; `why` (may be NULL) lists which.
bool circuits_down(struct circuits *circuits, struct str *why);

// The next probe that is due, or NULL; the caller runs it and tells the result.
const struct integration_probe *circuits_due(struct circuits *circuits);
void circuits_probed(struct circuits *circuits, const struct integration_probe *probe,
                     bool passed);

#endif
