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

// That many failures within window_ms ask for a probe. Two probes of what is down lie
// probe_ms apart, the first ones less. probes ends with {0}, or is NULL.
struct circuits *circuits_new(const struct integration_probe *probes, int64_t failures,
                              int64_t window_ms, int64_t probe_ms);
void circuits_free(struct circuits *circuits);

// The name of the probe of this service, which lives as long as the table; NULL if it
// has none, or is NULL.
const char *circuits_service(const struct circuits *circuits, const char *service);

// An attempt failed retryably at this service (NULL is ignored).
void circuits_failed(struct circuits *circuits, const char *service);

// Whether failures at this service are to be waited out in memory: it is suspect or
// down.
bool circuits_hold(struct circuits *circuits, const char *service);

// An event is about to be parked for failing there, or for being refused: asks for a
// probe, so that nothing is parked because of a dependency that is down. False if one
// has passed within the last fresh_ms: then it is the event's own affair.
bool circuits_doubt(struct circuits *circuits, const char *service, int64_t fresh_ms);

// Whether a dependency is down; `why` (may be NULL) lists which.
bool circuits_down(struct circuits *circuits, struct str *why);

// The next probe that is due at now_ms (of clock_ms()), or NULL; the caller runs it and
// tells the result. True: it was down, and is back.
const struct integration_probe *circuits_due(struct circuits *circuits, int64_t now_ms);
bool circuits_probed(struct circuits *circuits, const struct integration_probe *probe,
                     bool passed);
// What that probe was refused for (static), which `why` tells from now on; NULL: it was
// not refused.
void circuits_refused(struct circuits *circuits, const struct integration_probe *probe,
                      const char *hint);

#endif
