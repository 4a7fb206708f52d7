// The ledger as handlers see it: each question is a letter to a thread of the ledger,
// and the fiber waits for the answer.
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/ledger_pg.h"
#include "common/pg.h"

struct job_ledger {
    struct ledger ledger;
    struct ledger_pg *pg;
    int32_t partition;
    int64_t epoch;
};

// A question in the job's memory with the wait of its fiber.
struct question {
    struct ledger_read read;
    struct loop_wait wait;
};

struct intent {
    struct ledger_write write;
    struct loop_wait wait;
};

static void
question_answered(struct loop_mail *mail)
{
    loop_wake(&((struct question *)mail)->wait);
}

static void
intent_answered(struct loop_mail *mail)
{
    loop_wake(&((struct intent *)mail)->wait);
}

static void
free_rows(void *rows)
{
    pg_rows_free(rows);
}

static struct pg_rows *
ask(struct ledger *ledger, struct job *job, enum ledger_read_kind kind,
    const char *const args[4])
{
    struct job_ledger *self = (struct job_ledger *)ledger;
    struct question *question = job_alloc(job, sizeof *question);
    question->read = (struct ledger_read){
        .mail.deliver = question_answered,
        .loop = loop_current(),
        .kind = kind,
        .partition = self->partition,
    };
    memcpy(question->read.args, args, sizeof question->read.args);
    loop_wait_begin(&question->wait);
    ledger_pg_read(self->pg, &question->read);
    (void)loop_wait(&question->wait, INT64_MAX, "the ledger's answer");
    if (question->read.rows == NULL) {
        job->error = question->read.error;
        return NULL;
    }
    job_defer(job, free_rows, question->read.rows);
    return question->read.rows;
}

static bool
state_read(struct ledger *ledger, struct job *job, const char *entity,
           struct json_object **state)
{
    struct pg_rows *rows =
        ask(ledger, job, LEDGER_READ_STATE, (const char *[4]){entity});
    if (rows == NULL)
        return false;
    if (pg_rows_count(rows) == 0) {
        *state = json_object_in(job);
        return true;
    }
    size_t length;
    const char *text = pg_bytes(rows, 0, 0, &length);
    struct json_object *found = json_parse(job, text, length);
    if (found == NULL)
        return false;
    *state = found;
    return true;
}

static bool
ref_remote(struct ledger *ledger, struct job *job, const char *system,
           const struct ledger_ref *remote, struct ledger_ref *ref)
{
    struct pg_rows *rows =
        ask(ledger, job, LEDGER_READ_REF,
            (const char *[4]){system, remote->company, remote->remote_type,
                              remote->remote_id});
    if (rows == NULL)
        return false;
    *ref = *remote;
    ref->local_id = NULL;
    if (pg_rows_count(rows) == 0)
        return true;
    ref->collection = pg_text(rows, 0, 0);
    ref->local_id = pg_text(rows, 0, 1);
    ref->lane_key = pg_text(rows, 0, 2);
    return true;
}

static bool
cursor_read(struct ledger *ledger, struct job *job, const char *name,
            const char **value)
{
    struct pg_rows *rows =
        ask(ledger, job, LEDGER_READ_CURSOR, (const char *[4]){name});
    if (rows == NULL)
        return false;
    *value = pg_rows_count(rows) > 0 ? pg_text(rows, 0, 0) : NULL;
    return true;
}

static enum ledger_effect_state
effect_state(const char *name)
{
    static const struct {
        const char *name;
        enum ledger_effect_state state;
    } states[] = {
        {"confirmed", LEDGER_EFFECT_CONFIRMED},
        {"flagged", LEDGER_EFFECT_FLAGGED},
        {"open", LEDGER_EFFECT_OPEN},
    };
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(states[i].name, name) == 0)
            return states[i].state;
    }
    return LEDGER_EFFECT_UNSURE;
}

static bool
effect_peek(struct ledger *ledger, struct job *job, const char *kind,
            const char *identity, struct ledger_effect *effect)
{
    struct pg_rows *rows =
        ask(ledger, job, LEDGER_READ_EFFECT, (const char *[4]){kind, identity});
    if (rows == NULL)
        return false;
    *effect = (struct ledger_effect){.state = LEDGER_EFFECT_NONE};
    if (pg_rows_count(rows) == 0)
        return true;
    size_t length;
    const char *result = pg_bytes(rows, 0, 2, &length);
    effect->state = effect_state(pg_text(rows, 0, 0));
    effect->attempt = pg_i64(rows, 0, 1);
    effect->wait_ms = pg_i64(rows, 0, 3);
    effect->result = result != NULL ? job_memdup(job, result, length) : NULL;
    return true;
}

static bool
intent_failed(struct job *job, const struct ledger_write *write)
{
    if (write->verdict == LEDGER_FENCED)
        return error_fenced(&job->error, "the partition has a newer owner");
    if (write->verdict == LEDGER_STOPPED)
        return error_retryable(&job->error, "the program is stopping");
    job->error = write->error;
    return false;
}

static bool
effect_begin(struct ledger *ledger, struct job *job, const struct ledger_intent *intent,
             struct ledger_effect *effect)
{
    struct job_ledger *self = (struct job_ledger *)ledger;
    struct intent *asked = job_alloc(job, sizeof *asked);
    asked->write = (struct ledger_write){
        .mail.deliver = intent_answered,
        .loop = loop_current(),
        .kind = LEDGER_INTENT,
        .partition = self->partition,
        .epoch = self->epoch,
        .effect_kind = intent->kind,
        .effect_identity = intent->identity,
        .take_over = intent->take_over,
        .timeout_ms = intent->timeout_ms,
    };
    loop_wait_begin(&asked->wait);
    ledger_pg_write(self->pg, &asked->write);
    (void)loop_wait(&asked->wait, INT64_MAX, "the intent");
    if (asked->write.verdict != LEDGER_DONE)
        return intent_failed(job, &asked->write);
    *effect = asked->write.effect;
    effect->result = job_strdup(job, asked->write.effect.result);
    free((void *)(uintptr_t)asked->write.effect.result);
    return true;
}

struct ledger *
ledger_pg_for_job(struct ledger_pg *ledger, struct job *job, int32_t partition,
                  int64_t epoch)
{
    struct job_ledger *self = job_alloc(job, sizeof *self);
    *self = (struct job_ledger){
        .ledger =
            {
                .state_read = state_read,
                .ref_remote = ref_remote,
                .cursor_read = cursor_read,
                .effect_begin = effect_begin,
                .effect_peek = effect_peek,
            },
        .pg = ledger,
        .partition = partition,
        .epoch = epoch,
    };
    return &self->ledger;
}
