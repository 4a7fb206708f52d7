// What a call that failed sent and got, kept for people.
#include <string.h>

#include "common/http.h"
#include "common/redact.h"
#include "common/str.h"

enum {
    SHOWN_BYTES = 8 * 1024, // of a request, and of a response
    SECRETS_MAX = 8,
    SECRET_MIN = 6, // what is shorter would be found in any text
    TYPE_BYTES = 80,
};

struct secrets {
    const char *values[SECRETS_MAX + 1]; // the last one is NULL
    size_t count;
};

static void
add_secret(struct secrets *secrets, const char *value)
{
    if (secrets->count < SECRETS_MAX && strlen(value) >= SECRET_MIN)
        secrets->values[secrets->count++] = value;
}

// An answer may repeat what it was asked with: "Bearer <token>", or the token alone.
static void
add_headers(struct secrets *secrets, const struct http_header *headers)
{
    for (const struct http_header *h = headers; h != NULL && h->name != NULL; h++) {
        if (!redact_is_secret(h->name, strlen(h->name)))
            continue;
        const char *blank = strrchr(h->value, ' ');
        add_secret(secrets, h->value);
        if (blank != NULL)
            add_secret(secrets, blank + 1);
    }
}

// What the other side calls its content may be anything.
static void
put_type(struct str *out, const char *before, const char *type)
{
    char clean[TYPE_BYTES];
    if (type == NULL || type[0] == '\0')
        return;
    str_copy(clean, sizeof clean, type);
    str_clean(clean);
    str_printf(out, "%s%s", before, clean);
}

// What is no text is described.
static void
put_content(struct str *out, const char *type, const void *data, size_t length,
            const struct secrets *secrets)
{
    if (length == 0)
        return;
    if (str_is_text(data, length)) {
        redact_text(out, data, length, secrets->values);
        return;
    }
    str_printf(out, "(%zu bytes that are not text", length);
    put_type(out, ", ", type);
    str_puts(out, ")");
}

static void
put_parts(struct str *out, const struct http_request *request,
          const struct secrets *secrets)
{
    for (size_t i = 0; i < request->parts_count; i++) {
        const struct http_part *part = &request->parts[i];
        str_printf(out, "%s=", part->name);
        if (part->value == NULL)
            str_printf(out, "(a file of %zu bytes, %s)", part->length, part->type);
        else if (redact_is_secret(part->name, strlen(part->name)))
            str_puts(out, "***");
        else
            put_content(out, NULL, part->value, strlen(part->value), secrets);
        str_puts(out, "\n");
    }
}

static void
put_request(struct str *out, const struct http_service *service,
            const struct http_request *request, const struct secrets *secrets)
{
    str_printf(out, "%s ", request->method);
    if (strstr(request->path, "://") != NULL) {
        str_puts(out, "(a link)");
    } else {
        str_puts(out, service->base_url);
        redact_text(out, request->path, strlen(request->path), secrets->values);
    }
    str_puts(out, "\n\n");
    put_parts(out, request, secrets);
    put_content(out, request->content_type, request->body, request->body_length,
                secrets);
}

static void
put_response(struct str *out, const struct http_response *response,
             const struct secrets *secrets)
{
    const char *type = response->content_type;
    if (response->status == 0) {
        str_puts(out, "no answer");
        return;
    }
    str_printf(out, "%d ", response->status);
    put_type(out, "", type);
    str_puts(out, "\n\n");
    put_content(out, type, response->body, response->length, secrets);
}

// Ends `out`; whole is the length of what it came from.
static const char *
text_of(struct job *job, struct str *out, size_t whole)
{
    const char *text =
        out->failed ? job_printf(job, "%s\n(cut: %zu bytes in all)", out->data, whole)
                    : job_strdup(job, out->data);
    str_end(out);
    return text;
}

void
http_blame(const struct http_service *service, struct job *job,
           const struct http_request *request, const struct http_response *response)
{
    struct http_blamed *blamed = job_alloc(job, sizeof *blamed);
    struct secrets secrets = {0};
    struct str out;
    add_headers(&secrets, service->headers);
    add_headers(&secrets, request->headers);
    blamed->service = service->name;
    str_begin(&out, SHOWN_BYTES);
    put_request(&out, service, request, &secrets);
    blamed->request = text_of(job, &out, request->body_length);
    str_begin(&out, SHOWN_BYTES);
    put_response(&out, response, &secrets);
    blamed->response = text_of(job, &out, response->length);
    job->blamed = blamed;
}
