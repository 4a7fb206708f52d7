#include "workers/mautic/sweep.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "workers/mautic/api.h"
#include "workers/mautic/hook.h"
#include "workers/mautic/mautic.h"
#include "workers/mautic/person.h"
#include "workers/mautic/reconcile.h"

enum { PAGES_MAX = 50 }; // what was read stays in memory until the sweep ends
#define CURSOR "mautic.contacts"

// The cursor is {modified, added, audited}: the latest instant seen of each, by
// Mautic's clock (a contact has no date_modified until it is first changed), and the
// number from which the next sweep looks at a page of all contacts, since not every
// version changes date_modified when somebody unsubscribes. A sweep that did not come
// to the end of a list leaves {since, start} of its next page as "modified_rest" or
// "added_rest".
struct sweep {
    const struct mautic *m;
    struct json_object *before; // the last sweep's cursor, {} if there was none
    struct json_object *now;
    struct json_object *told; // {contact: true}
    int64_t published;
};

// The instants a list can be asked for, and how a contact shows them.
struct column {
    const char *name;   // of the list
    const char *member; // of a contact
    const char *cursor;
    const char *rest;
};

static const struct column columns[] = {
    {"date_modified", "dateModified", "modified", "modified_rest"},
    {"date_added", "dateAdded", "added", "added_rest"},
};

static bool
look_at(struct job *job, struct sweep *sweep, struct json_object *row)
{
    const struct mautic_contact contact = mautic_contact_of(row);
    const char *address = mautic_person_address(job, contact.email);
    if (contact.id == NULL || address == NULL
        || json_object_object_get_ex(sweep->told, contact.id, NULL))
        return true;
    const char *key = mautic_person_key(job, address);
    struct json_object *memory = ledger_state(job, key);
    if (memory == NULL)
        return false;
    // Who was never met matters only where he wants no mails.
    bool met = json_at(memory, "contact") != NULL;
    if (met ? mautic_is_known(memory, &contact)
            : strcmp(contact.status, "contactable") == 0)
        return true;
    json_set_bool(sweep->told, contact.id, true);
    sweep->published++;
    publish_observed(job, &(struct publish_observed){.type = "mautic.contact.observed",
                                                     .key = key,
                                                     .root = key,
                                                     .company = "",
                                                     .remote_id = contact.id,
                                                     .why = "sweep"});
    return true;
}

static int64_t
instant_of(struct json_object *row, const struct column *column)
{
    int64_t at_ms;
    return clock_parse(json_string_or(row, column->member, ""), &at_ms) ? at_ms : 0;
}

static struct json_object *
read_page(struct job *job, const struct sweep *sweep, const struct column *column,
          int64_t since_ms, int64_t start)
{
    char since[CLOCK_TEXT];
    clock_format(since_ms, since);
    return mautic_contact_from(job, sweep->m, column->name,
                               job_printf(job, "%.10s %.8s", since, since + 11), start);
}

// The next page of a list.
struct place {
    int64_t newest_ms; // the latest instant seen
    int64_t since_ms;
    int64_t start;
};

static struct place
place_of(const struct sweep *sweep, const struct column *column)
{
    struct json_object *rest = json_at(sweep->before, column->rest);
    int64_t newest_ms = json_i64_or(sweep->before, column->cursor, 0);
    int64_t since_ms = newest_ms > 0 ? newest_ms - sweep->m->sweep_overlap_ms
                                     : clock_wall_ms() - sweep->m->sweep_first_ms;
    return (struct place){
        .newest_ms = newest_ms,
        .since_ms = json_i64_or(rest, "since", since_ms),
        .start = json_i64_or(rest, "start", 0),
    };
}

static void
keep_place(struct job *job, struct sweep *sweep, const struct column *column,
           const struct place *place, bool ended)
{
    struct json_object *rest = json_object_in(job);
    json_set_i64(sweep->now, column->cursor, place->newest_ms);
    if (ended)
        return;
    json_set_i64(rest, "since", place->since_ms);
    json_set_i64(rest, "start", place->start);
    json_set(sweep->now, column->rest, rest);
}

// Always the first page from the last instant seen: rows that move meanwhile are not
// skipped. Only where a whole page has one instant the next page is asked for.
static void
turn_page(struct place *place, int64_t last_ms)
{
    bool moved = last_ms / 1000 > place->since_ms / 1000;
    place->start = moved ? 0 : place->start + MAUTIC_PAGE;
    place->since_ms = moved ? last_ms : place->since_ms;
}

static bool
sweep_column(struct job *job, struct sweep *sweep, const struct column *column)
{
    struct place place = place_of(sweep, column);
    bool ended = false;
    for (int page = 0; page < PAGES_MAX && !ended; page++) {
        struct json_object *rows =
            read_page(job, sweep, column, place.since_ms, place.start);
        if (rows == NULL)
            return false;
        size_t count = json_object_array_length(rows);
        int64_t last_ms = 0;
        for (size_t i = 0; i < count; i++) {
            struct json_object *row = json_object_array_get_idx(rows, i);
            int64_t at_ms = instant_of(row, column);
            last_ms = at_ms > last_ms ? at_ms : last_ms;
            if (!look_at(job, sweep, row))
                return false;
        }
        place.newest_ms = last_ms > place.newest_ms ? last_ms : place.newest_ms;
        ended = count < MAUTIC_PAGE;
        turn_page(&place, last_ms);
    }
    keep_place(job, sweep, column, &place, ended);
    return true;
}

// One page of all contacts, and round again.
static bool
audit(struct job *job, struct sweep *sweep)
{
    int64_t least = json_i64_or(sweep->before, "audited", 0);
    struct json_object *rows =
        mautic_contact_from(job, sweep->m, "id", job_printf(job, "%" PRId64, least), 0);
    if (rows == NULL)
        return false;
    size_t count = json_object_array_length(rows);
    for (size_t i = 0; i < count; i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        int64_t id = mautic_number(row, "id");
        least = id >= least ? id + 1 : least;
        if (!look_at(job, sweep, row))
            return false;
    }
    json_set_i64(sweep->now, "audited", count < MAUTIC_PAGE ? 0 : least);
    return true;
}

bool
mautic_sweep(struct job *job, void *state)
{
    struct sweep sweep = {
        .m = state, .now = json_object_in(job), .told = json_object_in(job)};
    const char *cursor;
    if (!ledger_cursor(job, CURSOR, &cursor))
        return false;
    sweep.before =
        cursor != NULL ? json_parse(job, cursor, strlen(cursor)) : json_object_in(job);
    if (sweep.before == NULL)
        return false;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        if (!sweep_column(job, &sweep, &columns[i]))
            return false;
    if (!audit(job, &sweep) || !mautic_hook_mend(job, sweep.m))
        return false;
    settlement_cursor(job, CURSOR, json_print(sweep.now, NULL));
    settlement_note(job, "%" PRId64 " contacts to look at", sweep.published);
    return true;
}
