// Lanes on a real loop, without Kafka and ledger: which events their handlers are
// called for, and what is finished with each.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/json.h"
#include "common/lanes.h"
#include "common/settlement.h"
#include "common/str.h"
#include "tests/harness/test.h"

enum { CALLS_MAX = 200, STACK_BYTES = 256 * 1024 };

// What the handlers note; one lane plays on one loop, and "end" is its last event.
struct play {
    char calls[CALLS_MAX][40];  // the ids they were called for, in order
    char joined[CALLS_MAX][40]; // the last event that was finished with it, and why
    char notes[CALLS_MAX][60];
    int with[CALLS_MAX]; // how many were
    int count;
    int fail; // so many calls for objects that fail, retryably
    bool refuse;
    pthread_mutex_t lock;
    pthread_cond_t over;
    bool ended;
};

struct scene {
    struct worker *worker;
    struct record *first, **last;
    int sent;
};

static void
note_call(struct play *play, const struct job *job, const struct event *ev)
{
    int n = play->count++;
    assert_true(n < CALLS_MAX);
    str_copy(play->calls[n], sizeof play->calls[n], ev->id);
    for (const struct settle_finish *f = job->settlement->finishes; f != NULL;
         f = f->next) {
        play->with[n]++;
        str_copy(play->joined[n], sizeof play->joined[n], f->event);
        str_copy(play->notes[n], sizeof play->notes[n], f->note);
    }
}

static bool
look(struct job *job, const struct event *ev, void *state)
{
    struct play *play = state;
    note_call(play, job, ev);
    if (play->fail > 0) {
        play->fail--;
        return error_retryable(&job->error, "not now");
    }
    if (play->refuse) {
        play->refuse = false;
        return error_permanent(&job->error, "never");
    }
    return true;
}

static bool
act(struct job *job, const struct event *ev, void *state)
{
    note_call(state, job, ev);
    return true;
}

static bool
end(struct job *job, const struct event *ev, void *state)
{
    struct play *play = state;
    note_call(play, job, ev);
    pthread_mutex_lock(&play->lock);
    play->ended = true;
    pthread_cond_signal(&play->over);
    pthread_mutex_unlock(&play->lock);
    return true;
}

// Looks at something else, whose names may be the same.
static bool
look_elsewhere(struct job *job, const struct event *ev, void *state)
{
    return look(job, ev, state);
}

static const char *
object_of(struct job *job, const struct event *ev)
{
    return json_string(job, ev->data, "object");
}

static const struct handler handlers[] = {
    {"thing.changed", look, .object = object_of, .hint = true},
    {"thing.observed", look, .object = object_of, .hint = true},
    {"paper.changed", look_elsewhere, .object = object_of, .hint = true},
    {"thing.signed", look, .object = object_of}, // says more than the object does
    {"thing.do", act},
    {"end", end},
    {0},
};

static const struct integration things = {.name = "things", .handlers = handlers};

// One event of the lane about an object (NULL: about none).
static void
say_as(struct scene *scene, const char *id, const char *type, const char *object)
{
    char payload[80];
    snprintf(payload, sizeof payload, object != NULL ? "{\"object\":\"%s\"}" : "{}",
             object);
    const struct record_header headers[] = {
        {"ce_specversion", "1.0", 3}, {"ce_id", id, strlen(id)},
        {"ce_source", "relais/t", 8}, {"ce_type", type, strlen(type)},
        {"ce_subject", "thing:1", 7},
    };
    struct record *record = record_copy(&(struct record){
        .topic = "things.webhooks",
        .offset = scene->sent++,
        .key = "thing:1",
        .key_length = 7,
        .payload = payload,
        .payload_length = strlen(payload),
        .headers = headers,
        .header_count = sizeof headers / sizeof headers[0],
    });
    *scene->last = record;
    scene->last = &record->next;
}

// Its id is its place: "e0", "e1" ...
static void
say(struct scene *scene, const char *type, const char *object)
{
    char id[20];
    snprintf(id, sizeof id, "e%d", scene->sent);
    say_as(scene, id, type, object);
}

static int
set_up(void **state)
{
    struct scene *scene = str_calloc(1, sizeof *scene);
    struct worker *worker = str_calloc(1, sizeof *worker);
    struct play *play = str_calloc(1, sizeof *play);
    struct error err;
    pthread_mutex_init(&play->lock, NULL);
    pthread_cond_init(&play->over, NULL);
    worker->integration = &things;
    worker->state = play;
    worker->settings.fibers = 10;
    worker->settings.job_timeout_ms = 60000;
    worker->retry_policy = (struct retry_policy){
        .first_ms = 1, .memory_ms = 1000, .max_ms = 1, .give_up_ms = 60000};
    worker->metrics = metrics_new("things");
    worker->attempt_time = metrics_histogram(worker->metrics, "time", "", "");
    worker->metric_done =
        str_calloc(sizeof handlers / sizeof handlers[0], sizeof(struct metric *));
    for (size_t i = 0; handlers[i].type != NULL; i++)
        worker->metric_done[i] = metrics_series(worker->metrics, METRIC_COUNTER, "done",
                                                handlers[i].type, "");
    worker->circuits = circuits_new(NULL, 1, 1, 1);
    pthread_mutex_init(&worker->idle_lock, NULL);
    pthread_cond_init(&worker->idle, NULL);
    worker->loop_count = 1;
    worker->loops[0] = loop_new(STACK_BYTES, &err);
    worker->lanes[0] = lanes_new(worker, worker->loops[0]);
    scene->worker = worker;
    scene->last = &scene->first;
    *state = scene;
    return 0;
}

// Plays what was said, all of it in one fetch.
static struct play *
play_all(struct scene *scene)
{
    struct worker *worker = scene->worker;
    struct play *play = worker->state;
    struct error err;
    say(scene, "end", NULL);
    lanes_post_records(worker->lanes[0], scene->first);
    assert_true(loop_start(worker->loops[0], "loop", &err));
    pthread_mutex_lock(&play->lock);
    while (!play->ended)
        pthread_cond_wait(&play->over, &play->lock);
    pthread_mutex_unlock(&play->lock);
    worker_wait_idle(worker, clock_ms() + 60000);
    return play;
}

static int
tear_down(void **state)
{
    struct scene *scene = *state;
    struct worker *worker = scene->worker;
    struct play *play = worker->state;
    loop_stop(worker->loops[0]);
    lanes_free(worker->lanes[0]);
    loop_free(worker->loops[0]);
    pthread_cond_destroy(&worker->idle);
    pthread_mutex_destroy(&worker->idle_lock);
    circuits_free(worker->circuits);
    metrics_free(worker->metrics);
    free(worker->metric_done);
    pthread_cond_destroy(&play->over);
    pthread_mutex_destroy(&play->lock);
    free(play);
    free(worker);
    free(scene);
    return 0;
}

// The ids of the calls, in order, with a blank between.
static void
assert_calls(const struct play *play, const char *expected)
{
    char text[CALLS_MAX * 8] = "";
    size_t length = 0;
    for (int i = 0; i < play->count && length < sizeof text; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s",
                                   i > 0 ? " " : "", play->calls[i]);
    assert_string_equal(text, expected);
}

static void
hints_of_one_object_are_handled_once(void **state)
{
    struct scene *scene = *state;
    say(scene, "thing.changed", "a");
    say(scene, "thing.observed", "a");
    say(scene, "thing.changed", "a");
    const struct play *play = play_all(scene);
    assert_calls(play, "e0 e3");
    assert_int_equal(play->with[0], 2);
    assert_string_equal(play->joined[0], "e2");
    assert_string_equal(play->notes[0], "handled with e0");
    assert_int_equal(play->with[1], 0);
}

static void
nothing_is_passed_by(void **state)
{
    struct scene *scene = *state;
    say(scene, "thing.changed", "a"); // e0
    say(scene, "thing.changed", "a");
    say(scene, "thing.changed", "b"); // e2: another object
    say(scene, "thing.changed", "a"); // e3
    say(scene, "thing.do", "a");      // e4: no hint
    say(scene, "thing.changed", "a"); // e5
    say(scene, "thing.unheard-of", "a");
    say(scene, "thing.changed", "a"); // e7
    say(scene, "paper.changed", "a"); // e8: another kind of object
    assert_calls(play_all(scene), "e0 e2 e3 e4 e5 e7 e8 e9");
}

static void
what_says_more_than_its_object_is_handled_itself(void **state)
{
    struct scene *scene = *state;
    say(scene, "thing.changed", "a"); // e0
    say(scene, "thing.signed", "a");  // e1: and those behind it need no look
    say(scene, "thing.changed", "a");
    say(scene, "thing.changed", "a");
    const struct play *play = play_all(scene);
    assert_calls(play, "e0 e1 e4");
    assert_int_equal(play->with[1], 2);
}

static void
a_hint_that_names_nothing_stands_alone(void **state)
{
    struct scene *scene = *state;
    say(scene, "thing.changed", "a");
    say(scene, "thing.changed", NULL);
    say(scene, "thing.changed", "a");
    assert_calls(play_all(scene), "e0 e1 e2 e3");
}

static void
twins_are_finished_once(void **state)
{
    struct scene *scene = *state;
    ((struct play *)scene->worker->state)->fail = 1;
    say(scene, "thing.changed", "a"); // e0
    say_as(scene, "e0", "thing.changed", "a");
    say(scene, "thing.changed", "a"); // e2
    say_as(scene, "e2", "thing.changed", "a");
    say_as(scene, "e0", "thing.changed", "a");
    say(scene, "thing.do", "a"); // e5
    say_as(scene, "e2", "thing.changed", "a");
    const struct play *play = play_all(scene);
    assert_calls(play, "e0 e0 e5 e7");
    assert_int_equal(play->with[1], 1);
    assert_string_equal(play->joined[1], "e2");
}

static void
while_the_first_fails_all_wait(void **state)
{
    struct scene *scene = *state;
    ((struct play *)scene->worker->state)->fail = 3;
    say(scene, "thing.changed", "a");
    say(scene, "thing.changed", "a");
    say(scene, "thing.do", "a");
    const struct play *play = play_all(scene);
    assert_calls(play, "e0 e0 e0 e0 e2 e3");
    assert_int_equal(play->with[3], 1);
}

static void
a_dead_letter_takes_nobody_along(void **state)
{
    struct scene *scene = *state;
    ((struct play *)scene->worker->state)->refuse = true;
    say(scene, "thing.changed", "a");
    say(scene, "thing.changed", "a");
    say(scene, "thing.changed", "a");
    const struct play *play = play_all(scene);
    assert_calls(play, "e0 e1 e3");
    assert_int_equal(play->with[1], 1);
}

static void
one_look_serves_so_many(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 100; i++)
        say(scene, "thing.changed", "a");
    const struct play *play = play_all(scene);
    assert_calls(play, "e0 e65 e100");
    assert_int_equal(play->with[0], 64);
    assert_int_equal(play->with[1], 34);
}

int
main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SCENE(hints_of_one_object_are_handled_once),
        SCENE(nothing_is_passed_by),
        SCENE(what_says_more_than_its_object_is_handled_itself),
        SCENE(a_hint_that_names_nothing_stands_alone),
        SCENE(twins_are_finished_once),
        SCENE(while_the_first_fails_all_wait),
        SCENE(a_dead_letter_takes_nobody_along),
        SCENE(one_look_serves_so_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
