#include "common/http_transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/str.h"

enum {
    SMALL_BUFFER = 4 * 1024,
    LARGE_BUFFER = 64 * 1024,
    LARGE_ANSWER = 1024 * 1024,
    EXPECT_BYTES = 1024, // from here on a libcurl may ask before it sends a body
};

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
    struct http_transfer *transfer = arg;
    size_t length = size * count;
    if (transfer->length + length > transfer->max_bytes) {
        transfer->too_large = true;
        return 0;
    }
    if (transfer->length + length + 1 > transfer->room) {
        size_t room = transfer->room == 0 ? 1024 : transfer->room;
        while (room < transfer->length + length + 1)
            room *= 2;
        transfer->body = str_realloc(transfer->body, room);
        transfer->room = room;
    }
    memcpy(transfer->body + transfer->length, data, length);
    transfer->length += length;
    transfer->body[transfer->length] = '\0';
    return length;
}

// The value of a header line of that name, without its line break; false if it is
// another header.
static bool
is_header(const char *line, size_t length, const char *name, char value[64])
{
    size_t skip = strlen(name);
    if (length < skip || strncasecmp(line, name, skip) != 0)
        return false;
    int rest = (int)(length - skip < 63 ? length - skip : 63);
    snprintf(value, 64, "%.*s", rest, line + skip);
    value[strcspn(value, "\r\n")] = '\0';
    return true;
}

static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
    struct http_transfer *transfer = arg;
    size_t length = size * count;
    char value[64];
    long long reset_s;
    if (is_header(data, length, "retry-after:", value))
        transfer->retry_after_ms = http_retry_after_ms(value, clock_wall_ms());
    if (is_header(data, length, "x-ratelimit-reset:", value)
        && str_to_i64(value + strspn(value, " \t"), &reset_s)
        && reset_s < INT64_MAX / 1000)
        transfer->reset_ms = reset_s * 1000;
    return length;
}

// libcurl asks when it is connected, before the first byte of the request leaves. Who
// was frozen on the way here must not send any more.
static int // NOLINTNEXTLINE(readability-non-const-parameter): libcurl's form
on_request(void *arg, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
    struct http_transfer *transfer = arg;
    (void)peer_ip;
    (void)own_ip;
    (void)peer_port;
    (void)own_port;
    transfer->held = !job_may_call(transfer->job);
    transfer->cut = transfer->cut || clock_ms() >= transfer->last_ms;
    if (transfer->held || transfer->cut)
        return CURL_PREREQFUNC_ABORT;
    transfer->sent = true;
    return CURL_PREREQFUNC_OK;
}

static void
add_line(struct http_transfer *transfer, const char *line)
{
    struct curl_slist *list = curl_slist_append(transfer->headers, line);
    if (list == NULL)
        abort();
    transfer->headers = list;
}

static void
add_header(struct http_transfer *transfer, const char *name, const char *value)
{
    size_t name_length = strlen(name);
    size_t value_length = strlen(value);
    char *line = job_alloc(transfer->job, name_length + value_length + 3);
    char *end = mempcpy(line, name, name_length);
    end = mempcpy(end, ": ", 2);
    memcpy(end, value, value_length + 1);
    add_line(transfer, line);
}

// A line break in a value would begin a header, or a request, of its own.
static bool
headers_sane(struct job *job, const struct http_header *headers)
{
    for (const struct http_header *h = headers; h != NULL && h->name != NULL; h++) {
        for (const char *c = h->value; *c != '\0'; c++) {
            if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7F)
                return error_permanent(&job->error,
                                       "the value of header `%s` holds a control "
                                       "character",
                                       h->name);
        }
    }
    return true;
}

static void
add_headers(struct http_transfer *transfer)
{
    const struct http_request *request = transfer->request;
    if (request->body_length >= EXPECT_BYTES || request->parts_count > 0)
        add_line(transfer, "Expect:"); // without a value: libcurl's own is left out
    for (const struct http_header *h = transfer->service->headers;
         h != NULL && h->name != NULL; h++)
        add_header(transfer, h->name, h->value);
    for (const struct http_header *h = request->headers; h != NULL && h->name != NULL;
         h++)
        add_header(transfer, h->name, h->value);
    if (request->body != NULL)
        add_header(transfer, "Content-Type",
                   request->content_type != NULL ? request->content_type
                                                 : "application/json");
    else if (request->parts_count == 0)
        add_line(transfer, "Content-Type:");
    const struct event *ev = transfer->job->event;
    if (ev != NULL && ev->traceparent != NULL && ev->traceparent[0] != '\0')
        add_header(transfer, "traceparent", ev->traceparent);
}

static bool
add_parts(struct http_transfer *transfer, CURL *easy)
{
    const struct http_request *request = transfer->request;
    transfer->mime = curl_mime_init(easy);
    if (transfer->mime == NULL)
        return error_retryable(&transfer->job->error, "no memory for a form");
    for (size_t i = 0; i < request->parts_count; i++) {
        const struct http_part *part = &request->parts[i];
        curl_mimepart *mime_part = curl_mime_addpart(transfer->mime);
        curl_mime_name(mime_part, part->name);
        if (part->value != NULL) {
            curl_mime_data(mime_part, part->value, CURL_ZERO_TERMINATED);
            continue;
        }
        curl_mime_data(mime_part, part->data, part->length);
        curl_mime_filename(mime_part, part->filename);
        curl_mime_type(mime_part, part->type);
    }
    curl_easy_setopt(easy, CURLOPT_MIMEPOST, transfer->mime);
    return true;
}

static bool
set_body(struct http_transfer *transfer, CURL *easy)
{
    const struct http_request *request = transfer->request;
    bool post = strcmp(request->method, "POST") == 0;
    if (request->parts_count > 0)
        return add_parts(transfer, easy);
    if (request->body == NULL && !post) {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        return true;
    }
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)(request->body != NULL ? request->body_length : 0));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                     request->body != NULL ? request->body : "");
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    return true;
}

static void
set_method(const struct http_request *request, CURL *easy)
{
    bool implied =
        strcmp(request->method, "GET") == 0
        || (strcmp(request->method, "POST") == 0 && request->parts_count == 0);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, implied ? NULL : request->method);
}

static void
set_limits(struct http_transfer *transfer, CURL *easy)
{
    const struct http_service *service = transfer->service;
    // On a loop, the loop's own timer cuts: one of libcurl's would cost as much as a
    // system call.
    if (loop_current() == NULL) {
        int64_t left = transfer->due_ms - clock_ms();
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(left > 1 ? left : 1));
    }
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)service->connect_ms);
    curl_easy_setopt(
        easy, CURLOPT_BUFFERSIZE,
        (long)(transfer->max_bytes > LARGE_ANSWER ? LARGE_BUFFER : SMALL_BUFFER));
    if (service->max_idle_ms > 0)
        curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN,
                         (long)((service->max_idle_ms + 999) / 1000));
    // On a connection that was kept alive libcurl sends a request again by itself when
    // the other side closed without a word: harmless for what may be repeated, a
    // duplicate for what may not. A connection of its own has no such retry.
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, transfer->request->once ? 1L : 0L);
}

// libcurl would look for them at every call.
static bool
has_proxy(void)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY",
                                        "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (getenv(names[i]) != NULL)
            return true;
    }
    return false;
}

void
http_transfer_init(CURL *easy, void *pool)
{
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
    if (!has_proxy()) {
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*"); // it would look for that one, too
    }
    // A look-up that is cut ends by itself, in its own thread: the loop does not wait.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, http_pool_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, pool);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, http_pool_close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, pool);
}

bool
http_transfer_prepare(struct http_transfer *transfer, CURL *easy)
{
    if (!headers_sane(transfer->job, transfer->service->headers)
        || !headers_sane(transfer->job, transfer->request->headers))
        return false;
    add_headers(transfer);
    curl_easy_setopt(easy, CURLOPT_URL, transfer->url);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
    if (!set_body(transfer, easy))
        return false;
    set_method(transfer->request, easy);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    set_limits(transfer, easy);
    return true;
}

// Some say only by which instant (in seconds) there will be room again.
static void
wait_for_reset(struct http_transfer *transfer)
{
    enum { LONGEST_MS = 24 * 60 * 60 * 1000 };
    int64_t wait_ms = transfer->reset_ms - clock_wall_ms();
    if (transfer->status == 429 && transfer->retry_after_ms == 0 && wait_ms > 0)
        transfer->retry_after_ms = wait_ms < LONGEST_MS ? wait_ms : LONGEST_MS;
}

void
http_transfer_finish(struct http_transfer *transfer, CURL *easy)
{
    char *type = NULL;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &transfer->status);
    wait_for_reset(transfer);
    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
    transfer->content_type = job_strdup(transfer->job, type != NULL ? type : "");
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
    curl_mime_free(transfer->mime);
    transfer->mime = NULL;
}
