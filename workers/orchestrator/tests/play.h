// workers/orchestrator/tests/play.h - delivers events to the orchestrator's handlers as
// the worker would, with a Directus that answers by a script and a ledger in memory.
#ifndef RELAIS_ORCHESTRATOR_PLAY_H
#define RELAIS_ORCHESTRATOR_PLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/ledger.h"
#include "common/settlement.h"
#include "workers/orchestrator/orchestrator.h"

enum { PLAY_REPLIES = 12, PLAY_STATES = 16, PLAY_TEXT = 16384 };

struct play_reply {
    const char *method;
    const char *path; // occurs in the path
    int status;
    const char *body;
};

struct play {
    struct ledger ledger; // first: handlers get it as their ledger
    struct orchestrator o;
    struct play_reply replies[PLAY_REPLIES];
    int reply_count, reply_next;
    struct {
        char entity[80];
        char state[400];
    } states[PLAY_STATES];
    int state_count;
    int64_t ahead_ms; // of the business's clock

    // what the last delivery left behind
    char calls[PLAY_TEXT];     // "PATCH /items/quotes/<id> {...}\n"
    char published[PLAY_TEXT]; // "<topic> <type> <key> <id> {...}\n"
    char finished[PLAY_TEXT];  // "<id>\n"
    char timers[PLAY_TEXT];    // "<entity> <name> <due, or never> <key>\n"
    char attention[PLAY_TEXT]; // "<kind> <entity>: <text>\n"
    char note[PLAY_TEXT];
};

// An event; members left out get the values of a captured change of now.
struct play_event {
    const char *type;
    const char *data; // JSON
    const char *id, *source, *time, *original_id, *subject, *company, *key;
    int64_t sequence; // 0 = none
};

struct play *play_new(void);
void play_free(struct play *play);

// Directus will be asked this next. A call that is not expected fails the test.
void play_expect(struct play *play, const char *method, const char *path, int status,
                 const char *body);

// Runs the handler of the event's type and, if it succeeds, commits what it left
// behind. Fails the test if an expected call was not made.
struct error play_deliver(struct play *play, struct play_event event);

// The committed state of an entity, "" if none.
const char *play_state(const struct play *play, const char *entity);
void play_set_state(struct play *play, const char *entity, const char *state);

#endif
