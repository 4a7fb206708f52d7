// common/http_transfer.h - one libcurl transfer, on the loop or on a plain thread.
// Private to http*.c.
#ifndef RELAIS_HTTP_TRANSFER_H
#define RELAIS_HTTP_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/http.h"
#include "common/loop.h"

// What curl writes to lives here, in the job's memory: never on a stack.
struct http_transfer {
    struct job *job;
    const struct http_service *service;
    const struct http_request *request;
    const char *url;
    size_t max_bytes;
    int64_t due_ms;  // of clock_ms()
    int64_t last_ms; // of clock_ms(): where it has not left by then, it stays
    char *body;
    size_t length, room;
    bool too_large;
    int64_t retry_after_ms;
    int64_t reset_ms; // of clock_wall_ms(): X-RateLimit-Reset, 0 if none
    CURLcode result;
    bool cut;  // our own deadline came first
    bool sent; // the request was begun: bytes may have left
    bool held; // forbidden at the last moment, nothing left: job->error says why
    long status;
    const char *content_type;
    struct curl_slist *headers;
    curl_mime *mime;
    struct loop_wait wait;
};

// Gives an easy handle what is the same for all transfers. pool is that of its loop,
// NULL on a plain thread. A handle that sent a form must be initialised again before
// its next transfer.
void http_transfer_init(CURL *easy, void *pool);

// Gives an initialised handle what this transfer needs. On false job->error is set.
bool http_transfer_prepare(struct http_transfer *transfer, CURL *easy) ATTR_MUST_CHECK;

// Reads status and content type once the transfer is over; frees what prepare made.
void http_transfer_finish(struct http_transfer *transfer, CURL *easy);

// CURLOPT_OPENSOCKETFUNCTION: what is opened here is closed below. pool may be NULL.
curl_socket_t http_pool_open_socket(void *pool, curlsocktype purpose,
                                    struct curl_sockaddr *address);

// CURLOPT_CLOSESOCKETFUNCTION: a descriptor that is closed is not watched any more.
int http_pool_close_socket(void *pool, curl_socket_t fd);

// Runs a prepared transfer on this thread's loop: suspends the fiber until it is over
// or due. Only called in a fiber.
bool http_pool_run(struct http_transfer *transfer) ATTR_MUST_CHECK;

#endif
