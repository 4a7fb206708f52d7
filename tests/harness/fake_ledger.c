#include <string.h>

#include "common/json.h"
#include "common/settlement.h"
#include "tests/harness/fake.h"
#include "tests/harness/test.h"

void
fake_set_pair(struct fake *fake, struct fake_pair pairs[], int *count, const char *name,
              const char *value)
{
    int i = 0;
    while (i < *count && strcmp(pairs[i].name, name) != 0)
        i++;
    assert_true(i < FAKE_ROWS);
    if (i == *count)
        (*count)++;
    pairs[i] = (struct fake_pair){job_strdup(&fake->keep, name),
                                  job_strdup(&fake->keep, value)};
}

static const char *
pair_value(const struct fake_pair pairs[], int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    return NULL;
}

static bool
state_read(struct ledger *ledger, struct job *job, const char *entity,
           struct json_object **state)
{
    struct fake *fake = (struct fake *)ledger;
    const char *text = pair_value(fake->states, fake->state_count, entity);
    *state = text != NULL ? json_parse(job, text, strlen(text)) : json_object_in(job);
    return *state != NULL;
}

static bool
ref_remote(struct ledger *ledger, struct job *job, const char *system,
           const struct ledger_ref *remote, struct ledger_ref *ref)
{
    const struct fake *fake = (const struct fake *)ledger;
    (void)job;
    (void)system;
    *ref = (struct ledger_ref){.local_id = NULL};
    for (int i = 0; i < fake->ref_count; i++)
        if (strcmp(fake->refs[i].company, remote->company) == 0
            && strcmp(fake->refs[i].remote_type, remote->remote_type) == 0
            && strcmp(fake->refs[i].remote_id, remote->remote_id) == 0)
            *ref = fake->refs[i];
    return true;
}

static bool
cursor_read(struct ledger *ledger, struct job *job, const char *name,
            const char **value)
{
    const struct fake *fake = (const struct fake *)ledger;
    (void)job;
    *value = pair_value(fake->cursors, fake->cursor_count, name);
    return true;
}

static struct fake_effect *
find_effect(struct fake *fake, const char *kind, const char *identity)
{
    for (int i = 0; i < fake->effect_count; i++)
        if (strcmp(fake->effects[i].kind, kind) == 0
            && strcmp(fake->effects[i].identity, identity) == 0)
            return &fake->effects[i];
    return NULL;
}

static struct fake_effect *
have_effect(struct fake *fake, const char *kind, const char *identity)
{
    struct fake_effect *effect = find_effect(fake, kind, identity);
    if (effect != NULL)
        return effect;
    assert_true(fake->effect_count < FAKE_ROWS);
    effect = &fake->effects[fake->effect_count++];
    *effect = (struct fake_effect){.kind = job_strdup(&fake->keep, kind),
                                   .identity = job_strdup(&fake->keep, identity),
                                   .state = LEDGER_EFFECT_OPEN};
    return effect;
}

static bool
effect_peek(struct ledger *ledger, struct job *job, const char *kind,
            const char *identity, struct ledger_effect *effect)
{
    struct fake *fake = (struct fake *)ledger;
    const struct fake_effect *row = find_effect(fake, kind, identity);
    (void)job;
    *effect = (struct ledger_effect){.state = LEDGER_EFFECT_NONE};
    if (row != NULL)
        *effect = (struct ledger_effect){.state = row->state,
                                         .attempt = row->attempt,
                                         .wait_ms = row->deadline_ms - fake->now_ms,
                                         .result = row->result};
    return true;
}

static bool
effect_begin(struct ledger *ledger, struct job *job, const struct ledger_intent *intent,
             struct ledger_effect *effect)
{
    struct fake *fake = (struct fake *)ledger;
    struct fake_effect *row = have_effect(fake, intent->kind, intent->identity);
    bool mine = row->state == LEDGER_EFFECT_OPEN
                || (row->state == LEDGER_EFFECT_UNSURE
                    && intent->take_over == row->attempt && intent->take_over > 0);
    if (!mine)
        return effect_peek(ledger, job, intent->kind, intent->identity, effect);
    row->state = LEDGER_EFFECT_UNSURE;
    row->attempt++;
    row->deadline_ms = fake->now_ms + intent->timeout_ms;
    *effect =
        (struct ledger_effect){.state = LEDGER_EFFECT_BEGUN, .attempt = row->attempt};
    return true;
}

void
fake_ledger_begin(struct fake *fake)
{
    fake->ledger = (struct ledger){
        .state_read = state_read,
        .ref_remote = ref_remote,
        .cursor_read = cursor_read,
        .effect_begin = effect_begin,
        .effect_peek = effect_peek,
    };
}

static void
settle_effect(struct fake *fake, const struct settle_effect *row)
{
    struct fake_effect *effect = have_effect(fake, row->kind, row->identity);
    if (row->attempt != 0 && row->attempt != effect->attempt)
        return;
    if (row->to == SETTLE_EFFECT_CONFIRM) {
        effect->state = LEDGER_EFFECT_CONFIRMED;
        effect->result = job_strdup(&fake->keep, row->result);
    } else if (row->to == SETTLE_EFFECT_REOPEN) {
        effect->state = LEDGER_EFFECT_OPEN;
    } else {
        effect->state = LEDGER_EFFECT_FLAGGED;
    }
}

static void
settle_ref(struct fake *fake, const struct settle_ref *row)
{
    int i = 0;
    while (i < fake->ref_count
           && (strcmp(fake->refs[i].collection, row->collection) != 0
               || strcmp(fake->refs[i].local_id, row->local_id) != 0))
        i++;
    assert_true(i < FAKE_ROWS);
    if (i == fake->ref_count)
        fake->ref_count++;
    struct job *keep = &fake->keep;
    fake->refs[i] = (struct ledger_ref){
        .company = job_strdup(keep, row->company),
        .collection = job_strdup(keep, row->collection),
        .local_id = job_strdup(keep, row->local_id),
        .remote_type = job_strdup(keep, row->remote_type),
        .remote_id = job_strdup(keep, row->remote_id),
        .lane_key = job_strdup(keep, row->lane_key),
    };
}

static void
settle_out(struct fake *fake, const struct settle_out *row)
{
    struct job *keep = &fake->keep;
    struct json_object *headers = json_parse(keep, row->headers, strlen(row->headers));
    assert_true(fake->published_count < FAKE_ROWS);
    fake->published[fake->published_count++] = (struct fake_event){
        .topic = job_strdup(keep, row->topic),
        .key = job_strdup(keep, row->key),
        .id = job_strdup(keep, row->id),
        .type = json_string_or(headers, "ce_type", ""),
        .source = json_string_or(headers, "ce_source", ""),
        .original_id = json_string_or(headers, "ce_originalid", NULL),
        .data = json_parse(keep, row->payload, row->payload_length),
    };
}

void
fake_ledger_settle(struct fake *fake, struct job *job)
{
    const struct settlement *all = job->settlement;
    for (const struct settle_state *row = all->states; row != NULL; row = row->next)
        fake_set_pair(fake, fake->states, &fake->state_count, row->entity, row->state);
    for (const struct settle_cursor *row = all->cursors; row != NULL; row = row->next)
        fake_set_pair(fake, fake->cursors, &fake->cursor_count, row->name, row->value);
    for (const struct settle_attention *row = all->attentions; row != NULL;
         row = row->next)
        fake_set_pair(fake, fake->attentions, &fake->attention_count, row->kind,
                      row->entity);
    for (const struct settle_effect *row = all->effects; row != NULL; row = row->next)
        settle_effect(fake, row);
    for (const struct settle_ref *row = all->refs; row != NULL; row = row->next)
        settle_ref(fake, row);
    for (const struct settle_out *row = all->outbox; row != NULL; row = row->next)
        settle_out(fake, row);
}
