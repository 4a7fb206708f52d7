#include "common/admin.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/str.h"

enum {
    CONNECTIONS = 32,
    TIMEOUT_S = 10,
    PAGE_BYTES = 8 * 1024 * 1024, // 4,096 series, histograms among them
    WHY_BYTES = 512,
};

struct admin {
    struct MHD_Daemon *daemon; // NULL without a port
    struct metrics *metrics;
    struct admin_checks checks;
};

struct answer {
    unsigned status;
    const char *type;
    struct str text;
};

static void
answer_check(struct admin *admin, bool (*check)(void *, char *, size_t),
             struct answer *answer)
{
    char why[WHY_BYTES] = "";
    if (check == NULL || check(admin->checks.owner, why, sizeof why)) {
        str_printf(&answer->text, "ok%s%s\n", why[0] != '\0' ? ": " : "", why);
        return;
    }
    answer->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    str_printf(&answer->text, "%s\n", why);
}

static void
answer_path(struct admin *admin, const char *path, struct answer *answer)
{
    if (strcmp(path, "/livez") == 0) {
        answer_check(admin, admin->checks.live, answer);
    } else if (strcmp(path, "/readyz") == 0) {
        answer_check(admin, admin->checks.ready, answer);
    } else if (strcmp(path, "/metrics") == 0) {
        answer->type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        if (admin->checks.refresh != NULL)
            admin->checks.refresh(admin->checks.owner);
        metrics_print(admin->metrics, &answer->text);
    } else {
        answer->status = MHD_HTTP_NOT_FOUND;
        str_puts(&answer->text, "not here: try /livez, /readyz or /metrics\n");
    }
}

static enum MHD_Result
send_answer(struct MHD_Connection *connection, struct answer *answer)
{
    // The response takes the text over.
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->text.length, answer->text.data, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        str_end(&answer->text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result sent = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return sent;
}

static enum MHD_Result // NOLINTNEXTLINE(readability-function-size): the library's form
handle(void *owner, struct MHD_Connection *connection, const char *url,
       const char *method, const char *version, const char *upload,
       size_t *upload_length, void **seen)
{
    (void)version, (void)upload;
    // Called first for the headers, then for each piece of a body, at last without one.
    if (*seen == NULL) {
        *seen = owner;
        return MHD_YES;
    }
    if (*upload_length > 0) {
        *upload_length = 0;
        return MHD_YES;
    }
    struct answer answer = {
        .status = MHD_HTTP_OK,
        .type = "text/plain; charset=utf-8",
    };
    str_begin(&answer.text, PAGE_BYTES);
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) {
        answer_path(owner, url, &answer);
    } else {
        answer.status = MHD_HTTP_METHOD_NOT_ALLOWED;
        str_puts(&answer.text, "only GET and HEAD\n");
    }
    return send_answer(connection, &answer);
}

static int
listen_at(const struct addrinfo *address)
{
    int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0
        && listen(fd, CONNECTIONS) == 0)
        return fd;
    int problem = errno;
    close(fd);
    errno = problem;
    return -1;
}

// A listening socket, or -1.
static int
listen_on(const char *host, int port, struct error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    char service[16];

    snprintf(service, sizeof service, "%d", port);
    int problem = getaddrinfo(host, service, &hints, &found);
    if (problem != 0) {
        error_fatal(err, "ADMIN_HOST %s is no address of this machine: %s", host,
                    gai_strerror(problem));
        return -1;
    }
    int fd = listen_at(found);
    if (fd < 0) {
        const char *cure = errno == EADDRNOTAVAIL
                               ? "ADMIN_HOST to an address of this machine"
                               : "ADMIN_PORT to a free port, or to 0 for none";
        error_fatal(err, "cannot listen on %s port %d (%s): set %s", host, port,
                    strerrordesc_np(errno), cure);
    }
    freeaddrinfo(found);
    return fd;
}

struct admin *
admin_open(const char *host, int port, struct metrics *metrics,
           const struct admin_checks *checks, struct error *err)
{
    struct admin *admin = str_calloc(1, sizeof *admin);
    admin->metrics = metrics;
    admin->checks = *checks;
    if (port == 0)
        return admin;

    int fd = listen_on(host, port, err);
    if (fd < 0) {
        free(admin);
        return NULL;
    }
    admin->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, handle, admin,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)256 * 1024, MHD_OPTION_END);
    if (admin->daemon != NULL)
        return admin;
    close(fd);
    free(admin);
    error_fatal(err, "cannot serve on port %d: no thread or memory", port);
    return NULL;
}

void
admin_close(struct admin *admin)
{
    if (admin == NULL)
        return;
    if (admin->daemon != NULL)
        MHD_stop_daemon(admin->daemon);
    free(admin);
}

void
admin_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@')
        || strlen(path) >= sizeof address.sun_path)
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@') // a name in the abstract space begins with NUL
        address.sun_path[0] = '\0';
    socklen_t length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    sendto(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL,
           (const struct sockaddr *)&address, length);
    close(fd);
}
