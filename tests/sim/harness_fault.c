#include "harness_fault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness_internal.h"
#include "harness_json.h"

struct kind_name {
    const char *name;
    enum fault_kind kind;
    int status; // what it answers unless told
};

static const struct kind_name kinds[] = {
    {"latency", FAULT_LATENCY, 0},
    {"status", FAULT_STATUS, 503},
    {"429", FAULT_429, 429},
    {"retry_after_429", FAULT_RETRY_AFTER_429, 429},
    {"500", FAULT_500, 500},
    {"html", FAULT_HTML, 200},
    {"redirect", FAULT_REDIRECT, 302},
    {"silence", FAULT_SILENCE, 0},
    {"cut_before", FAULT_CUT_BEFORE, 0},
    {"cut_after", FAULT_CUT_AFTER, 0},
    {"cut_during", FAULT_CUT_DURING, 0},
    {"mail_lost", FAULT_MAIL_LOST, 0},
    {"webhook_before_answer", FAULT_WEBHOOK_BEFORE_ANSWER, 0},
    {"webhook_lost", FAULT_WEBHOOK_LOST, 0},
    {"webhook_double", FAULT_WEBHOOK_DOUBLE, 0},
    {"webhook_triple", FAULT_WEBHOOK_TRIPLE, 0},
    {"webhook_reorder", FAULT_WEBHOOK_REORDER, 0},
    {"webhook_delay", FAULT_WEBHOOK_DELAY, 0},
    {0},
};

static const char *const kill_points[] = {
    "request_received", "work_done",    "answer_sent",
    "webhook_start",    "webhook_done", NULL,
};

enum {
    SILENCE_MS = 600000,
    REORDER_HOLD_MS = 1000,
};

static const struct kind_name *
find_kind(const char *name)
{
    for (const struct kind_name *kind = kinds; kind->name != NULL; kind++) {
        if (strcmp(kind->name, name) == 0)
            return kind;
    }
    return NULL;
}

static void
copy_member(struct json_object *to, struct json_object *from, const char *key)
{
    if (json_has(from, key))
        json_share(to, key, json_at(from, key));
}

struct json_object *
fault_parse(struct json_object *wish, char *problem, int problem_bytes)
{
    static const char *const copied[] = {
        "method",      "path_prefix", "match",    "event", "ms", "status",
        "retry_after", "probability", "location", "when",  NULL};
    const char *name = json_str(wish, "kind");
    const struct kind_name *kind = name == NULL ? NULL : find_kind(name);
    if (kind == NULL) {
        snprintf(
            problem, (size_t)problem_bytes,
            "kind: unknown fault, use one of latency, status, 429, retry_after_429, "
            "500,"
            " html, redirect, silence, cut_before, cut_after, cut_during, mail_lost,"
            " webhook_before_answer, webhook_lost, webhook_double, webhook_triple,"
            " webhook_reorder, webhook_delay");
        return NULL;
    }
    struct json_object *row = json_object_new_object();
    json_add_str(row, "kind", name);
    for (const char *const *key = copied; *key != NULL; key++)
        copy_member(row, wish, *key);
    json_add_int(row, "left", json_int(wish, "count", 1));
    json_add_int(row, "hits", 0);
    return row;
}

static bool
text_contains(struct json_object *row, const char *text)
{
    const char *match = json_str(row, "match");
    return match == NULL || strstr(text, match) != NULL;
}

static bool
chance(struct sim *sim, struct json_object *row)
{
    struct json_object *probability = json_at(row, "probability");
    if (probability == NULL)
        return true;
    return sim_random(sim, 1000000) < json_object_get_double(probability) * 1000000;
}

// Counts one use of the row.
static void
spend(struct sim *sim, const char *collection, struct json_object *row)
{
    int64_t left = json_int(row, "left", 1);
    if (left > 0)
        json_add_int(row, "left", left - 1);
    json_add_int(row, "hits", json_int(row, "hits", 0) + 1);
    store_touch(sim->store, collection, json_int(row, "id", 0));
}

static bool
matches_call(struct json_object *row, const struct fault_target *target)
{
    const char *method = json_str(row, "method");
    const char *prefix = json_str(row, "path_prefix");
    if (json_int(row, "left", 1) == 0)
        return false;
    if (method != NULL && strcasecmp(method, target->method) != 0)
        return false;
    if (prefix != NULL && strncmp(target->path, prefix, strlen(prefix)) != 0
        && strncmp(target->raw_path, prefix, strlen(prefix)) != 0)
        return false;
    return text_contains(row, target->text);
}

// Latency and silence come before the work unless told; the cuts say it in their names.
static bool
is_after(struct json_object *row, enum fault_kind kind)
{
    if (kind == FAULT_CUT_AFTER || kind == FAULT_CUT_DURING)
        return true;
    const char *when = json_str(row, "when");
    return kind != FAULT_CUT_BEFORE && when != NULL && strcmp(when, "after") == 0;
}

static void
plan_set(struct fault_plan *plan, struct json_object *row, const struct kind_name *kind)
{
    const char *location = json_str(row, "location");
    plan->kind = kind->kind;
    plan->after = is_after(row, kind->kind);
    plan->id = json_int(row, "id", 0);
    plan->ms = json_int(row, "ms", kind->kind == FAULT_SILENCE ? SILENCE_MS : 100);
    plan->status = (int)json_int(row, "status", kind->status);
    plan->retry_after_s = json_int(row, "retry_after", 1);
    snprintf(plan->name, sizeof plan->name, "%s", kind->name);
    snprintf(plan->location, sizeof plan->location, "%s", location ? location : "");
}

void
fault_take(struct sim *sim, const struct fault_target *target, struct fault_plan *plan)
{
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim->store, "faults", &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        const struct kind_name *kind = find_kind(json_str(row, "kind"));
        bool side =
            kind->kind == FAULT_WEBHOOK_BEFORE_ANSWER || kind->kind == FAULT_MAIL_LOST;
        if (kind->kind > FAULT_WEBHOOK_BEFORE_ANSWER)
            continue;
        // Of the faults proper the first that matches is the one.
        if (!side && plan->kind != FAULT_NONE)
            continue;
        if (!matches_call(row, target) || !chance(sim, row))
            continue;
        spend(sim, "faults", row);
        if (kind->kind == FAULT_WEBHOOK_BEFORE_ANSWER)
            plan->webhook_first = true;
        else if (kind->kind == FAULT_MAIL_LOST)
            plan->mail_lost = true;
        else
            plan_set(plan, row, kind);
    }
}

static void
hook_plan_add(struct fault_hook_plan *plan, struct json_object *row,
              enum fault_kind kind)
{
    switch (kind) {
    case FAULT_WEBHOOK_LOST:
        plan->lost = true;
        break;
    case FAULT_WEBHOOK_DOUBLE:
        plan->copies = 2;
        break;
    case FAULT_WEBHOOK_TRIPLE:
        plan->copies = 3;
        break;
    case FAULT_WEBHOOK_REORDER:
        plan->reorder = true;
        plan->hold_ms = json_int(row, "ms", REORDER_HOLD_MS);
        break;
    default:
        plan->delay_ms = json_int(row, "ms", REORDER_HOLD_MS);
        break;
    }
}

void
fault_take_hook(struct sim *sim, const char *event_type, const char *text,
                struct fault_hook_plan *plan)
{
    *plan = (struct fault_hook_plan){.copies = 1};
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim->store, "faults", &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        enum fault_kind kind = find_kind(json_str(row, "kind"))->kind;
        const char *event = json_str(row, "event");
        if (kind <= FAULT_WEBHOOK_BEFORE_ANSWER || json_int(row, "left", 1) == 0)
            continue;
        if (event != NULL && strcmp(event, event_type) != 0)
            continue;
        if (!text_contains(row, text) || !chance(sim, row))
            continue;
        spend(sim, "faults", row);
        hook_plan_add(plan, row, kind);
    }
}

struct json_object *
kill_parse(struct json_object *wish, char *problem, int problem_bytes)
{
    const char *point = json_str(wish, "point");
    const char *const *known = kill_points;
    while (*known != NULL && (point == NULL || strcmp(*known, point) != 0))
        known++;
    if (*known == NULL) {
        snprintf(problem, (size_t)problem_bytes,
                 "point: unknown, use request_received, work_done, answer_sent, "
                 "webhook_start"
                 " or webhook_done");
        return NULL;
    }
    if (json_str(wish, "pid_file") == NULL && json_int(wish, "pid", 0) <= 1) {
        snprintf(problem, (size_t)problem_bytes,
                 "pid_file: missing, name the file that holds the process id");
        return NULL;
    }
    struct json_object *row = json_object_new_object();
    json_add_str(row, "point", point);
    copy_member(row, wish, "match");
    copy_member(row, wish, "pid_file");
    copy_member(row, wish, "pid");
    copy_member(row, wish, "method");
    copy_member(row, wish, "path_prefix");
    copy_member(row, wish, "probability");
    json_add_int(row, "signal", json_int(wish, "signal", SIGKILL));
    json_add_int(row, "left", json_int(wish, "count", 1));
    json_add_int(row, "hits", 0);
    json_add_int(row, "failed", 0);
    return row;
}

static pid_t
read_pid(struct json_object *row)
{
    const char *path = json_str(row, "pid_file");
    if (path == NULL)
        return (pid_t)json_int(row, "pid", 0);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    char text[32] = "";
    if (fgets(text, sizeof text, file) == NULL)
        text[0] = '\0';
    fclose(file);
    text[strcspn(text, " \r\n")] = '\0';
    int64_t pid = 0;
    json_number(text, &pid);
    return (pid_t)pid;
}

void
kill_fire(struct sim *sim, const char *point, const struct fault_target *target)
{
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim->store, "kills", &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        if (strcmp(json_str(row, "point"), point) != 0)
            continue;
        if (!matches_call(row, target) || !chance(sim, row))
            continue;
        pid_t pid = read_pid(row);
        // A process that is not there (it may be starting again) does not use up the
        // wish.
        if (pid <= 1 || kill(pid, (int)json_int(row, "signal", SIGKILL)) != 0) {
            json_add_int(row, "failed", json_int(row, "failed", 0) + 1);
            store_touch(sim->store, "kills", json_int(row, "id", 0));
            continue;
        }
        spend(sim, "kills", row);
    }
}
