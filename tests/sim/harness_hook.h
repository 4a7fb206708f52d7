// Sends webhooks: one thread, several transfers at a time, retries as the simulated
// server does them. Rows of the collection "hooks":
//   id, event_type, subject, at_ms, ref   what happened (see hook_add)
//   state      waiting, held (lets others pass), delivered, lost, dead, unsent (no URL)
//   attempts, statuses[], due_ms, planned, copy_of
#ifndef SIM_HARNESS_HOOK_H
#define SIM_HARNESS_HOOK_H

#include <stdbool.h>
#include <stdint.h>

struct sim;
struct hooks;

struct hooks *hooks_start(struct sim *sim);
void hooks_stop(struct hooks *hooks);

// Under the lock: the id that the next webhook will get.
int64_t hooks_next_id(struct sim *sim);

// Under the lock: it was tried at least once, or is not to be tried now.
bool hooks_tried(struct sim *sim, int64_t id);

// Under the lock: nothing is due or on its way; *waiting is set to how many are to come
// later.
bool hooks_idle(struct sim *sim, int *waiting);

// Under the lock: all rows were forgotten.
void hooks_forget(struct sim *sim);

#endif
