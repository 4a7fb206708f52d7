// tests/bench/ingest_load.c - sends signed DocuSeal webhooks over connections that stay
// open, each the next one as soon as the last was answered.
//
//   relais-ingest-load <port> <connections> <seconds> <secret>
//
// Counts after a warm-up of a quarter of the time. Prints "<requests/s> <p50 us> <p99
// us> <answers other than 200>".
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "common/str.h"

enum {
    KEYS = 1000,
    CONNECTIONS_MAX = 4096,
    REQUEST_BYTES = 4096,
    ANSWER_BYTES = 4096,
    EVENTS = 256,
    STEP_US = 10,
    STEPS = 100000, // up to a second
};

struct connection {
    int fd;
    int64_t since_us;
    size_t length; // of the answer so far
    char answer[ANSWER_BYTES];
};

struct load {
    int epoll_fd;
    struct str requests[KEYS];
    unsigned next;
    bool counting;
    long all, done, wrong;
    long steps[STEPS]; // how many answers took so many
};

// One of DocuSeal's smaller bodies, of quote number `key`.
static const char body_format[] =
    "{\"event_type\":\"form.viewed\",\"timestamp\":\"2026-08-12T09:29:11.094Z\","
    "\"data\":{\"id\":%d,\"email\":\"martina.keller@alpenblick.example\",\"ip\":null,"
    "\"sent_at\":\"2026-08-12T09:14:05.123Z\",\"opened_at\":\"2026-08-12T09:29:11."
    "004Z\",\"completed_at\":null,\"created_at\":\"2026-08-12T09:14:05.123Z\","
    "\"updated_at\":\"2026-08-12T09:29:11.004Z\",\"name\":\"Martina Keller\","
    "\"phone\":\"+41440000000\",\"external_id\":\"quote:6f1c2f0e-9d3b-4b7e-8a55-%012d"
    ":r1:client\",\"submission_id\":%d,\"metadata\":{\"company\":\"HYPERVISUAL\","
    "\"quote_id\":\"6f1c2f0e-9d3b-4b7e-8a55-%012d\",\"quote_number\":\"HV-2026-0142\"},"
    "\"ua\":null,\"declined_at\":null,\"status\":\"opened\",\"decline_reason\":null,"
    "\"role\":\"Kunde\",\"preferences\":{\"send_email\":true,\"send_sms\":false},"
    "\"values\":[{\"field\":\"Kunde\",\"value\":\"Alpenblick Immobilien AG\"},{"
    "\"field\":\"Offertnummer\",\"value\":\"HV-2026-0142\"},{\"field\":\"Gesamtbetrag "
    "CHF\",\"value\":\"18'377.00\"}],\"documents\":[],\"audit_log_url\":null,"
    "\"submission_url\":\"https://sign.example.ch/e/Qm7zKx3LwTrB9d\",\"template\":{"
    "\"id\":17,\"name\":\"Offerte\",\"external_id\":\"quote-de\",\"folder_name\":"
    "\"Offerten\",\"created_at\":\"2026-03-02T08:11:40.201Z\",\"updated_at\":"
    "\"2026-07-14T13:02:09.880Z\"},\"submission\":{\"id\":%d,\"audit_log_url\":null,"
    "\"combined_document_url\":null,\"status\":\"pending\",\"url\":\"https://"
    "sign.example.ch/e/Qm7zKx3LwTrB9d\",\"variables\":{},\"created_at\":"
    "\"2026-08-12T09:14:05.123Z\"}}}";

static int64_t
now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
make_request(int key, const char *secret, struct str *request)
{
    unsigned char mac[HMAC_BYTES];
    char hex[HMAC_HEX];
    char stamp[32];
    struct str body;
    str_begin(&body, REQUEST_BYTES);
    str_printf(&body, body_format, key, key, key, key, key);
    snprintf(stamp, sizeof stamp, "%lld.", (long long)(clock_wall_ms() / 1000));
    hmac_sha256(secret, strlen(secret), stamp, strlen(stamp), body.data, body.length,
                mac);
    hmac_hex(mac, sizeof mac, hex);
    str_begin(request, REQUEST_BYTES);
    str_printf(request,
               "POST /api/integrations/docuseal/webhook HTTP/1.1\r\nHost: localhost\r\n"
               "User-Agent: DocuSeal.com Webhook\r\nContent-Type: application/json\r\n"
               "X-Docuseal-Signature: %s%s\r\nContent-Length: %zu\r\n\r\n%s",
               stamp, hex, body.length, body.data);
    str_end(&body);
}

static void
fail(const char *what)
{
    perror(what);
    exit(1);
}

static void
send_next(struct load *load, struct connection *c)
{
    const struct str *request = &load->requests[load->next++ % KEYS];
    c->length = 0;
    c->since_us = now_us();
    // A socket that was just emptied takes a request of this size at once.
    if (send(c->fd, request->data, request->length, MSG_NOSIGNAL)
        != (ssize_t)request->length)
        fail("send");
}

static void
open_connection(struct load *load, struct connection *c, int port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int on = 1;
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = c}};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (const void *)&address, sizeof address) != 0)
        fail("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
    send_next(load, c);
}

// Whether the whole answer is there.
static bool
is_complete(const struct connection *c)
{
    static const char member[] = "Content-Length: ";
    const char *end = strstr(c->answer, "\r\n\r\n");
    const char *length = strstr(c->answer, member);
    if (end == NULL || length == NULL)
        return false;
    size_t body = strtoul(length + sizeof member - 1, NULL, 10);
    return c->length >= (size_t)(end - c->answer) + 4 + body;
}

static void
count_answer(struct load *load, const struct connection *c)
{
    int64_t step = (now_us() - c->since_us) / STEP_US;
    load->done++;
    load->wrong += strncmp(c->answer, "HTTP/1.1 200 ", 13) != 0;
    load->steps[step < STEPS ? step : STEPS - 1]++;
}

static void
take_answer(struct load *load, struct connection *c)
{
    ssize_t took =
        recv(c->fd, c->answer + c->length, sizeof c->answer - 1 - c->length, 0);
    if (took <= 0)
        fail("recv");
    c->length += (size_t)took;
    c->answer[c->length] = '\0';
    if (!is_complete(c))
        return;
    load->all++;
    if (load->counting)
        count_answer(load, c);
    send_next(load, c);
}

static void
run_until(struct load *load, int64_t until_us)
{
    struct epoll_event events[EVENTS];
    while (now_us() < until_us) {
        int n = epoll_wait(load->epoll_fd, events, EVENTS, 100);
        for (int i = 0; i < n; i++)
            take_answer(load, events[i].data.ptr);
    }
}

// Microseconds that this share of the answers took at most.
static long
percentile(const struct load *load, double share)
{
    long left = (long)((double)load->done * share);
    long step = 0;
    while (step < STEPS - 1 && left >= load->steps[step])
        left -= load->steps[step++];
    return (step + 1) * STEP_US;
}

int
main(int argc, char **argv)
{
    static const int warm_up_share = 4;
    if (argc != 5) {
        fprintf(stderr, "usage: relais-ingest-load <port> <connections> <seconds> "
                        "<secret>\n");
        return 2;
    }
    int port = (int)strtol(argv[1], NULL, 10);
    long count = strtol(argv[2], NULL, 10);
    int64_t run_us = strtol(argv[3], NULL, 10) * INT64_C(1000000);
    if (count < 1 || count > CONNECTIONS_MAX)
        return 2;
    struct load *load = str_calloc(1, sizeof *load);
    struct connection *connections = str_calloc((size_t)count, sizeof *connections);
    load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (int key = 0; key < KEYS; key++)
        make_request(key, argv[4], &load->requests[key]);
    for (long i = 0; i < count; i++)
        open_connection(load, &connections[i], port);
    run_until(load, now_us() + run_us / warm_up_share);
    load->counting = true;
    int64_t began_us = now_us();
    run_until(load, began_us + run_us);
    double seconds = (double)(now_us() - began_us) / 1e6;
    printf("%.0f %ld %ld %ld %ld\n", (double)load->done / seconds,
           percentile(load, 0.5), percentile(load, 0.99), load->wrong, load->all);
    return 0;
}
