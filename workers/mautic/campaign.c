#include "workers/mautic/campaign.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/effect.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/settlement.h"
#include "workers/mautic/api.h"
#include "workers/mautic/mautic.h"

// One attempt to enter.
struct attempt {
    const struct mautic *m;
    const struct mautic_entry *entry;
    const char *entity; // "mautic-contact:<id>", whose state is
};

struct membership {
    bool is_member; // and nobody has taken the contact out
    int64_t rotation;
    int64_t since_ms; // by Mautic's clock
};

// "2026-08-12 09:00:03", in UTC.
static int64_t
instant_of(struct job *job, const char *text)
{
    int64_t at_ms = 0;
    if (strlen(text) < strlen("2026-08-12 09:00:03"))
        return 0;
    const char *rfc = job_printf(job, "%.10sT%.8sZ", text, text + 11);
    return clock_parse(rfc, &at_ms) ? at_ms : 0;
}

// GET /stats/campaign_leads: the one table that also has who was taken out.
static bool
read_membership(struct job *job, const struct attempt *attempt,
                struct membership *membership)
{
    const struct mautic_entry *entry = attempt->entry;
    const struct http_header equal[] = {
        {"campaign_id", job_printf(job, "%" PRId64, entry->campaign)},
        {"lead_id", entry->contact},
        {NULL}};
    const struct http_header more[] = {{"limit", "1"}, {NULL}};
    struct json_object *answer;
    const struct mautic_call call = {
        .method = "GET",
        .path = mautic_where(job, "/api/stats/campaign_leads", equal, more),
        .expect = "stats",
    };
    if (!mautic_ask(job, attempt->m, &call, &answer))
        return false;
    struct json_object *rows = mautic_rows(job, answer, "stats");
    *membership = (struct membership){.is_member = false};
    if (json_object_array_length(rows) == 0)
        return true;
    struct json_object *row = json_object_array_get_idx(rows, 0);
    *membership = (struct membership){
        .is_member = strcmp(json_text_or(row, "manually_removed", "0"), "0") == 0,
        .rotation = mautic_number(row, "rotation"),
        .since_ms = instant_of(job, json_string_or(row, "date_added", "")),
    };
    return true;
}

// The rotations we know of are in ledger_state() of the contact: {campaign: rotation
// after our last entry}.
static const char *
campaign_key(struct job *job, const struct mautic_entry *entry)
{
    return job_printf(job, "%" PRId64, entry->campaign);
}

static int64_t
known_rotation(struct job *job, struct json_object *known,
               const struct mautic_entry *entry)
{
    return json_i64_or(known, campaign_key(job, entry), 0);
}

static struct json_object *
result_of(struct job *job, const struct mautic_entry *entry, int64_t rotation)
{
    struct json_object *result = json_object_in(job);
    json_set_i64(result, "campaign", entry->campaign);
    json_set_string(result, "contact", entry->contact);
    json_set_i64(result, "rotation", rotation);
    return result;
}

static struct json_object *
create(struct job *job, const char *identity, void *ctx)
{
    const struct attempt *attempt = ctx;
    const struct mautic_entry *entry = attempt->entry;
    struct membership before;
    struct json_object *answer;
    (void)identity;
    if (!read_membership(job, attempt, &before))
        return NULL;
    if (entry->once && before.is_member)
        return result_of(job, entry, before.rotation);
    const struct mautic_call call = {
        .method = "POST",
        .path = job_printf(job, "/api/campaigns/%" PRId64 "/contact/%s/add",
                           entry->campaign, http_escape(job, entry->contact)),
        .expect = "success",
        .once = true,
    };
    // Success is also answered where nobody enters: the campaign is not published, or
    // allows no second entry. What is not known by then is looked up later.
    struct membership after;
    if (!mautic_ask(job, attempt->m, &call, &answer)
        || !read_membership(job, attempt, &after))
        return NULL;
    return result_of(job, entry, after.rotation);
}

// An entry of ours is there if the rotation is beyond the one we know of and began
// after the attempt did. Where the campaign allows no second entry the rotation stays,
// and adding the member again does nothing.
static bool
find(struct job *job, const char *identity, void *ctx, struct json_object **found)
{
    const struct attempt *attempt = ctx;
    const struct mautic_entry *entry = attempt->entry;
    struct json_object *known = ledger_state(job, attempt->entity);
    struct membership now;
    (void)identity;
    if (known == NULL || !read_membership(job, attempt, &now))
        return false;
    int64_t begun_ms =
        clock_wall_ms() - job->effect_age_ms - attempt->m->clock_tolerance_ms;
    bool entered =
        now.since_ms >= begun_ms && now.rotation > known_rotation(job, known, entry);
    *found = json_array_in(job);
    if (now.is_member && (entered || entry->once))
        json_add(*found, result_of(job, entry, now.rotation));
    return true;
}

static const struct effect_kind campaign_entry = {
    .name = "mautic.campaign",
    .find = find,
    .create = create,
};

static const char *
identity_of(struct job *job, const struct mautic_entry *entry)
{
    return job_printf(job, "campaign:%" PRId64 ":%s:%s", entry->campaign, entry->who,
                      entry->cause);
}

bool
mautic_campaign_entered(struct job *job, const struct mautic_entry *entry,
                        bool *entered)
{
    bool failed;
    *entered = effect_result(job, campaign_entry.name, identity_of(job, entry), &failed)
               != NULL;
    return !failed;
}

// What we know of the contact's rotations, so that one entry is not taken for another.
// It stays with the effect, whatever becomes of the attempt. Also of an entry made
// before: that one may be older than what is known.
static bool
remember(struct job *job, const struct attempt *attempt, struct json_object *result)
{
    const struct mautic_entry *entry = attempt->entry;
    struct json_object *known = ledger_state(job, attempt->entity);
    int64_t rotation = json_i64_or(result, "rotation", 0);
    if (known == NULL)
        return false;
    if (rotation <= known_rotation(job, known, entry))
        return true;
    json_set_i64(known, campaign_key(job, entry), rotation);
    settlement_state(job, attempt->entity, known);
    settlement_state_stays(job, attempt->entity);
    return true;
}

static struct attempt
attempt_of(struct job *job, const struct mautic *m, const struct mautic_entry *entry)
{
    return (struct attempt){
        .m = m,
        .entry = entry,
        .entity = job_printf(job, "mautic-contact:%s", entry->contact),
    };
}

bool
mautic_campaign_settle(struct job *job, const struct mautic *m,
                       const struct mautic_entry *entry, bool *entered)
{
    struct attempt attempt = attempt_of(job, m, entry);
    bool failed;
    struct json_object *result =
        effect_made(job, &campaign_entry, identity_of(job, entry), &attempt, &failed);
    *entered = result != NULL;
    return !failed && (result == NULL || remember(job, &attempt, result));
}

bool
mautic_campaign_give_up(struct job *job, const struct mautic *m,
                        const struct mautic_entry *entry)
{
    bool entered;
    if (entry->contact == NULL)
        return effect_close(job, campaign_entry.name, identity_of(job, entry), NULL);
    return mautic_campaign_settle(job, m, entry, &entered);
}

bool
mautic_campaign_enter(struct job *job, const struct mautic *m,
                      const struct mautic_entry *entry)
{
    struct attempt attempt = attempt_of(job, m, entry);
    struct json_object *result =
        effect_once(job, &campaign_entry, identity_of(job, entry), &attempt);
    return result != NULL && remember(job, &attempt, result);
}
