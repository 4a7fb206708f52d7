// tests/bench/ingest_bare.c - libmicrohttpd and librdkafka alone, as a yardstick for
// ingest: every body is produced as it came, and answered 200 once Kafka acknowledged
// it. Nothing is verified, read, limited, spooled or logged.
//
//   relais-ingest-bare <threads> [<brokers> <topic>]
//
// Without brokers the answer is constant. Prints "port=<port>" and serves until it is
// killed.
#include <arpa/inet.h>
#include <librdkafka/rdkafka.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = 8192, KEYS = 1000 };

struct request {
    struct MHD_Connection *connection;
    size_t length;
    int stage; // 0: the body comes, 1: with Kafka, 2: to be answered
    int failed;
    char body[BODY_MAX];
};

static rd_kafka_topic_t *topic; // NULL: the answer is constant
static atomic_uint next_key;

static void
on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *arg)
{
    struct request *request = message->_private;
    (void)rk;
    (void)arg;
    request->failed = message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
    request->stage = 2;
    MHD_resume_connection(request->connection);
}

static void *
poll_reports(void *arg)
{
    while (rd_kafka_poll(arg, 1000) >= 0)
        ;
    return NULL;
}

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned status)
{
    static const char text[] = "{\"accepted\":true}";
    struct MHD_Response *response = MHD_create_response_from_buffer(
        sizeof text - 1, (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", "application/json");
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result
produce(struct request *request)
{
    char key[16];
    int length =
        snprintf(key, sizeof key, "k%u", atomic_fetch_add(&next_key, 1) % KEYS);
    request->stage = 1;
    MHD_suspend_connection(request->connection);
    if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                         request->body, request->length, key, (size_t)length, request)
        != 0) {
        request->failed = 1;
        request->stage = 2;
        MHD_resume_connection(request->connection);
    }
    return MHD_YES;
}

static enum MHD_Result
on_request(void *arg, // NOLINT(readability-function-size): its parameters are theirs
           struct MHD_Connection *connection, const char *path, const char *method,
           const char *version, const char *data, size_t *length, void **context)
{
    struct request *request = *context;
    (void)arg, (void)path, (void)method, (void)version;
    if (request == NULL) {
        request = *context = malloc(sizeof *request);
        if (request == NULL)
            return MHD_NO;
        request->connection = connection;
        request->length = 0;
        request->stage = 0;
        request->failed = 0;
        return MHD_YES;
    }
    if (*length > 0) {
        if (*length > sizeof request->body - request->length)
            return MHD_NO;
        memcpy(request->body + request->length, data, *length);
        request->length += *length;
        *length = 0;
        return MHD_YES;
    }
    if (request->stage == 0 && topic != NULL)
        return produce(request);
    return request->stage == 1 ? MHD_YES
                               : answer(connection, request->failed ? 503 : 200);
}

static void
on_finished(void *arg, struct MHD_Connection *connection, void **context,
            enum MHD_RequestTerminationCode code)
{
    (void)arg, (void)connection, (void)code;
    free(*context);
    *context = NULL;
}

static rd_kafka_t *
open_kafka(const char *brokers)
{
    static const char *const settings[][2] = {
        {"acks", "all"}, {"enable.idempotence", "true"}, {"linger.ms", "1"}};
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof why);
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (rk == NULL)
        fprintf(stderr, "%s\n", why);
    return rk;
}

int
main(int argc, char **argv)
{
    pthread_t reports;
    struct sockaddr_in local = {.sin_family = AF_INET,
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: relais-ingest-bare <threads> [<brokers> <topic>]\n");
        return 2;
    }
    unsigned threads = (unsigned)strtoul(argv[1], NULL, 10);
    if (argc == 4) {
        rd_kafka_t *kafka = open_kafka(argv[2]);
        if (kafka == NULL || pthread_create(&reports, NULL, poll_reports, kafka) != 0)
            return 1;
        topic = rd_kafka_topic_new(kafka, argv[3], NULL);
    }
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        on_request, NULL, MHD_OPTION_SOCK_ADDR, &local, MHD_OPTION_NOTIFY_COMPLETED,
        on_finished, NULL, threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END,
        threads, MHD_OPTION_END);
    if (daemon == NULL)
        return 1;
    printf("port=%u\n",
           (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    pthread_exit(NULL);
}
