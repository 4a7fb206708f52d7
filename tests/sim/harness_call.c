// The stages of one call: received, faulted, worked on, answered or cut.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "harness_hook.h"
#include "harness_internal.h"
#include "harness_json.h"
#include "harness_time.h"
#include "harness_wait.h"

enum {
    CALLS_KEPT = 200000,
    WEBHOOK_FIRST_MS = 20000,
};

// What faults and kill points are matched against.
static struct fault_target
target_of(struct call *call)
{
    return (struct fault_target){
        .method = call->method,
        .path = call->path,
        .raw_path = call->own->path,
        .text = call->own->haystack,
    };
}

static struct json_object *
subjects_of(struct call *call)
{
    struct json_object *ids = json_object_new_array();
    call->sim->ops->subjects(call, ids);
    return ids;
}

static void
make_haystack(struct call *call)
{
    struct call_private *own = call->own;
    struct json_object *ids = subjects_of(call);
    free(own->haystack);
    if (asprintf(&own->haystack, "%s %s?%s\n%s\n%s", call->method, call->path,
                 own->query, own->input == NULL ? "" : own->input,
                 json_object_to_json_string_ext(ids, JSON_C_TO_STRING_NOSLASHESCAPE))
        < 0)
        abort();
    json_object_put(ids);
}

// Answers in place of the real work; the connection faults are no answers.
static void
answer_fault(struct call *call)
{
    static const char page[] =
        "<!DOCTYPE html><html><head><title>502 Bad Gateway</title>"
        "</head><body><h1>502 Bad Gateway</h1></body></html>";
    const struct fault_plan *fault = &call->own->fault;
    char text[300];
    switch (fault->kind) {
    case FAULT_HTML:
        call_bytes(call, fault->status, "text/html", page, sizeof page - 1);
        return;
    case FAULT_REDIRECT:
        snprintf(text, sizeof text, "%.200s/sign_in", sim_public_url(call->sim));
        call_add_header(call, "Location", *fault->location ? fault->location : text);
        call_bytes(call, fault->status, "text/html", page, sizeof page - 1);
        return;
    case FAULT_RETRY_AFTER_429:
        snprintf(text, sizeof text, "%lld", (long long)fault->retry_after_s);
        call_add_header(call, "Retry-After", text);
        break;
    default:
        break;
    }
    call->sim->ops->refuse(call, fault->status);
}

static bool
is_answer_fault(enum fault_kind kind)
{
    return kind >= FAULT_STATUS && kind <= FAULT_REDIRECT;
}

// Lets the fault act once its moment, before or after the work, has come.
static void
apply_fault(struct call *call, enum call_stage next)
{
    struct call_private *own = call->own;
    own->stage = next;
    if (own->fault.kind == FAULT_CUT_BEFORE || own->fault.kind == FAULT_CUT_AFTER) {
        own->stage = STAGE_DROP;
    } else if (own->fault.kind == FAULT_SILENCE) {
        own->stage = STAGE_DROP;
        own->wait_ms = own->fault.ms;
        own->watch_client = true;
    } else if (own->fault.kind == FAULT_LATENCY) {
        own->wait_ms = own->fault.ms;
    } else if (is_answer_fault(own->fault.kind)) {
        answer_fault(call);
        own->stage = STAGE_ANSWER;
    }
}

// The status that the client sees, 0 if none.
static int
seen_status(const struct call *call)
{
    enum fault_kind kind = call->own->fault.kind;
    bool none = kind == FAULT_SILENCE || kind == FAULT_CUT_BEFORE
                || kind == FAULT_CUT_AFTER || kind == FAULT_CUT_DURING;
    return none ? 0 : call->own->status;
}

static void
record(struct call *call, bool worked)
{
    struct call_private *own = call->own;
    struct store *store = call->sim->store;
    struct json_object *row = json_object_new_object();
    json_add_int(row, "n", own->number);
    json_add_int(row, "at_ms", own->at_ms);
    json_add_str(row, "method", call->method);
    json_add_str(row, "path", call->path);
    json_add_str(row, "query", own->query);
    json_add(row, "external_ids", subjects_of(call));
    json_add_bool(row, "worked", worked);
    json_add_int(row, "worked_status", worked ? own->status : 0);
    json_add_int(row, "status", seen_status(call));
    json_add_str(row, "fault", *own->fault.name ? own->fault.name : NULL);
    store_put(store, "calls", own->number, row);
    if (own->number > CALLS_KEPT)
        store_remove(store, "calls", own->number - CALLS_KEPT);
}

static void
stage_received(struct call *call)
{
    struct call_private *own = call->own;
    struct sim *sim = call->sim;
    if (own->input_bytes > 0)
        call->body = json_parse(own->input, own->input_bytes);
    own->stage = STAGE_WORK;
    if (own->control)
        return;
    sim_lock(sim);
    own->number = store_next_id(sim->store, "calls", 1);
    own->at_ms = time_now_ms();
    make_haystack(call);
    struct fault_target target = target_of(call);
    fault_take(sim, &target, &own->fault);
    call->mail_lost = own->fault.mail_lost;
    if (own->fault.kind != FAULT_NONE && !own->fault.after) {
        apply_fault(call, STAGE_WORK);
        if (own->stage != STAGE_WORK)
            record(call, false);
    }
    kill_fire(sim, "request_received", &target);
    store_commit(sim->store);
    sim_unlock(sim);
}

// True once every webhook that the call caused was tried, or will not be soon.
static bool
webhooks_tried(struct call *call)
{
    for (int64_t id = call->own->first_hook; id < call->own->end_hook; id++) {
        if (!hooks_tried(call->sim, id))
            return false;
    }
    return true;
}

static void
work_done(struct call *call)
{
    struct call_private *own = call->own;
    struct sim *sim = call->sim;
    int worked_status = own->status;
    enum call_stage next = STAGE_ANSWER;
    own->end_hook = hooks_next_id(sim);
    if (own->fault.kind != FAULT_NONE && own->fault.after)
        apply_fault(call, STAGE_ANSWER);
    next = own->stage == STAGE_WORK ? STAGE_ANSWER : own->stage;
    own->stage = next;
    record(call, true);
    json_add_int(store_get(sim->store, "calls", own->number), "worked_status",
                 worked_status);
    make_haystack(call);
    struct fault_target target = target_of(call);
    store_commit(sim->store);
    kill_fire(sim, "work_done", &target);
    store_commit(sim->store);
    if (own->fault.webhook_first && own->first_hook < own->end_hook)
        call_wait(call, WEBHOOK_FIRST_MS, webhooks_tried);
}

static void
stage_work(struct call *call)
{
    struct sim *sim = call->sim;
    sim_lock(sim);
    if (call->own->first_hook == 0)
        call->own->first_hook = hooks_next_id(sim);
    route_call(call);
    if (!call->answered) {
        // The handler went to sleep, and runs again.
        sim_unlock(sim);
        return;
    }
    if (call->own->control)
        call->own->stage = STAGE_ANSWER;
    else
        work_done(call);
    store_commit(sim->store);
    sim_unlock(sim);
    waiter_notify(sim->waiter);
}

// Sends half of the answer and fails.
static ssize_t
read_half(void *cls, uint64_t position, char *out, size_t room)
{
    struct call *call = cls;
    size_t half = call->own->output_bytes / 2;
    if (position >= half)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t bytes = half - (size_t)position;
    bytes = bytes < room ? bytes : room;
    memcpy(out, call->own->output + position, bytes);
    return (ssize_t)bytes;
}

static struct MHD_Response *
make_response(struct call *call)
{
    struct call_private *own = call->own;
    if (own->fault.kind == FAULT_CUT_DURING)
        return MHD_create_response_from_callback(own->output_bytes, 4096, read_half,
                                                 call, NULL);
    return MHD_create_response_from_buffer(own->output_bytes, own->output,
                                           MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result
stage_answer(struct call *call)
{
    struct call_private *own = call->own;
    struct MHD_Response *response = make_response(call);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", own->type);
    for (int i = 0; i < own->header_count; i++)
        MHD_add_response_header(response, own->headers[i].name, own->headers[i].value);
    enum MHD_Result queued =
        MHD_queue_response(own->connection, (unsigned)own->status, response);
    MHD_destroy_response(response);
    return queued;
}

// A reset, not an orderly end: the client must see a cut, not an empty answer.
static enum MHD_Result
stage_drop(struct call *call)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        call->own->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    // Dissolving the association sends a reset at once; closing would say goodbye
    // first.
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    if (info != NULL)
        (void)connect(info->connect_fd, &nobody, sizeof nobody);
    return MHD_NO;
}

enum MHD_Result
call_step(struct call *call)
{
    struct call_private *own = call->own;
    for (;;) {
        if (own->wait_ms > 0) {
            bool parked = waiter_park(call->sim->waiter, call);
            // From here on the waiter owns the call until it resumes it.
            return parked ? MHD_YES : stage_drop(call);
        }
        if (own->stage == STAGE_RECEIVED)
            stage_received(call);
        else if (own->stage == STAGE_WORK)
            stage_work(call);
        else if (own->stage == STAGE_ANSWER)
            return stage_answer(call);
        else
            return stage_drop(call);
    }
}

void
call_resumed(struct call *call)
{
    call->own->wait_ms = 0;
    call->own->ready = NULL;
    call->waited = true;
}

void
call_sent(struct call *call)
{
    struct sim *sim = call->sim;
    if (call->own->control || call->own->haystack == NULL)
        return;
    sim_lock(sim);
    struct fault_target target = target_of(call);
    kill_fire(sim, "answer_sent", &target);
    store_commit(sim->store);
    sim_unlock(sim);
}
