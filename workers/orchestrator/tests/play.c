#include "workers/orchestrator/tests/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/schema.h"
#include "common/str.h"
#include "tests/harness/test.h"

static void ATTR_PRINTF(2, 3) append(char text[PLAY_TEXT], const char *fmt, ...)
{
    size_t length = strlen(text);
    va_list args;
    va_start(args, fmt);
    int more = vsnprintf(text + length, PLAY_TEXT - length, fmt, args);
    va_end(args);
    assert_true(more >= 0 && length + (size_t)more < PLAY_TEXT);
}

// ---- a Directus that answers by a script

static bool
answer(const struct http_service *service, struct job *job,
       const struct http_request *request, struct http_response *response)
{
    struct play *play = service->fake;
    const struct play_reply *reply = &play->replies[play->reply_next];

    append(play->calls, "%s %s %.*s\n", request->method, request->path,
           (int)request->body_length,
           request->body == NULL ? "" : (const char *)request->body);
    if (play->reply_next >= play->reply_count
        || strcmp(reply->method, request->method) != 0
        || strstr(request->path, reply->path) == NULL)
        fail_msg("not expected: %s %s", request->method, request->path);
    play->reply_next++;
    *response = (struct http_response){
        .status = reply->status,
        .body = reply->body,
        .length = strlen(reply->body),
        .content_type = "application/json",
    };
    if (reply->status < 400)
        return true;
    const struct error_answer refusal = {.service = "directus",
                                         .what = request->path,
                                         .status = reply->status,
                                         .body = reply->body};
    return error_http(&job->error, service->rules, &refusal);
}

// ---- a ledger in memory

static int
find_state(const struct play *play, const char *entity)
{
    for (int i = 0; i < play->state_count; i++)
        if (strcmp(play->states[i].entity, entity) == 0)
            return i;
    return -1;
}

static bool
read_state(struct ledger *ledger, struct job *job, const char *entity,
           struct json_object **state)
{
    const char *text = play_state((struct play *)ledger, entity);
    *state =
        text[0] == '\0' ? json_object_in(job) : json_parse(job, text, strlen(text));
    return *state != NULL;
}

const char *
play_state(const struct play *play, const char *entity)
{
    int i = find_state(play, entity);
    return i < 0 ? "" : play->states[i].state;
}

void
play_set_state(struct play *play, const char *entity, const char *state)
{
    int i = find_state(play, entity);
    if (i < 0)
        i = play->state_count++;
    assert_true(i < PLAY_STATES);
    assert_true(
        str_copy(play->states[i].entity, sizeof play->states[i].entity, entity));
    assert_true(str_copy(play->states[i].state, sizeof play->states[i].state, state));
}

// ---- deliveries

struct play *
play_new(void)
{
    static const struct error_rule no_rules[] = {{0}};
    struct play *play = str_calloc(1, sizeof *play);
    play->ledger.state_read = read_state;
    play->o = (struct orchestrator){
        .integrations = "docuseal",
        .capture = "outbox",
        .auto_signature = true,
        .followup_ms = INT64_C(3) * 24 * 3600 * 1000,
    };
    play->o.directus.service = (struct http_service){
        .name = "directus",
        .base_url = "http://directus",
        .rules = no_rules,
        .call = answer,
        .fake = play,
    };
    return play;
}

void
play_free(struct play *play)
{
    free(play);
}

void
play_expect(struct play *play, const char *method, const char *path, int status,
            const char *body)
{
    assert_true(play->reply_count < PLAY_REPLIES);
    play->replies[play->reply_count++] =
        (struct play_reply){method, path, status, body};
}

static size_t
read_file(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    size_t length = fread(text, 1, size, file);
    (void)fclose(file);
    return length;
}

// What goes out is what schemas/events says of its type.
static void
check_schema(const struct settle_out *out)
{
    static const size_t room = 64 * 1024;
    struct error err = {0};
    char path[300];
    char *text = str_alloc(room);
    struct json_object *headers = json_parse_raw(out->headers, strlen(out->headers));
    (void)snprintf(path, sizeof path, SOURCE_DIR "/schemas/events/%s.json",
                   json_string_or(headers, "ce_type", "?"));
    struct schema *schema = schema_open(text, read_file(path, text, room), &err);
    if (schema == NULL)
        fail_msg("%s: %s", path, err.text);
    struct json_object *data = json_parse_raw(out->payload, out->payload_length);
    if (!schema_check(schema, data, &err))
        fail_msg("%s: %s", path, err.text);
    json_drop(data);
    json_drop(headers);
    schema_close(schema);
    free(text);
}

static void
commit_timers(struct play *play, const struct settlement *all)
{
    for (const struct settle_timer *t = all->timers; t != NULL; t = t->next) {
        char due[CLOCK_TEXT] = "never";
        if (t->due_ms != 0) {
            clock_format(t->due_ms, due);
            check_schema(&t->out);
        }
        append(play->timers, "%s %s %s %s\n", t->entity, t->name, due,
               t->due_ms != 0 ? t->out.key : "");
    }
}

static void
commit(struct play *play, const struct settlement *all)
{
    for (const struct settle_state *s = all->states; s != NULL; s = s->next)
        play_set_state(play, s->entity, s->state);
    for (const struct settle_out *o = all->outbox; o != NULL; o = o->next) {
        check_schema(o);
        append(play->published, "%s %s %s %.*s\n", o->topic, o->key, o->id,
               (int)o->payload_length, (const char *)o->payload);
    }
    commit_timers(play, all);
    for (const struct settle_finish *f = all->finishes; f != NULL; f = f->next)
        append(play->finished, "%s\n", f->event);
    for (const struct settle_attention *a = all->attentions; a != NULL; a = a->next)
        append(play->attention, "%s %s: %s\n", a->kind, a->entity, a->text);
    append(play->note, "%s", all->note == NULL ? "" : all->note);
}

static const struct handler *
find_handler(const char *type)
{
    for (const struct handler *h = orchestrator_handlers; h->type != NULL; h++)
        if (strcmp(h->type, type) == 0)
            return h;
    fail_msg("no handler for %s", type);
    return NULL;
}

static const char *
or_else(const char *text, const char *fallback)
{
    return text == NULL ? fallback : text;
}

static void
forget_last(struct play *play)
{
    play->calls[0] = play->published[0] = play->finished[0] = '\0';
    play->attention[0] = play->note[0] = play->timers[0] = '\0';
}

struct error
play_deliver(struct play *play, struct play_event event)
{
    char now[CLOCK_TEXT];
    struct job job;

    forget_last(play);
    clock_format(clock_wall_ms(), now);
    job_begin(&job, 10000);
    settlement_begin(&job);
    job.ledger = &play->ledger;
    job.ahead_ms = play->ahead_ms;
    struct event ev = {
        .id = or_else(event.id, "6a0e5c0e-0000-4000-8000-000000000001"),
        .source = or_else(event.source, "relais/capture"),
        .type = event.type,
        .subject = or_else(event.subject, ""),
        .time = or_else(event.time, now),
        .original_id = event.original_id,
        .traceparent = "",
        .company = or_else(event.company, "HYPERVISUAL"),
        .key = or_else(event.key, ""),
        .sequence = event.sequence == 0 ? -1 : event.sequence,
        .data = json_parse(&job, event.data, strlen(event.data)),
    };
    assert_non_null(ev.data);
    job.event = &ev;
    bool done = find_handler(event.type)->handle(&job, &ev, &play->o);
    assert_true(done == (job.error.kind == ERROR_NONE));
    if (done)
        commit(play, job.settlement);
    struct error err = job.error;
    job_end(&job);
    assert_int_equal(play->reply_next, play->reply_count);
    play->reply_next = play->reply_count = 0;
    return err;
}
