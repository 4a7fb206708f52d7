#include "workers/docuseal/order.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/settlement.h"
#include "common/str.h"
#include "workers/docuseal/submission.h"

static struct json_object *
result_of(struct job *job, const char *submission, const char *status)
{
    struct json_object *result = json_object_in(job);
    json_set_string(result, "submission", submission);
    json_set_string(result, "status", status);
    return result;
}

struct json_object *
docuseal_order_result(struct job *job, struct json_object *submission)
{
    return result_of(job, json_text_or(submission, "id", ""),
                     json_string_or(submission, "status", "pending"));
}

static bool
is_completed(struct json_object *result)
{
    return strcmp(json_string_or(result, "status", ""), "completed") == 0;
}

// A completed one before all others, then the lowest id.
static int
compare_results(const void *a, const void *b)
{
    struct json_object *left = *(struct json_object *const *)a;
    struct json_object *right = *(struct json_object *const *)b;
    if (is_completed(left) != is_completed(right))
        return is_completed(left) ? -1 : 1;
    long long left_id = 0;
    long long right_id = 0;
    (void)!str_to_i64(json_string_or(left, "submission", ""), &left_id);
    (void)!str_to_i64(json_string_or(right, "submission", ""), &right_id);
    return (left_id > right_id) - (left_id < right_id);
}

static bool
has_submission(struct json_object *results, const char *id)
{
    for (size_t i = 0; i < json_object_array_length(results); i++)
        if (strcmp(
                json_string_or(json_object_array_get_idx(results, i), "submission", ""),
                id)
            == 0)
            return true;
    return false;
}

bool
docuseal_order_find(struct job *job, const char *identity, void *ctx,
                    struct json_object **found)
{
    const struct docuseal_order *order = ctx;
    struct json_object *rows = docuseal_submitters_find(
        job, order->ds, job_printf(job, "%s:client", identity));
    if (rows == NULL)
        return false;
    struct json_object *alive = json_array_in(job);
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        const char *id =
            json_text_or(json_object_array_get_idx(rows, i), "submission_id", "");
        struct json_object *submission = NULL;
        if (id[0] == '\0' || has_submission(alive, id))
            continue;
        if (!docuseal_submission_read(job, order->ds, id, &submission))
            return false;
        if (submission == NULL
            || docuseal_submission_fate(submission) == DOCUSEAL_IS_ARCHIVED)
            continue;
        struct json_object *result = docuseal_order_result(job, submission);
        if (order->made != NULL && strcmp(order->made, id) == 0)
            json_set_bool(result, "answered", true);
        json_add(alive, result);
    }
    json_object_array_sort(alive, compare_results);
    *found = alive;
    return true;
}

static struct json_object *
create(struct job *job, const char *identity, void *ctx)
{
    struct docuseal_order *order = ctx;
    (void)identity;
    struct json_object *body = docuseal_order_body(job, order);
    if (body == NULL)
        return NULL;
    struct json_object *submitters = docuseal_submission_create(job, order->ds, body);
    if (submitters == NULL)
        return NULL;
    struct json_object *first = json_object_array_get_idx(submitters, 0);
    order->made = json_text_or(first, "submission_id", "");
    struct json_object *as_read = json_object_in(job);
    json_set(as_read, "submitters", submitters);
    order->embed_url = docuseal_embed_url(job, order->ds, docuseal_client_of(as_read));
    struct json_object *result = result_of(job, order->made, "pending");
    json_set_bool(result, "answered", true);
    return result;
}

static bool
withdraw(struct job *job, const char *identity, void *ctx, struct json_object *surplus)
{
    const struct docuseal_order *order = ctx;
    const char *id = json_string_or(surplus, "submission", "");
    if (!is_completed(surplus))
        return docuseal_submission_archive(job, order->ds, id);
    settlement_attention(job, "docuseal.signed-twice", identity,
                         "submission %s was completed beside another one", id);
    return true;
}

const struct effect_kind docuseal_submission_effect = {
    .name = "docuseal.submission",
    .find = docuseal_order_find,
    .create = create,
    .withdraw = withdraw,
};
