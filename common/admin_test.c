#include "common/admin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/harness/test.h"

enum { ANSWER_BYTES = 2048 };

struct owner {
    struct metrics *metrics;
    bool healthy;
};

static bool
live(void *arg, char *why, size_t size)
{
    const struct owner *owner = arg;
    if (!owner->healthy)
        snprintf(why, size, "loop 1 stands still");
    return owner->healthy;
}

static bool
ready(void *arg, char *why, size_t size)
{
    const struct owner *owner = arg;
    snprintf(why, size, owner->healthy ? "standby" : "no ledger");
    return owner->healthy;
}

static void
refresh(void *arg)
{
    const struct owner *owner = arg;
    metric_set(metrics_series(owner->metrics, METRIC_GAUGE, "fresh", "", NULL), 1);
}

// A socket that is bound to a free port and does not listen.
static int
bound_socket(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static struct admin *
open_somewhere(struct owner *owner, int *port)
{
    struct admin_checks checks = {live, ready, refresh, owner};
    struct error err;
    close(bound_socket(port));
    struct admin *admin = admin_open("127.0.0.1", *port, owner->metrics, &checks, &err);
    if (admin == NULL)
        fail_msg("%s", err.text);
    return admin;
}

// Sends one request and reads until the server closes.
static void
ask(int port, const char *request, char answer[ANSWER_BYTES])
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    char text[256];
    int length =
        snprintf(text, sizeof text,
                 "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", request);
    assert_int_equal(write(fd, text, (size_t)length), length);
    size_t have = 0;
    ssize_t took = 0;
    while (have < ANSWER_BYTES - 1
           && (took = read(fd, answer + have, ANSWER_BYTES - 1 - have)) > 0)
        have += (size_t)took;
    answer[have] = '\0';
    close(fd);
}

static void
answers(int port, const char *request, const char *status, const char *text)
{
    char answer[ANSWER_BYTES];
    ask(port, request, answer);
    if (!str_starts(answer, status) || strstr(answer, text) == NULL)
        fail_msg("%s: no \"%s\" with \"%s\" in:\n%s", request, status, text, answer);
}

static void
probes_answer_as_the_owner_says(void **state)
{
    (void)state;
    struct owner owner = {.metrics = metrics_new("test"), .healthy = true};
    int port = 0;
    struct admin *admin = open_somewhere(&owner, &port);
    answers(port, "GET /livez", "HTTP/1.1 200 ", "\r\n\r\nok\n");
    answers(port, "GET /readyz", "HTTP/1.1 200 ", "\r\n\r\nok: standby\n");
    owner.healthy = false;
    answers(port, "GET /livez", "HTTP/1.1 503 ", "loop 1 stands still\n");
    answers(port, "GET /readyz", "HTTP/1.1 503 ", "no ledger\n");
    admin_close(admin);
    metrics_free(owner.metrics);
}

static void
metrics_are_fresh_openmetrics(void **state)
{
    (void)state;
    struct owner owner = {.metrics = metrics_new("test"), .healthy = true};
    int port = 0;
    struct admin *admin = open_somewhere(&owner, &port);
    answers(port, "GET /metrics", "HTTP/1.1 200 ",
            "Content-Type: application/openmetrics-text; version=1.0.0; "
            "charset=utf-8\r\n");
    answers(port, "GET /metrics", "HTTP/1.1 200 ", "\nfresh 1\n# EOF\n");
    admin_close(admin);
    metrics_free(owner.metrics);
}

static void
other_paths_and_methods_are_refused(void **state)
{
    (void)state;
    struct owner owner = {.metrics = metrics_new("test"), .healthy = true};
    int port = 0;
    struct admin *admin = open_somewhere(&owner, &port);
    answers(port, "GET /", "HTTP/1.1 404 ", "/livez");
    answers(port, "GET /livez/x", "HTTP/1.1 404 ", "");
    answers(port, "POST /livez", "HTTP/1.1 405 ", "Allow: GET, HEAD\r\n");
    char answer[ANSWER_BYTES];
    ask(port, "HEAD /livez", answer);
    assert_true(str_starts(answer, "HTTP/1.1 200 "));
    assert_true(str_ends(answer, "\r\n\r\n"));
    admin_close(admin);
    metrics_free(owner.metrics);
}

static void
a_port_in_use_is_named_with_its_setting(void **state)
{
    (void)state;
    struct admin_checks checks = {live, ready, NULL, NULL};
    struct error err;
    char number[16];
    int port = 0;
    int fd = bound_socket(&port);
    assert_int_equal(listen(fd, 1), 0);
    assert_null(admin_open("127.0.0.1", port, NULL, &checks, &err));
    snprintf(number, sizeof number, "port %d", port);
    assert_non_null(strstr(err.text, number));
    assert_non_null(strstr(err.text, "ADMIN_PORT"));
    assert_int_equal(err.kind, ERROR_FATAL);
    close(fd);
    assert_null(admin_open("192.0.2.1", port, NULL, &checks, &err));
    assert_non_null(strstr(err.text, "ADMIN_HOST"));
}

static void
port_0_means_no_server(void **state)
{
    (void)state;
    struct admin_checks checks = {live, ready, NULL, NULL};
    struct error err;
    struct admin *admin = admin_open("127.0.0.1", 0, NULL, &checks, &err);
    assert_non_null(admin);
    admin_close(admin);
    admin_close(NULL);
}

static void
systemd_is_told_in_one_datagram(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[64];
    char got[64] = "";
    snprintf(path, sizeof path, "/tmp/admin_test.%d.sock", (int)getpid());
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);

    unsetenv("NOTIFY_SOCKET");
    admin_notify("READY=1");
    assert_int_equal(recv(fd, got, sizeof got, 0), -1);
    setenv("NOTIFY_SOCKET", path, 1);
    admin_notify("READY=1");
    assert_int_equal(recv(fd, got, sizeof got, 0), 7);
    assert_memory_equal(got, "READY=1", 7);
    close(fd);
    unlink(path);
    admin_notify("STOPPING=1"); // nobody there: no harm
    setenv("NOTIFY_SOCKET", "relative", 1);
    admin_notify("STOPPING=1");
    unsetenv("NOTIFY_SOCKET");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes_answer_as_the_owner_says),
        cmocka_unit_test(metrics_are_fresh_openmetrics),
        cmocka_unit_test(other_paths_and_methods_are_refused),
        cmocka_unit_test(a_port_in_use_is_named_with_its_setting),
        cmocka_unit_test(port_0_means_no_server),
        cmocka_unit_test(systemd_is_told_in_one_datagram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
