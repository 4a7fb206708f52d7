// workers/invoice_ninja/hook.h - Invoice Ninja's API: rows of webhooks.
//
// Facts are from the source of Invoice Ninja 5.10: one row is one event sent to one
// URL, with headers of our own; an answer of 404, 405 or 410 deletes the row softly;
// rows show their headers in clear to any administrator. All calls suspend the fiber.
#ifndef RELAIS_NINJA_HOOK_H
#define RELAIS_NINJA_HOOK_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/job.h"

struct json_object;
struct ninja;
struct ninja_wire;

// GET /webhooks: all rows, deleted ones too.
struct json_object *ninja_hook_list(struct job *job, const struct ninja *ninja,
                                    const char *company) ATTR_MUST_CHECK;

// What a row of ours must say: URL, event, headers. NULL: PERMANENT, the secret or
// WEBHOOK_BASE_URL is not set.
struct json_object *ninja_hook_body(struct job *job, const struct ninja *ninja,
                                    const char *company,
                                    const struct ninja_wire *wire) ATTR_MUST_CHECK;

// Whether the row is for that event and leads to our ingest, whatever else it says.
bool ninja_hook_is_ours(struct json_object *row, struct json_object *body);

// Whether it also says the same.
bool ninja_hook_is_same(struct json_object *row, struct json_object *body);

// POST: the row. A second one of an event only sends everything twice, so that making
// one needs no effect.
struct json_object *ninja_hook_create(struct job *job, const struct ninja *ninja,
                                      const char *company,
                                      struct json_object *body) ATTR_MUST_CHECK;

// PUT, and an action (restore, delete).
bool ninja_hook_update(struct job *job, const struct ninja *ninja, const char *company,
                       const char *id, struct json_object *body) ATTR_MUST_CHECK;
bool ninja_hook_act(struct job *job, const struct ninja *ninja, const char *company,
                    const char *id, const char *action) ATTR_MUST_CHECK;

#endif
