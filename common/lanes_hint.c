// Several hints for one object that wait in a lane are handled once: what one look at
// the object finds is newer than all of them.
#include <string.h>

#include "common/event.h"
#include "common/lanes.h"
#include "common/settlement.h"

enum { JOINED_MAX = 64 };

// One look at an object, for the first event of a lane.
struct look {
    struct lane *lane;
    const struct handler *handler;
    const char *object;
    struct job *job;
};

static void
note_joined(const struct look *look, const struct item *item, const struct event *ev)
{
    const char *entity = ev->subject[0] != '\0' ? ev->subject : ev->key;
    settlement_finish_with(
        look->job,
        &(struct settle_finish){
            .event = item->seen,
            .parked_seq = item->parked_seq,
            .entity = entity,
            .type = ev->type,
            .note = job_printf(look->job, "handled with %s", look->lane->first->seen),
        });
}

// Joins the item if it is a hint of that object. It is read in memory of its own, so
// that the job does not grow with what waits.
static bool
join(const struct look *look, struct item *item)
{
    const struct worker *worker = look->lane->lanes->worker;
    struct job job;
    struct event ev;
    job_begin(&job, 0); // makes no call
    const struct handler *row = NULL;
    if (event_decode(&job, item->record, worker->integration->plain_records, &ev))
        row = attempt_row(worker, ev.type);
    const char *object = NULL;
    if (row != NULL && row->hint && row->handle == look->handler->handle)
        object = look->handler->object(&job, &ev);
    item->joined = object != NULL && strcmp(object, look->object) == 0;
    if (item->joined)
        note_joined(look, item, &ev);
    job_end(&job);
    return item->joined;
}

void
lane_join_hints(struct lane *lane, const struct handler *handler, struct job *job,
                const struct event *ev)
{
    if (handler->object == NULL || lane->first->next == NULL)
        return;
    const struct look look = {
        .lane = lane,
        .handler = handler,
        .object = handler->object(job, ev),
        .job = job,
    };
    error_clear(&job->error); // the handler will say the same
    if (look.object == NULL)
        return;
    struct item *item = lane->first->next;
    for (; item != NULL && lane->joined < JOINED_MAX; item = item->next) {
        if (item->check == ITEM_SEEN || strcmp(item->seen, lane->first->seen) == 0)
            continue; // finished before, or then: it is dropped when its turn comes
        if (item->check != ITEM_FRESH || !join(&look, item))
            return;
        lane->joined++;
    }
}

void
lane_part_hints(struct lane *lane)
{
    struct item *item = lane->first;
    for (; item != NULL && lane->joined > 0; item = item->next) {
        lane->joined -= item->joined;
        item->joined = false;
    }
    lane->joined = 0;
}
