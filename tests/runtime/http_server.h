// tests/runtime/http_server.h - a server for tests of the HTTP client: one thread, any
// number of connections, kept alive. What it does follows from the path:
//
//   /json               200 {"ok":true}
//   /status/<n>         that status, {"message":"<n>"}
//   /retry/<n>/<value>  that status with Retry-After: <value> ('_' stands for a blank)
//   /reset/<n>/<value>  that status with X-RateLimit-Reset: <value>
//   /redirect           302 to /json
//   /html               200 with a page
//   /empty              200 without a body
//   /large/<n>          200 with n bytes
//   /silence            never an answer
//   /cut                closed once the request was read
//   /half               closed in the middle of the answer
//   /second-cut         200, but closed once the request was read where it is not the
//                       first one of its connection
//   /hold               answered by http_server_release()
#ifndef RELAIS_HTTP_SERVER_H
#define RELAIS_HTTP_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct http_connection;

struct http_server {
    char url[64];
    pthread_t thread;
    int listen_fd, epoll_fd, wake_fd;
    struct http_connection *connections;

    pthread_mutex_t lock; // of the rest
    pthread_cond_t changed;
    int requests, accepted;
    int held, most_held; // requests to /hold without an answer
    int to_release;
    bool stop;
    char last[16 * 1024]; // the last request as it came
};

void http_server_start(struct http_server *server);
void http_server_stop(struct http_server *server);

// Requests that were read; connections that were made.
int http_server_requests(struct http_server *server);
int http_server_accepted(struct http_server *server);

// The last request, from its first line to the end of its body; the caller frees it.
char *http_server_last(struct http_server *server);

// Waits until that many requests are held.
void http_server_await_held(struct http_server *server, int count);

// Waits until that many requests were read.
void http_server_await_requests(struct http_server *server, int count);

// Answers that many requests that are held, or will be; returns the most that were held
// at once so far.
int http_server_release(struct http_server *server, int count);

#endif
