// common/gate.h - limits on calls to one provider: places, a rate, and whether it is
// open at all. Shared by all loops of a process.
//
// A gate is asked before a fiber starts, so a fiber never waits for a closed gate: its
// lane does.
#ifndef RELAIS_GATE_H
#define RELAIS_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/integration.h"
#include "common/str.h"

struct gate;
struct gates;
struct redis;

// All gates of an integration with that state; per_company ones are made at first use.
// Rates are shared through redis, which may be NULL, and is stopped before
// gates_free().
struct gates *gates_new(const struct gate_spec *specs, const void *state,
                        struct redis *redis);
void gates_free(struct gates *gates);

// The gate of that name for that company. NULL for a name that is not in the table.
struct gate *gates_find(struct gates *gates, const char *name, const char *company);

// Whether there are gates for calls to that service: they deal with its refusals.
bool gates_guard(const struct gates *gates, const char *service);
// Whether it is this one (which may be NULL) that does. An error that names no service
// is the gate's.
bool gate_guards(const struct gate *gate, const char *service);

// Takes a place. False: *wait_ms tells when to ask again (0: when a place is given
// back).
bool gate_enter(struct gate *gate, int64_t *wait_ms);
void gate_leave(struct gate *gate);

// Nobody enters for wait_ms; after that one at a time, until gate_passed().
void gate_close(struct gate *gate, int64_t wait_ms, bool red);
void gate_passed(struct gate *gate);

// How long it stays closed; 0 if it is not.
int64_t gate_closed_ms(struct gate *gate);

// Appends a line for each gate that is closed because of bad credentials: health is
// red.
bool gates_red(struct gates *gates, struct str *why);

#endif
