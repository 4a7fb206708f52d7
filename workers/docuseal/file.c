// Files that DocuSeal links to. Their URLs are keys to the file: journeys and errors
// show them as a link, no more.
#include <string.h>
#include <strings.h>

#include "common/str.h"
#include "workers/docuseal/docuseal.h"
#include "workers/docuseal/submission.h"

// "https://" and the host of a URL, as lengths.
struct origin {
    const char *scheme, *host;
    size_t scheme_length, host_length;
};

static bool
origin_of(const char *url, struct origin *origin)
{
    const char *colon = strstr(url, "://");
    if (colon == NULL)
        return false;
    origin->scheme = url;
    origin->scheme_length = (size_t)(colon - url);
    origin->host = colon + 3;
    origin->host_length = strcspn(origin->host, "/?#");
    return origin->host_length > 0
           && memchr(origin->host, '@', origin->host_length) == NULL;
}

static bool
same_text(const char *a, size_t a_length, const char *b, size_t b_length)
{
    return a_length == b_length && strncasecmp(a, b, a_length) == 0;
}

// The token is for the API's own server. In the cloud the API is api.docuseal.eu and
// files are at docuseal.eu; with files in a bucket the link alone opens them.
static bool
may_have_token(const char *api_url, const char *url)
{
    static const char api_prefix[] = "api.";
    struct origin api;
    struct origin file;
    if (!origin_of(api_url, &api) || !origin_of(url, &file)
        || !same_text(api.scheme, api.scheme_length, file.scheme, file.scheme_length))
        return false;
    if (same_text(api.host, api.host_length, file.host, file.host_length))
        return true;
    size_t skip = sizeof api_prefix - 1;
    return api.host_length > skip && strncasecmp(api.host, api_prefix, skip) == 0
           && same_text(api.host + skip, api.host_length - skip, file.host,
                        file.host_length);
}

static bool
is_pdf(const struct http_response *file)
{
    return file->length > 5 && memcmp(file->body, "%PDF-", 5) == 0;
}

bool
docuseal_file_read(struct job *job, const struct docuseal *ds, const char *url,
                   struct http_response *file)
{
    struct origin origin;
    if (!origin_of(url, &origin))
        return error_permanent(&job->error, "DocuSeal named a file by no usable URL");
    const struct http_header headers[] = {
        {may_have_token(ds->api_url, url) ? "X-Auth-Token" : NULL, ds->api_key},
        {NULL}};
    const struct http_request request = {
        .method = "GET",
        .path = url,
        .headers = headers,
        .timeout_ms = ds->file_timeout_ms,
        .max_bytes = (size_t)ds->file_max_bytes,
    };
    if (!http_call(&ds->service, job, &request, file))
        return false;
    if (is_pdf(file))
        return true;
    http_blame(&ds->service, job, &request, file);
    error_retryable(&job->error, "DocuSeal served a file that is not a PDF");
    job->error.service = ds->service.name;
    job->error.hint = "a proxy's page? open the submission in DocuSeal";
    return false;
}
