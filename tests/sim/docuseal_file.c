#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docuseal.h"
#include "harness_json.h"
#include "harness_pdf.h"
#include "harness_time.h"

enum { LINES_MAX = 48, MAC_CHARS = 40 };

// A picture of one transparent dot stands for the drawn signature.
static const unsigned char signature_png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
    0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00,
    0x00, 0x1f, 0x15, 0xc4, 0x89, 0x00, 0x00, 0x00, 0x0b, 0x49, 0x44, 0x41, 0x54, 0x78,
    0x9c, 0x63, 0x60, 0x00, 0x02, 0x00, 0x00, 0x05, 0x00, 0x01, 0x7a, 0x5e, 0xab, 0x3f,
    0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

static const char file_key[] = "simulated secret key base";

static void
url_encode(const char *text, char *out, size_t room)
{
    size_t at = 0;
    for (; *text != '\0' && at + 4 < room; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-_.~", c) != NULL)
            out[at++] = (char)c;
        else
            at += (size_t)snprintf(out + at, room - at, "%%%02X", c);
    }
    out[at] = '\0';
}

// The token is hex, so that it needs no escaping: "<id> <expiry>" and its MAC.
static void
sign_token(const char *plain, char mac[MAC_CHARS + 1])
{
    char hex[65];
    crypto_hex_hmac(file_key, plain, strlen(plain), hex);
    snprintf(mac, MAC_CHARS + 1, "%.40s", hex);
}

void
file_url(struct sim *sim, const char *id, const char *name, char out[URL_BYTES])
{
    char plain[128];
    char token[257];
    char mac[MAC_CHARS + 1];
    char encoded[600];
    int64_t expires_ms = time_now_ms() + sim_setting_int(sim, "link_ttl_ms");
    int bytes = snprintf(plain, sizeof plain, "%.80s %" PRId64, id, expires_ms);
    for (int i = 0; i < bytes; i++)
        snprintf(token + 2 * (size_t)i, 3, "%02x", (unsigned char)plain[i]);
    sign_token(plain, mac);
    url_encode(name, encoded, sizeof encoded);
    snprintf(out, URL_BYTES, "%.300s/file/%s--%s/%s", sim_public_url(sim), token, mac,
             encoded);
}

static struct json_object *
list_documents(struct sim *sim, struct json_object *submission, const char *kind,
               int64_t owner)
{
    struct json_object *template =
        template_get(sim, json_int(submission, "template_id", 0));
    struct json_object *names = template_documents(template);
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(names); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(names, i));
        char id[64];
        char file[300];
        char url[URL_BYTES];
        snprintf(id, sizeof id, "%s-%lld-%zu", kind, (long long)owner, i);
        snprintf(file, sizeof file, "%s.pdf", name);
        file_url(sim, id, file, url);
        struct json_object *document = json_object_new_object();
        json_add_str(document, "name", name);
        json_add_str(document, "url", url);
        json_object_array_add(list, document);
    }
    json_object_put(names);
    return list;
}

struct json_object *
file_list(struct sim *sim, struct json_object *submitter)
{
    if (json_int(submitter, "completed_at", 0) == 0)
        return json_object_new_array();
    return list_documents(sim, submission_of(sim, submitter), "doc",
                          json_int(submitter, "id", 0));
}

struct json_object *
file_preview(struct sim *sim, struct json_object *submission)
{
    return list_documents(sim, submission, "preview", json_int(submission, "id", 0));
}

struct page {
    char *lines[LINES_MAX];
    size_t count;
};

__attribute__((format(printf, 2, 3))) static void
page_add(struct page *page, const char *fmt, ...)
{
    if (page->count == LINES_MAX)
        return;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&page->lines[page->count], fmt, args) < 0)
        abort();
    va_end(args);
    page->count++;
}

static void
page_add_signer(struct page *page, struct json_object *submitter)
{
    const char *external_id = json_str(submitter, "external_id");
    char at[TIME_TEXT_BYTES] = "not signed";
    if (json_int(submitter, "completed_at", 0) > 0)
        time_format(json_int(submitter, "completed_at", 0), at);
    page_add(page, "Submitter %lld: %s", (long long)json_int(submitter, "id", 0), at);
    page_add(page, "  external id %s", external_id == NULL ? "-" : external_id);
    struct json_object *values = json_at(submitter, "values");
    for (size_t i = 0; i < json_object_array_length(values); i++) {
        struct json_object *pair = json_object_array_get_idx(values, i);
        struct json_object *value = json_at(pair, "value");
        bool drawn = json_object_is_type(value, json_type_object);
        page_add(page, "  %s: %s", json_str(pair, "field"),
                 drawn ? "(signature)" : json_object_get_string(value));
    }
}

// What stands on a paper depends only on what was signed before until_ms, so that the
// same document has the same bytes whenever it is fetched.
static void
page_fill(struct page *page, struct sim *sim, struct json_object *submission,
          int64_t until_ms)
{
    struct json_object *submitter = NULL;
    for (size_t i = 0; (submitter = submission_signer(sim, submission, i)) != NULL;
         i++) {
        int64_t at_ms = json_int(submitter, "completed_at", 0);
        if (at_ms > 0 && at_ms <= until_ms)
            page_add_signer(page, submitter);
    }
}

static void
answer_page(struct call *call, struct page *page)
{
    size_t bytes = 0;
    char *pdf = pdf_make((const char *const *)page->lines, page->count, &bytes);
    call_bytes(call, 200, "application/pdf", pdf, bytes);
    free(pdf);
    while (page->count > 0)
        free(page->lines[--page->count]);
}

static void
answer_audit(struct call *call, struct json_object *submission, struct page *page)
{
    struct json_object *events = json_at(submission, "events");
    int64_t end_ms = submission_completed_at(call->sim, submission);
    page_add(page, "Audit log of submission %lld",
             (long long)json_int(submission, "id", 0));
    page_fill(page, call->sim, submission, end_ms);
    for (size_t i = 0; i < json_object_array_length(events); i++) {
        struct json_object *event = json_object_array_get_idx(events, i);
        char at[TIME_TEXT_BYTES];
        if (json_int(event, "at", 0) > end_ms)
            continue;
        time_format(json_int(event, "at", 0), at);
        page_add(page, "%s %s submitter %lld", at, json_str(event, "event_type"),
                 (long long)json_int(event, "submitter_id", 0));
    }
    answer_page(call, page);
}

static void
answer_signed(struct call *call, struct json_object *submission, struct page *page,
              const char *what, int64_t until_ms)
{
    page_add(page, "%s of submission %lld", what,
             (long long)json_int(submission, "id", 0));
    page_fill(page, call->sim, submission, until_ms);
    answer_page(call, page);
}

static void
answer_file(struct call *call, const char *kind, int64_t number, int64_t part)
{
    struct sim *sim = call->sim;
    bool by_submitter = strcmp(kind, "doc") == 0 || strcmp(kind, "sig") == 0;
    struct json_object *submitter = by_submitter ? submitter_row(sim, number) : NULL;
    struct json_object *submission =
        by_submitter ? submission_of(sim, submitter) : submission_row(sim, number);
    struct page page = {.count = 0};
    char title[64];
    if (submission == NULL) {
        docuseal_not_found(call);
        return;
    }
    int64_t end_ms = submission_completed_at(sim, submission);
    if (strcmp(kind, "sig") == 0) {
        call_bytes(call, 200, "image/png", signature_png, sizeof signature_png);
    } else if (strcmp(kind, "audit") == 0) {
        answer_audit(call, submission, &page);
    } else if (by_submitter) {
        snprintf(title, sizeof title, "Signed document %lld", (long long)part + 1);
        answer_signed(call, submission, &page, title,
                      json_int(submitter, "completed_at", 0));
    } else {
        bool preview = strcmp(kind, "preview") == 0;
        snprintf(title, sizeof title, "%.20s document %lld",
                 preview ? "Unsigned preview" : kind, (long long)part + 1);
        answer_signed(call, submission, &page, title, preview ? 0 : end_ms);
    }
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Opens "<hex>--<mac>/<name>" into "<id>" and its expiry.
static bool
open_token(const char *word, char id[128], int64_t *expires_ms)
{
    const char *dashes = strstr(word, "--");
    size_t digits = dashes == NULL ? 1 : (size_t)(dashes - word);
    if (digits % 2 != 0 || digits > 240)
        return false;
    for (size_t i = 0; i < digits; i += 2) {
        int high = hex_digit(word[i]);
        int low = hex_digit(word[i + 1]);
        if (high < 0 || low < 0)
            return false;
        id[i / 2] = (char)(high * 16 + low);
    }
    id[digits / 2] = '\0';
    char mac[MAC_CHARS + 1];
    sign_token(id, mac);
    size_t given = strcspn(dashes + 2, "/");
    if (given != MAC_CHARS || memcmp(dashes + 2, mac, MAC_CHARS) != 0)
        return false;
    char *space = strchr(id, ' ');
    if (space == NULL || !json_number(space + 1, expires_ms))
        return false;
    *space = '\0';
    return true;
}

void
file_show(struct call *call)
{
    char id[128];
    int64_t expires_ms = 0;
    if (!open_token(call->word, id, &expires_ms)) {
        docuseal_not_found(call);
        return;
    }
    // A token of the API opens a link for ever; without one it opens until it expires.
    bool trusted = account_of(call) == ACCOUNT_MAIN;
    if (!trusted && expires_ms <= time_now_ms()) {
        docuseal_not_found(call);
        return;
    }
    char *numbers = strchr(id, '-');
    int64_t part = 0;
    int64_t number = 0;
    if (numbers != NULL) {
        *numbers++ = '\0';
        char *second = strchr(numbers, '-');
        if (second != NULL) {
            *second++ = '\0';
            json_number(second, &part);
        }
        json_number(numbers, &number);
    }
    answer_file(call, id, number, part);
}

static struct json_object *
list_merged(struct sim *sim, struct json_object *submission, const char *kind)
{
    char file[64];
    char url[URL_BYTES];
    snprintf(file, sizeof file, "%s-%lld", kind,
             (long long)json_int(submission, "id", 0));
    file_url(sim, file, "Documents.pdf", url);
    struct json_object *merged = json_object_new_object();
    json_add_str(merged, "name", "Documents");
    json_add_str(merged, "url", url);
    struct json_object *list = json_object_new_array();
    json_object_array_add(list, merged);
    return list;
}

void
submission_documents(struct call *call)
{
    struct json_object *submission = docuseal_submission(call);
    if (submission == NULL)
        return;
    struct sim *sim = call->sim;
    const char *merge = call_query(call, "merge");
    bool done = submission_completed_at(sim, submission) > 0;
    struct json_object *documents = NULL;
    if (merge != NULL && strcmp(merge, "true") == 0)
        documents = list_merged(sim, submission, done ? "merged" : "preview");
    else if (done)
        documents = file_list(sim, submission_last_signer(sim, submission));
    else
        documents = file_preview(sim, submission);
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "id", json_int(submission, "id", 0));
    json_add(reply, "documents", documents);
    call_answer(call, 200, reply);
}
