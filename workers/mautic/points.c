#include "workers/mautic/points.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/effect.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/settlement.h"
#include "workers/mautic/api.h"
#include "workers/mautic/contact.h"
#include "workers/mautic/mautic.h"

enum { STEPS_AT_ONCE = 8 }; // steps made before, passed over in one attempt

// One step from the points given to the score. Steps of a lead are counted, so that
// each has an identity of its own, whatever asked for it.
struct step {
    const struct mautic *m;
    const struct mautic_score *score;
    int64_t from;
};

static struct json_object *
result_of(struct job *job, int64_t points)
{
    struct json_object *result = json_object_in(job);
    json_set_i64(result, "points", points);
    return result;
}

// Stands before the score in the name of the event.
static const char *
mark_of(struct job *job, const char *identity)
{
    return job_printf(job, "%s=", identity);
}

// POST /contacts/{id}/points/plus/{n}; what it was for can be read in the activity.
static struct json_object *
create(struct job *job, const char *identity, void *ctx)
{
    const struct step *step = ctx;
    int64_t difference = step->score->score - step->from;
    struct json_object *answer;
    struct json_object *body = json_object_in(job);
    json_set_string(body, "eventName",
                    job_printf(job, "Lead score %s%" PRId64, mark_of(job, identity),
                               step->score->score));
    json_set_string(body, "actionName",
                    job_printf(job, "directus lead %s score %" PRId64,
                               step->score->lead, step->score->score));
    const struct mautic_call call = {
        .method = "POST",
        .path = job_printf(job, "/api/contacts/%s/points/%s/%" PRId64,
                           http_escape(job, step->score->contact),
                           difference > 0 ? "plus" : "minus",
                           difference > 0 ? difference : -difference),
        .body = body,
        .expect = "success",
        .once = true,
    };
    return mautic_ask(job, step->m, &call, &answer) ? result_of(job, step->score->score)
                                                    : NULL;
}

static bool
find(struct job *job, const char *identity, void *ctx, struct json_object **found)
{
    const struct step *step = ctx;
    char since[CLOCK_TEXT];
    clock_format(clock_wall_ms() - job->effect_age_ms - step->m->clock_tolerance_ms,
                 since);
    const struct http_header query[] = {
        {"filters[includeEvents][]", "point.gained"},
        {"filters[dateFrom]", job_printf(job, "%.10s", since)},
        {"limit", "100"},
        {NULL}};
    const char *path = job_printf(job, "/api/contacts/%s/activity",
                                  http_escape(job, step->score->contact));
    struct json_object *answer;
    const struct mautic_call call = {
        .method = "GET", .path = http_url(job, path, query), .expect = "events"};
    *found = json_array_in(job);
    if (!mautic_ask(job, step->m, &call, &answer))
        return false;
    // Where in an event its name stands differs by version: all of it is looked at.
    const char *mark = mark_of(job, identity);
    const char *said = strstr(json_print(json_at(answer, "events"), NULL), mark);
    if (said != NULL)
        json_add(*found, result_of(job, strtoll(said + strlen(mark), NULL, 10)));
    return true;
}

static const struct effect_kind points_effect = {
    .name = "mautic.points",
    .find = find,
    .create = create,
};

// What the contact has of what was given. A contact that was made anew has nothing; one
// that took another's place by a merge has its points too.
static bool
read_applied(struct job *job, const struct mautic *m, const struct mautic_score *score,
             struct json_object *memory, int64_t *applied)
{
    const char *before = json_string_or(memory, "contact", score->contact);
    struct mautic_contact contact = {.id = before};
    *applied = json_i64_or(memory, "applied", score->applied);
    if (strcmp(before, score->contact) == 0)
        return true;
    if (!mautic_contact_read(job, m, before, &contact))
        return false;
    if (contact.id == NULL || strcmp(contact.id, score->contact) != 0)
        *applied = 0;
    return true;
}

static const char *
identity_of(struct job *job, const struct mautic_score *score, int64_t step)
{
    return job_printf(job, "lead:%s:p%" PRId64, score->lead, step);
}

// The score may have been given, or be back where it was, while an attempt that gave
// points was not settled: what such attempts made counts first. It ends with the first
// step that nobody has made.
static bool
take_steps(struct job *job, struct step *step, int64_t *steps)
{
    bool failed;
    for (;;) {
        struct json_object *made =
            effect_made(job, &points_effect, identity_of(job, step->score, *steps + 1),
                        step, &failed);
        if (made == NULL)
            return !failed;
        step->from = json_i64_or(made, "points", step->score->score);
        (*steps)++;
    }
}

// The memory of a lead: {steps, applied, contact}. What Directus says counts where
// there is none.
bool
mautic_points_apply(struct job *job, const struct mautic *m,
                    const struct mautic_score *score, int64_t *applied)
{
    const char *entity = job_printf(job, "lead:%s", score->lead);
    struct json_object *memory = ledger_state(job, entity);
    if (memory == NULL)
        return false;
    int64_t steps = json_i64_or(memory, "steps", 0);
    struct step step = {.m = m, .score = score};
    if (!read_applied(job, m, score, memory, &step.from))
        return false;
    if (step.from == score->score && !take_steps(job, &step, &steps))
        return false;
    for (int i = 0; step.from != score->score; i++) {
        const char *identity = identity_of(job, score, steps + 1);
        struct json_object *result =
            i < STEPS_AT_ONCE ? effect_once(job, &points_effect, identity, &step)
                              : NULL;
        if (i == STEPS_AT_ONCE)
            error_retryable(&job->error, "too many steps of points are unsettled");
        if (result == NULL)
            return false;
        // An earlier attempt may have been for another score.
        step.from = json_i64_or(result, "points", score->score);
        steps++;
    }
    json_set_i64(memory, "steps", steps);
    json_set_i64(memory, "applied", step.from);
    json_set_string(memory, "contact", score->contact);
    settlement_state(job, entity, memory);
    *applied = step.from;
    return true;
}
