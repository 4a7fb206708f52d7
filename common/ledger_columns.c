#include "common/ledger_columns.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"

// types: t = text, b = bytea, i = int8, one letter a column; $1 is the worker where
// `worker` says so, and the arrays follow.
static const struct table {
    const char *types;
    bool worker;
    const char *sql;
    const char *again; // where a row may be there already; NULL = sql takes that too
    bool prepared;     // frequent, and reads no table
} tables[TABLE_COUNT] = {
    // An event is almost never finished twice, and ON CONFLICT costs half as much
    // again.
    [TABLE_FINISHED] = {"t", true,
                        "INSERT INTO relais.finished_event (worker, event)"
                        " SELECT $1, unnest($2::text[])",
                        .again =
                            "INSERT INTO relais.finished_event (worker, event)"
                            " SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING",
                        .prepared = true},
    [TABLE_CONFIRM] =
        {"ttib", true,
         "INSERT INTO relais.effect AS e (kind, identity, state, attempt, worker, "
         "result)"
         " SELECT kind, identity, 'confirmed', attempt, $1, result"
         " FROM unnest($2::text[], $3::text[], $4::int8[], $5::bytea[])"
         " AS r(kind, identity, attempt, result)"
         " ON CONFLICT (kind, identity) DO UPDATE SET state = 'confirmed',"
         " result = excluded.result, deadline_at = NULL, updated_at = now()"
         " WHERE excluded.attempt = 0 OR e.attempt = excluded.attempt"},
    [TABLE_REOPEN] =
        {"tti", false,
         "UPDATE relais.effect e SET state = 'open', deadline_at = NULL, updated_at = "
         "now()"
         " FROM unnest($1::text[], $2::text[], $3::int8[]) AS r(kind, identity, "
         "attempt)"
         " WHERE e.kind = r.kind AND e.identity = r.identity AND e.attempt = r.attempt"
         " AND e.state = 'intent'"},
    [TABLE_FLAG] =
        {"tti", false,
         "UPDATE relais.effect e SET state = 'flagged', updated_at = now()"
         " FROM unnest($1::text[], $2::text[], $3::int8[]) AS r(kind, identity, "
         "attempt)"
         " WHERE e.kind = r.kind AND e.identity = r.identity AND e.attempt = r.attempt"
         " AND e.state = 'intent'"},
    [TABLE_REF] =
        {"ttttttt", false,
         "INSERT INTO relais.external_ref (system, company, collection, local_id,"
         " remote_type, remote_id, lane_key)"
         " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[],"
         " $5::text[], $6::text[], $7::text[])"
         " ON CONFLICT (system, company, collection, local_id) DO UPDATE SET"
         " remote_type = excluded.remote_type, remote_id = excluded.remote_id,"
         " lane_key = excluded.lane_key, updated_at = now()"},
    [TABLE_STATE] = {"tb", true,
                     "INSERT INTO relais.entity_state (worker, entity, state)"
                     " SELECT $1, entity, state FROM unnest($2::text[], $3::bytea[])"
                     " AS r(entity, state) ON CONFLICT (worker, entity) DO UPDATE"
                     " SET state = excluded.state, updated_at = now()"},
    [TABLE_CURSOR] = {"tt", true,
                      "INSERT INTO relais.sweep_cursor (worker, name, value)"
                      " SELECT $1, name, value FROM unnest($2::text[], $3::text[])"
                      " AS r(name, value) ON CONFLICT (worker, name) DO UPDATE"
                      " SET value = excluded.value, updated_at = now()"},
    [TABLE_ATTENTION] =
        {"ttt", true,
         "INSERT INTO relais.attention (kind, entity, worker, text)"
         " SELECT kind, entity, $1, text"
         " FROM unnest($2::text[], $3::text[], $4::text[])"
         " AS r(kind, entity, text) ON CONFLICT (kind, entity) DO UPDATE"
         " SET text = excluded.text, resolved_at = NULL"},
    [TABLE_STEP] =
        {"ttttttii", true,
         "INSERT INTO relais.journey_step (worker, entity, event, type, outcome, note,"
         " calls, attempt, took_ms)"
         " SELECT $1, entity, event, type, outcome, note, calls, attempt, took_ms"
         " FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[],"
         " $7::text[], $8::int8[], $9::int8[])"
         " AS r(entity, event, type, outcome, note, calls, attempt, took_ms)",
         .prepared = true},
    [TABLE_OUT] =
        {"tttbbi", true,
         "INSERT INTO relais.outbox (topic, key, id, headers, payload, worker, "
         "partition)"
         " SELECT topic, key, id, headers, payload,"
         " CASE WHEN partition < 0 THEN NULL ELSE $1 END,"
         " CASE WHEN partition < 0 THEN NULL ELSE partition END"
         " FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::bytea[],"
         " $7::int8[]) WITH ORDINALITY"
         " AS r(topic, key, id, headers, payload, partition, n)"
         " ORDER BY n ON CONFLICT DO NOTHING",
         .prepared = true},
    [TABLE_TIMER] =
        {"tttttbbi", true,
         "INSERT INTO relais.timer (worker, entity, name, topic, key, id, headers,"
         " payload, due_at)"
         " SELECT $1, entity, name, topic, key, id, headers, payload,"
         " to_timestamp(due_ms / 1000.0)"
         " FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[],"
         " $7::bytea[], $8::bytea[], $9::int8[])"
         " AS r(entity, name, topic, key, id, headers, payload, due_ms)"
         " ON CONFLICT (worker, entity, name) DO UPDATE SET topic = excluded.topic,"
         " key = excluded.key, id = excluded.id, headers = excluded.headers,"
         " payload = excluded.payload, due_at = excluded.due_at, set_at = now()"},
    [TABLE_NEVER] = {"tt", true,
                     "DELETE FROM relais.timer t"
                     " USING unnest($2::text[], $3::text[]) AS r(entity, name)"
                     " WHERE t.worker = $1 AND t.entity = r.entity"
                     " AND t.name = r.name"},
    [TABLE_PARK] =
        {"tttbbbiiiit", true,
         "INSERT INTO relais.parked_event (worker, lane, event, topic, headers, key,"
         " payload, partition, attempts, first_attempt_at, due_at, error)"
         " SELECT $1, lane, event, topic, headers, key, payload, partition, attempts,"
         " CASE WHEN age_ms >= 0 THEN clock_timestamp() - age_ms * interval '1 ms' END,"
         " clock_timestamp() + due_ms * interval '1 ms', error"
         " FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::bytea[],"
         " $7::bytea[], $8::int8[], $9::int8[], $10::int8[], $11::int8[], $12::text[])"
         " WITH ORDINALITY AS r(lane, event, topic, headers, key, payload, partition,"
         " attempts, age_ms, due_ms, error, n)"
         " WHERE NOT EXISTS (SELECT 1 FROM relais.finished_event f"
         " WHERE f.worker = $1 AND f.event = r.event)"
         " ORDER BY n ON CONFLICT DO NOTHING"},
    [TABLE_REPARK] =
        {"iiiit", false,
         "UPDATE relais.parked_event p SET attempts = r.attempts, error = r.error,"
         " first_attempt_at ="
         " CASE WHEN age_ms >= 0 THEN clock_timestamp() - age_ms * interval '1 ms' END,"
         " due_at = clock_timestamp() + r.due_ms * interval '1 ms'"
         " FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::text[])"
         " AS r(seq, attempts, age_ms, due_ms, error) WHERE p.seq = r.seq"},
    [TABLE_UNPARK] = {"i", false,
                      "DELETE FROM relais.parked_event"
                      " WHERE seq = ANY($1::int8[])"},
    [TABLE_PUBLISHED] = {"tt", false,
                         "DELETE FROM relais.outbox o"
                         " USING unnest($1::text[], $2::text[]) AS r(topic, id)"
                         " WHERE o.topic = r.topic AND o.id = r.id"},
    // A fresh intent asks with attempt 1 and takes only what is open; who looked an
    // unsure attempt n up and found nothing asks with n + 1.
    [TABLE_INTENT] =
        {"ttiiii", true,
         "INSERT INTO relais.effect AS e (kind, identity, state, attempt, worker,"
         " partition, epoch, deadline_at)"
         " SELECT kind, identity, 'intent', take_over + 1, $1,"
         " CASE WHEN partition < 0 THEN NULL ELSE partition END, epoch,"
         " clock_timestamp() + timeout_ms * interval '1 ms'"
         " FROM unnest($2::text[], $3::text[], $4::int8[], $5::int8[], $6::int8[],"
         " $7::int8[]) AS r(kind, identity, take_over, partition, epoch, timeout_ms)"
         " ON CONFLICT (kind, identity) DO UPDATE SET state = 'intent',"
         " attempt = e.attempt + 1, worker = excluded.worker,"
         " partition = excluded.partition, epoch = excluded.epoch,"
         " deadline_at = excluded.deadline_at, updated_at = now()"
         " WHERE e.state = 'open'"
         " OR (e.state = 'intent' AND e.attempt = excluded.attempt - 1)"
         " RETURNING kind, identity, attempt"},
    [TABLE_EFFECTS] =
        {"tt", false,
         "SELECT e.kind, e.identity, e.state, e.attempt, e.result,"
         " (extract(epoch FROM e.deadline_at - clock_timestamp()) * 1000)::int8,"
         " e.xmin::text::int8"
         " FROM unnest($1::text[], $2::text[]) AS r(kind, identity)"
         " JOIN relais.effect e USING (kind, identity)"},
};

static unsigned
type_of(char letter)
{
    if (letter == 'i')
        return PG_TYPE_INT8;
    return letter == 'b' ? PG_TYPE_BYTEA : PG_TYPE_TEXT;
}

void
ledger_columns_begin(struct ledger_columns *columns)
{
    memset(columns, 0, sizeof *columns);
    for (int t = 0; t < TABLE_COUNT; t++) {
        for (int c = 0; tables[t].types[c] != '\0'; c++)
            pg_array_begin(&columns->columns[t][c], type_of(tables[t].types[c]));
    }
}

void
ledger_columns_end(struct ledger_columns *columns)
{
    for (int t = 0; t < TABLE_COUNT; t++) {
        for (int c = 0; tables[t].types[c] != '\0'; c++)
            pg_array_end(&columns->columns[t][c]);
    }
}

void
ledger_columns_clear(struct ledger_columns *columns)
{
    for (int t = 0; t < TABLE_COUNT; t++) {
        if (columns->rows[t] == 0)
            continue;
        for (int c = 0; tables[t].types[c] != '\0'; c++)
            pg_array_clear(&columns->columns[t][c]);
        columns->rows[t] = 0;
    }
}

// One value; the letter of its column tells which member counts.
struct cell {
    const char *text;
    const void *data;
    size_t length;
    int64_t number;
};
#define TEXT(value)     \
    {                   \
        .text = (value) \
    }
#define JSON(value)                              \
    {                                            \
        .data = (value), .length = strlen(value) \
    }
#define BYTES(value, bytes)                \
    {                                      \
        .data = (value), .length = (bytes) \
    }
#define NUMBER(value)     \
    {                     \
        .number = (value) \
    }
// A cell for every column there may be: one that was forgotten is empty.
#define ROW(...) ((const struct cell[LEDGER_COLUMNS]){__VA_ARGS__})

// What people wrote or a provider answered may be anything; text columns take UTF-8
// only.
static void
add_text(struct pg_array *array, const char *text)
{
    if (text == NULL || str_is_text(text, strlen(text))) {
        pg_array_text(array, text != NULL ? text : "");
        return;
    }
    struct str clean;
    str_begin(&clean, strlen(text) + 1);
    for (const char *c = text; *c != '\0'; c++)
        str_append(&clean, (unsigned char)*c < 0x80 ? c : "?", 1);
    pg_array_text(array, clean.data);
    str_end(&clean);
}

static void
add_row(struct ledger_columns *columns, enum ledger_table table,
        const struct cell cells[LEDGER_COLUMNS])
{
    const char *types = tables[table].types;
    for (int c = 0; types[c] != '\0'; c++) {
        struct pg_array *array = &columns->columns[table][c];
        if (types[c] == 'i')
            pg_array_i64(array, cells[c].number);
        else if (types[c] == 'b')
            pg_array_bytes(array, cells[c].data != NULL ? cells[c].data : "",
                           cells[c].length);
        else
            add_text(array, cells[c].text);
    }
    columns->rows[table]++;
}

static void
add_effects(struct ledger_columns *columns, const struct settlement *settlement)
{
    for (const struct settle_effect *e = settlement->effects; e != NULL; e = e->next) {
        if (e->to == SETTLE_EFFECT_CONFIRM)
            add_row(columns, TABLE_CONFIRM,
                    ROW(TEXT(e->kind), TEXT(e->identity), NUMBER(e->attempt),
                        JSON(e->result)));
        else
            add_row(columns, e->to == SETTLE_EFFECT_REOPEN ? TABLE_REOPEN : TABLE_FLAG,
                    ROW(TEXT(e->kind), TEXT(e->identity), NUMBER(e->attempt)));
    }
}

static void
add_outbox(struct ledger_columns *columns, const struct settlement *settlement,
           int32_t partition)
{
    for (const struct settle_out *o = settlement->outbox; o != NULL; o = o->next)
        add_row(columns, TABLE_OUT,
                ROW(TEXT(o->topic), TEXT(o->key), TEXT(o->id), JSON(o->headers),
                    BYTES(o->payload, o->payload_length), NUMBER(partition)));
}

static void
add_timers(struct ledger_columns *columns, const struct settlement *settlement)
{
    for (const struct settle_timer *t = settlement->timers; t != NULL; t = t->next) {
        const struct settle_out *o = &t->out;
        if (t->due_ms == 0)
            add_row(columns, TABLE_NEVER, ROW(TEXT(t->entity), TEXT(t->name)));
        else
            add_row(columns, TABLE_TIMER,
                    ROW(TEXT(t->entity), TEXT(t->name), TEXT(o->topic), TEXT(o->key),
                        TEXT(o->id), JSON(o->headers),
                        BYTES(o->payload, o->payload_length), NUMBER(t->due_ms)));
    }
}

static void
add_settlement(struct ledger_columns *columns, const struct settlement *s,
               int32_t partition)
{
    for (const struct settle_ref *r = s->refs; r != NULL; r = r->next)
        add_row(columns, TABLE_REF,
                ROW(TEXT(r->system), TEXT(r->company), TEXT(r->collection),
                    TEXT(r->local_id), TEXT(r->remote_type), TEXT(r->remote_id),
                    TEXT(r->lane_key)));
    for (const struct settle_state *e = s->states; e != NULL; e = e->next)
        add_row(columns, TABLE_STATE, ROW(TEXT(e->entity), JSON(e->state)));
    for (const struct settle_cursor *c = s->cursors; c != NULL; c = c->next)
        add_row(columns, TABLE_CURSOR, ROW(TEXT(c->name), TEXT(c->value)));
    for (const struct settle_attention *a = s->attentions; a != NULL; a = a->next)
        add_row(columns, TABLE_ATTENTION,
                ROW(TEXT(a->kind), TEXT(a->entity), TEXT(a->text)));
    add_outbox(columns, s, partition);
    add_timers(columns, s);
}

static void
add_step(struct ledger_columns *columns, const struct ledger_step *step)
{
    if (step->entity == NULL || step->entity[0] == '\0')
        return;
    add_row(columns, TABLE_STEP,
            ROW(TEXT(step->entity), TEXT(step->event), TEXT(step->type),
                TEXT(step->outcome), TEXT(step->note), TEXT(step->calls),
                NUMBER(step->attempt), NUMBER(step->took_ms)));
}

static void
add_finishes(struct ledger_columns *columns, const struct settlement *settlement)
{
    for (const struct settle_finish *f = settlement->finishes; f != NULL; f = f->next) {
        add_row(columns, TABLE_FINISHED, ROW(TEXT(f->event)));
        if (f->parked_seq > 0)
            add_row(columns, TABLE_UNPARK, ROW(NUMBER(f->parked_seq)));
        add_step(columns, &(struct ledger_step){.entity = f->entity,
                                                .event = f->event,
                                                .type = f->type,
                                                .outcome = "done",
                                                .note = f->note,
                                                .attempt = 1});
    }
}

// The record's headers as a JSON object of strings, for parked_event. What is not text
// is no header of an event, and is left out.
static struct json_object *
headers_object(const struct record *record)
{
    struct json_object *headers = json_object_new_object();
    for (size_t i = 0; i < record->header_count; i++) {
        const struct record_header *h = &record->headers[i];
        if (!str_is_text(h->value, h->length) || !str_is_text(h->name, strlen(h->name))
            || json_object_object_get_ex(headers, h->name, NULL))
            continue; // of two with one name the first counts
        json_object_object_add(headers, h->name,
                               json_object_new_string_len(h->value, (int)h->length));
    }
    return headers;
}

static void
add_park(struct ledger_columns *columns, const struct ledger_write *write)
{
    const struct record *record = write->record;
    const char *why = write->step.note != NULL ? write->step.note : "";
    if (write->parked_seq > 0) {
        add_row(columns, TABLE_REPARK,
                ROW(NUMBER(write->parked_seq), NUMBER(write->attempts),
                    NUMBER(write->age_ms), NUMBER(write->due_in_ms), TEXT(why)));
        return;
    }
    struct json_object *headers = headers_object(record);
    add_row(columns, TABLE_PARK,
            ROW(TEXT(write->lane), TEXT(write->event), TEXT(record->topic),
                JSON(json_print(headers, NULL)), BYTES(record->key, record->key_length),
                BYTES(record->payload, record->payload_length),
                NUMBER(write->partition), NUMBER(write->attempts),
                NUMBER(write->age_ms), NUMBER(write->due_in_ms), TEXT(why)));
    json_drop(headers);
}

static void
add_event(struct ledger_columns *columns, const struct ledger_write *write)
{
    if (write->event_to == LEDGER_EVENT_PARK)
        add_park(columns, write);
    if (write->event_to != LEDGER_EVENT_FINISH)
        return;
    if (write->event != NULL)
        add_row(columns, TABLE_FINISHED, ROW(TEXT(write->event)));
    if (write->parked_seq > 0)
        add_row(columns, TABLE_UNPARK, ROW(NUMBER(write->parked_seq)));
}

void
ledger_columns_add(struct ledger_columns *columns, const struct ledger_write *write,
                   bool fenced)
{
    if (write->kind == LEDGER_PUBLISHED) {
        add_row(columns, TABLE_PUBLISHED, ROW(TEXT(write->topic), TEXT(write->id)));
        return;
    }
    if (write->kind == LEDGER_INTENT) {
        if (fenced)
            return;
        const struct cell row[LEDGER_COLUMNS] = {
            TEXT(write->effect_kind), TEXT(write->effect_identity),
            NUMBER(write->take_over), NUMBER(write->partition),
            NUMBER(write->epoch),     NUMBER(write->timeout_ms)};
        add_row(columns, TABLE_INTENT, row);
        add_row(columns, TABLE_EFFECTS, row);
        return;
    }
    if (write->settlement != NULL)
        add_effects(columns, write->settlement);
    if (fenced)
        return;
    if (write->settlement != NULL)
        add_settlement(columns, write->settlement, write->partition);
    add_step(columns, &write->step);
    add_event(columns, write);
    if (write->settlement != NULL)
        add_finishes(columns, write->settlement);
}

int
ledger_columns_statements(struct ledger_columns *columns, const char *worker,
                          struct pg_statement statements[TABLE_COUNT],
                          struct pg_param params[TABLE_COUNT][LEDGER_COLUMNS + 1],
                          struct pg_rows **taken, struct pg_rows **effects)
{
    int count = 0;
    for (int t = 0; t < TABLE_COUNT; t++) {
        if (columns->rows[t] == 0)
            continue;
        struct pg_param *p = params[t];
        int n = 0;
        if (tables[t].worker)
            p[n++] = (struct pg_param){.text = worker, .type = PG_TYPE_TEXT};
        for (int c = 0; tables[t].types[c] != '\0'; c++)
            p[n++] = pg_array_param(&columns->columns[t][c]);
        statements[count++] = (struct pg_statement){
            .sql = columns->again && tables[t].again != NULL ? tables[t].again
                                                             : tables[t].sql,
            .params = p,
            .count = n,
            .rows = t == TABLE_INTENT    ? taken
                    : t == TABLE_EFFECTS ? effects
                                         : NULL,
            .prepared = tables[t].prepared,
        };
    }
    return count;
}
