// libmicrohttpd in front of harness_call.c: one epoll thread, loopback only.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "harness_internal.h"

enum { CONNECTIONS_MAX = 20000 };

// libmicrohttpd wants that many parameters.
static enum MHD_Result // NOLINTNEXTLINE(readability-function-size)
on_request(void *cls, struct MHD_Connection *connection, const char *url,
           const char *method, const char *version, const char *upload,
           size_t *upload_bytes, void **state)
{
    (void)version;
    struct call *call = *state;
    if (call == NULL) {
        *state = call_new(cls, connection, method, url);
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        bool ok = call_append(call, upload, *upload_bytes);
        *upload_bytes = 0;
        return ok ? MHD_YES : MHD_NO;
    }
    if (call->own->wait_ms > 0)
        call_resumed(call);
    return call_step(call);
}

static void
on_completed(void *cls, struct MHD_Connection *connection, void **state,
             enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    struct call *call = *state;
    *state = NULL;
    if (call == NULL)
        return;
    if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        call_sent(call);
    call_free(call);
}

bool
http_start(struct sim *sim, uint16_t port, uint16_t *bound)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    sim->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, port, NULL, NULL,
        on_request, sim, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024U,
        MHD_OPTION_END);
    if (sim->daemon == NULL)
        return false;
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(sim->daemon, MHD_DAEMON_INFO_BIND_PORT);
    *bound = info->port;
    return true;
}

void
http_stop(struct sim *sim)
{
    MHD_stop_daemon(sim->daemon);
}
