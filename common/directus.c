#include "common/directus.h"

#include <stdio.h>
#include <string.h>

#include "common/directus_sql.h"
#include "common/job.h"
#include "common/json.h"
#include "common/str.h"

enum {
    IDLE_MS = 4000,        // Directus closes idle connections after 5 s
    MAX_ANSWER = 16 << 20, // lists of rows
    MILLISECONDS = 1000,
};

// Our names of the collections, in the order of struct directus.collections.
static const char *const collection_names[DIRECTUS_COLLECTIONS] = {
    "owner_companies", "people",          "companies",       "leads",    "quotes",
    "quote_items",     "client_invoices", "invoice_items",   "payments", "cgv_versions",
    "cgv_acceptances", "signature_logs",  "deposit_configs",
};

#define COLLECTION(index, variable, name)                              \
    {                                                                  \
        "DIRECTUS_COLLECTION_" variable, CONFIG_TEXT,                  \
            offsetof(struct directus, collections[index]), name,       \
            "What the collection " name " is called in this Directus." \
    }

const struct config_setting directus_settings[] = {
    {"DIRECTUS_URL", CONFIG_URL, offsetof(struct directus, url), NULL,
     "Base URL of Directus."},
    {"DIRECTUS_TOKEN", CONFIG_SECRET, offsetof(struct directus, token), NULL,
     "Static token of this program's own user in Directus."},
    {"DIRECTUS_IN_FLIGHT", CONFIG_INT, offsetof(struct directus, in_flight), "2",
     "Calls to Directus at once, of one process; all together should stay below 8.", 1,
     64},
    {"DIRECTUS_TIMEOUT_MS", CONFIG_MS, offsetof(struct directus, timeout_ms), "20s",
     "How long one call to Directus may take.", 100, 600 * MILLISECONDS},
    {"DIRECTUS_DATABASE_URL", CONFIG_SECRET, offsetof(struct directus, database_url),
     "",
     "URL of Directus's own Postgres, of a role that only reads: workers then read "
     "rows "
     "there."},
    COLLECTION(0, "OWNER_COMPANIES", "owner_companies"),
    COLLECTION(1, "CONTACTS", "people"),
    COLLECTION(2, "COMPANIES", "companies"),
    COLLECTION(3, "LEADS", "leads"),
    COLLECTION(4, "QUOTES", "quotes"),
    COLLECTION(5, "QUOTE_ITEMS", "quote_items"),
    COLLECTION(6, "INVOICES", "client_invoices"),
    COLLECTION(7, "INVOICE_ITEMS", "invoice_items"),
    COLLECTION(8, "PAYMENTS", "payments"),
    COLLECTION(9, "CGV_VERSIONS", "cgv_versions"),
    COLLECTION(10, "CGV_ACCEPTANCES", "cgv_acceptances"),
    COLLECTION(11, "SIGNATURE_LOGS", "signature_logs"),
    COLLECTION(12, "DEPOSIT_CONFIGS", "deposit_configs"),
    {0},
};

#define REDIRECTED "a proxy answers in Directus's place, or DIRECTUS_URL is not final"

// Directus's dialect (contract tests against 11.11). A 403 is told apart by a second
// query before it gets here, except for a token that is no token.
static const struct error_rule rules[] = {
    {401, NULL, ERROR_FATAL,
     "DIRECTUS_TOKEN is wrong: set the static token of this program's user"},
    {403, "INVALID_TOKEN", ERROR_FATAL,
     "DIRECTUS_TOKEN is malformed: set the static token of this program's user"},
    {403, NULL, ERROR_PERMANENT,
     "missing, or no right to it: compare the user's rights with schemas/directus"},
    {404, NULL, ERROR_FATAL, "no such route: is DIRECTUS_URL the base URL?"},
    {301, NULL, ERROR_RETRYABLE, REDIRECTED},
    {302, NULL, ERROR_RETRYABLE, REDIRECTED},
    {303, NULL, ERROR_RETRYABLE, REDIRECTED},
    {307, NULL, ERROR_RETRYABLE, REDIRECTED},
    {308, NULL, ERROR_RETRYABLE, REDIRECTED},
    {400, "RECORD_NOT_UNIQUE", ERROR_PERMANENT,
     "another row has this value in a unique field: mend the data, then replay"},
    {400, "INVALID_FOREIGN_KEY", ERROR_PERMANENT,
     "it points to a row that is not there: mend the data, then replay"},
    {400, NULL, ERROR_PERMANENT, "the values do not fit the fields of the collection"},
    {503, NULL, ERROR_RATE_LIMITED, "Directus is under pressure"},
    // 500 is a value of the wrong type as well as a database that is away: only time
    // tells, so it is tried again until it is too old.
    {500, NULL, ERROR_RETRYABLE, "database away, or a value of the wrong type"},
    {0},
};

static void
set_headers(struct directus *directus, const char *program)
{
    snprintf(directus->origin_text, sizeof directus->origin_text, "relais://%s",
             program);
    directus->origin = directus->origin_text;
    directus->headers[0] = (struct http_header){"Origin", directus->origin};
    directus->headers[1] = (struct http_header){NULL};
}

bool
directus_open(struct directus *directus, const char *program, struct error *err)
{
    if (!config_load(directus_settings, directus, err))
        return false;
    set_headers(directus, program);
    directus->service = (struct http_service){
        .name = "directus",
        .base_url = directus->url,
        .headers = directus->headers,
        .rules = rules,
        .timeout_ms = directus->timeout_ms,
        .max_idle_ms = IDLE_MS,
        .max_bytes = MAX_ANSWER,
        .max_in_flight = (int)directus->in_flight,
        .call = directus->service.call,
        .fake = directus->service.fake,
    };
    directus->sql = NULL;
    if (directus->database_url != NULL && directus->database_url[0] != '\0') {
        directus->sql = directus_sql_open(&directus->database_url, program, err);
        if (directus->sql == NULL) {
            config_free(directus_settings, directus);
            return false;
        }
    }
    http_service_open(&directus->service);
    return true;
}

bool
directus_reload(struct directus *directus, struct error *err)
{
    return config_reload_secrets(directus_settings, directus, err);
}

void
directus_close(struct directus *directus)
{
    directus_sql_close(directus->sql);
    http_service_close(&directus->service);
    config_free(directus_settings, directus);
}

const char *
directus_collection(const struct directus *directus, const char *name)
{
    for (int i = 0; i < DIRECTUS_COLLECTIONS; i++)
        if (strcmp(collection_names[i], name) == 0 && directus->collections[i] != NULL)
            return directus->collections[i];
    return name;
}

const struct http_header *
directus_headers(const struct directus *directus, struct job *job)
{
    const char *token = __atomic_load_n(&directus->token, __ATOMIC_ACQUIRE);
    struct http_header *headers = job_alloc(job, 2 * sizeof *headers);
    headers[0] = (struct http_header){
        "Authorization", job_printf(job, "Bearer %s", token != NULL ? token : "")};
    return headers;
}

static const char *
items_path(const struct directus *directus, struct job *job, const char *collection,
           const char *id)
{
    const char *name = http_escape(job, directus_collection(directus, collection));
    if (id == NULL)
        return job_printf(job, "/items/%s", name);
    return job_printf(job, "/items/%s/%s", name, http_escape(job, id));
}

// The answer's JSON; NULL with RETRYABLE for a page that is none (a proxy's).
static struct json_object *
parse_answer(const struct directus *directus, struct job *job,
             const struct http_request *request, const struct http_response *response)
{
    struct json_object *answer = json_parse(job, response->body, response->length);
    if (answer != NULL)
        return answer;
    http_blame(&directus->service, job, request, response);
    error_retryable(&job->error, "directus answered %d with something that is not JSON",
                    response->status);
    job->error.service = "directus";
    job->error.http_status = response->status;
    job->error.hint = "a proxy's page? check DIRECTUS_URL";
    return NULL;
}

// Turns an answer that was tolerated so far into the error it is.
static bool
refuse(const struct directus *directus, struct job *job, const char *what,
       const struct http_response *response)
{
    const struct error_answer answer = {
        .service = directus->service.name,
        .what = what,
        .status = response->status,
        .retry_after_ms = response->retry_after_ms,
        .body = response->body,
    };
    return error_http(&job->error, rules, &answer);
}

static bool
no_right(struct job *job, const char *what, const char *collection)
{
    error_fatal(&job->error, "no right to %s %s in directus, or a field is not there",
                what, collection);
    job->error.service = "directus";
    job->error.rule = "403";
    job->error.http_status = 403;
    job->error.hint =
        "give this program's user the rights of schemas/directus, and every field";
    return false;
}

static bool
is_missing(struct job *job, const char *collection, const char *id)
{
    error_permanent(&job->error, "%s %s is not there", collection, id);
    job->error.service = "directus";
    job->error.rule = "403";
    job->error.http_status = 403;
    job->error.hint = "the row was deleted, or the id is wrong";
    return false;
}

// A 403 says neither "missing" nor "forbidden"; a filter query does: it finds nothing,
// or is refused as well.
static bool
explain_403(const struct directus *directus, struct job *job, const char *what,
            const char *collection, const char *id, const struct http_response *refusal)
{
    if (strstr(refusal->body, "INVALID_TOKEN") != NULL)
        return refuse(directus, job, what, refusal);
    const struct http_header query[] = {
        {"filter[id][_eq]", id}, {"fields", "id"}, {"limit", "1"}, {NULL}};
    const struct http_request request = {
        .headers = directus_headers(directus, job),
        .method = "GET",
        .path = http_url(job, items_path(directus, job, collection, NULL), query),
        .not_error = "403",
    };
    struct http_response response;
    const struct http_blamed *refused = job->blamed;
    if (!http_call(&directus->service, job, &request, &response))
        return false;
    job->blamed = refused; // the call that is explained
    if (response.status == 403)
        return no_right(job, what, collection);
    struct json_object *answer = parse_answer(directus, job, &request, &response);
    if (answer == NULL)
        return false;
    struct json_object *rows = json_array_or_null(answer, "data");
    if (rows != NULL && json_object_array_length(rows) > 0)
        return no_right(job, what, collection);
    return is_missing(job, collection, id);
}

// Asks Directus's Postgres; false: it is Directus's turn.
static bool
rows_by_sql(const struct directus *directus, struct job *job, const char *collection,
            const struct http_header query[], struct json_object **rows)
{
    *rows = NULL;
    if (directus->sql == NULL)
        return false;
    job->blamed = NULL;
    if (!job_may_call(job))
        return true;
    enum directus_sql_verdict verdict = directus_sql_ask(
        directus->sql, job, directus_collection(directus, collection), query, rows);
    return verdict != DIRECTUS_SQL_BY_REST;
}

struct json_object *
directus_read(const struct directus *directus, struct job *job, const char *collection,
              const char *id, const char *fields)
{
    const struct http_header same[] = {
        {"filter[id][_eq]", id}, {"fields", fields}, {"limit", "1"}, {NULL}};
    struct json_object *rows;
    if (rows_by_sql(directus, job, collection, same, &rows)) {
        if (rows != NULL && json_object_array_length(rows) > 0)
            return json_object_array_get_idx(rows, 0);
        if (rows != NULL)
            (void)is_missing(job, collection, id);
        return NULL;
    }
    const struct http_header query[] = {{"fields", fields}, {NULL}};
    const struct http_request request = {
        .headers = directus_headers(directus, job),
        .method = "GET",
        .path = http_url(job, items_path(directus, job, collection, id), query),
        .not_error = "403",
    };
    struct http_response response;
    if (!http_call(&directus->service, job, &request, &response))
        return NULL;
    if (response.status == 403) {
        (void)explain_403(directus, job, "read", collection, id, &response);
        return NULL;
    }
    struct json_object *answer = parse_answer(directus, job, &request, &response);
    struct json_object *row = answer != NULL ? json_at(answer, "data") : NULL;
    if (answer != NULL && !json_object_is_type(row, json_type_object))
        error_retryable(&job->error, "directus answered a read without a row");
    return json_object_is_type(row, json_type_object) ? row : NULL;
}

static struct json_object *
list_by_rest(const struct directus *directus, struct job *job, const char *collection,
             const struct http_header query[])
{
    const struct http_request request = {
        .headers = directus_headers(directus, job),
        .method = "GET",
        .path = http_url(job, items_path(directus, job, collection, NULL), query),
        .not_error = "403",
    };
    struct http_response response;
    if (!http_call(&directus->service, job, &request, &response))
        return NULL;
    if (response.status == 403) {
        if (strstr(response.body, "INVALID_TOKEN") != NULL)
            (void)refuse(directus, job, "GET", &response);
        else
            (void)no_right(job, "read", collection);
        return NULL;
    }
    struct json_object *answer = parse_answer(directus, job, &request, &response);
    if (answer == NULL)
        return NULL;
    struct json_object *rows = json_array_or_null(answer, "data");
    if (rows == NULL)
        error_retryable(&job->error, "directus answered a list without rows");
    return rows;
}

struct json_object *
directus_list(const struct directus *directus, struct job *job, const char *collection,
              const struct http_header query[])
{
    struct json_object *rows;
    if (rows_by_sql(directus, job, collection, query, &rows))
        return rows;
    return list_by_rest(directus, job, collection, query);
}

bool
directus_probe(const struct directus *directus, struct job *job, const char *collection)
{
    const struct http_header query[] = {{"limit", "1"}, {"fields", "id"}, {NULL}};
    return list_by_rest(directus, job, collection, query) != NULL;
}

// Whether a 400 says that the primary key is taken, which is how a second attempt finds
// the first.
static bool
key_is_taken(struct job *job, const char *collection,
             const struct http_response *response)
{
    struct json_object *answer = json_parse(job, response->body, response->length);
    if (answer == NULL) {
        error_clear(&job->error);
        return false;
    }
    struct json_object *errors = json_array_or_null(answer, "errors");
    if (errors == NULL || json_object_array_length(errors) == 0)
        return false;
    struct json_object *first = json_object_array_get_idx(errors, 0);
    const char *code = json_string_or(first, "extensions.code", "");
    const char *field = json_string_or(first, "extensions.field", "");
    const char *where = json_string_or(first, "extensions.collection", collection);
    return strcmp(code, "RECORD_NOT_UNIQUE") == 0 && strcmp(field, "id") == 0
           && strcmp(where, collection) == 0;
}

bool
directus_update(const struct directus *directus, struct job *job,
                const char *collection, const char *id, struct json_object *patch)
{
    struct http_request request = {
        .headers = directus_headers(directus, job),
        .method = "PATCH",
        .path =
            job_printf(job, "%s?fields=id", items_path(directus, job, collection, id)),
        .not_error = "403",
    };
    request.body = json_print(patch, &request.body_length);
    struct http_response response;
    if (!http_call(&directus->service, job, &request, &response))
        return false;
    if (response.status == 403)
        return explain_403(directus, job, "update", collection, id, &response);
    return true;
}

// POST makes the file, PATCH replaces its bytes. Fields stand before the file: Directus
// ignores what comes after it.
static bool
send_file(const struct directus *directus, struct job *job, const char *method,
          const struct directus_file *file, struct http_response *response)
{
    const struct http_part parts[] = {
        {.name = "id", .value = file->id},
        {.name = "title", .value = file->title},
        {.name = "file",
         .data = file->data,
         .length = file->length,
         .filename = file->filename,
         .type = file->type},
        {0},
    };
    bool again = strcmp(method, "PATCH") == 0;
    const struct http_request request = {
        .headers = directus_headers(directus, job),
        .method = method,
        .path = again
                    ? job_printf(job, "/files/%s?fields=id", http_escape(job, file->id))
                    : "/files?fields=id",
        .parts = again ? parts + 1 : parts, // an id never changes
        .parts_count = again ? 2 : 3,
        .not_error = "400,403",
    };
    return http_call(&directus->service, job, &request, response);
}

static bool
judge_upload(const struct directus *directus, struct job *job,
             const struct http_response *response)
{
    if (response->status == 403 && strstr(response->body, "INVALID_TOKEN") == NULL)
        return no_right(job, "store", "directus_files");
    if (response->status >= 400)
        return refuse(directus, job, "POST /files", response);
    return true;
}

// The row of a file is made before its bytes are stored: one that a crash of Directus
// left behind has another size, or none.
static bool
mend_file(const struct directus *directus, struct job *job,
          const struct directus_file *file)
{
    struct http_request request = {
        .headers = directus_headers(directus, job),
        .method = "GET",
        .path =
            job_printf(job, "/files/%s?fields=filesize", http_escape(job, file->id)),
    };
    struct json_object *answer = http_json(&directus->service, job, &request, NULL);
    if (answer == NULL)
        return false;
    long long size = -1;
    const char *text = json_text_or(answer, "data.filesize", "");
    if (str_to_i64(text, &size) && size >= 0 && (size_t)size == file->length)
        return true;
    struct http_response response;
    return send_file(directus, job, "PATCH", file, &response)
           && judge_upload(directus, job, &response);
}

bool
directus_upload(const struct directus *directus, struct job *job,
                const struct directus_file *file)
{
    struct http_response response;
    if (!send_file(directus, job, "POST", file, &response))
        return false;
    if (response.status == 400 && key_is_taken(job, "directus_files", &response))
        return mend_file(directus, job, file);
    return judge_upload(directus, job, &response);
}
