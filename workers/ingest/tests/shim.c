#include "workers/ingest/tests/shim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "tests/integration/port.h"

enum { LOG_MAX = 256 << 20, BODY_MAX = 16 << 20, READ_S = 30, READ_MS = 30000 };

const char ingest_shim_sample[] = INGEST_SAMPLE;

static struct sockaddr_in
loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

void
ingest_shim_begin(struct ingest_shim *shim)
{
    *shim = (struct ingest_shim){.pid = 0};
    str_copy(shim->folder, sizeof shim->folder, "/tmp/relais-ingest-XXXXXX");
    if (mkdtemp(shim->folder) == NULL)
        abort();
    shim->admin_fd = test_port_hold(&shim->admin_port);
    pthread_mutex_init(&shim->mutex, NULL);
    pthread_cond_init(&shim->news, NULL);
    str_begin(&shim->log, LOG_MAX);
}

void
ingest_shim_end(struct ingest_shim *shim)
{
    static const char *const files[] = {"spool.db", "spool.db-wal", "spool.db-shm",
                                        "lock", "reserve"};
    char path[128];
    if (shim->pid != 0) {
        ingest_shim_signal(shim, SIGKILL);
        ingest_shim_wait(shim);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", shim->folder, files[i]);
        unlink(path);
    }
    rmdir(shim->folder);
    close(shim->admin_fd);
    str_end(&shim->log);
    pthread_cond_destroy(&shim->news);
    pthread_mutex_destroy(&shim->mutex);
}

static void *
read_log(void *arg)
{
    struct ingest_shim *shim = arg;
    char buffer[2048];
    ssize_t length;
    while ((length = read(shim->log_fd, buffer, sizeof buffer)) > 0
           || (length < 0 && errno == EINTR)) {
        pthread_mutex_lock(&shim->mutex);
        if (length > 0)
            str_append(&shim->log, buffer, (size_t)length);
        pthread_cond_broadcast(&shim->news);
        pthread_mutex_unlock(&shim->mutex);
    }
    pthread_mutex_lock(&shim->mutex);
    shim->ended = true;
    pthread_cond_broadcast(&shim->news);
    pthread_mutex_unlock(&shim->mutex);
    return NULL;
}

// With no settings but these: what the test's own environment has must not matter.
static bool
spawn(struct ingest_shim *shim, const char *const settings[], int out)
{
    enum { SETTINGS = 28 };
    char spool[128];
    char admin[64];
    char port[] = "INGEST_PORT=0";
    char program[300];
    char *environment[SETTINGS + 8] = {spool, admin, port};
    char *arguments[] = {program, NULL};
    posix_spawn_file_actions_t actions;
    size_t count = 3;

    str_copy(program, sizeof program,
             shim->program == NULL ? INGEST_PROGRAM : shim->program);
    snprintf(spool, sizeof spool, "INGEST_SPOOL=%s", shim->folder);
    snprintf(admin, sizeof admin, "ADMIN_PORT=%d", shim->admin_port);
    for (size_t i = 0; settings[i] != NULL && i < SETTINGS; i++)
        environment[count++] = (char *)(uintptr_t)settings[i];
    // How a sanitizer is to behave is no setting of the program.
    for (char **variable = environ; *variable != NULL && count < SETTINGS + 6;
         variable++)
        if (str_starts(*variable, "TSAN_OPTIONS=")
            || str_starts(*variable, "ASAN_OPTIONS="))
            environment[count++] = *variable;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    bool started =
        posix_spawn(&shim->pid, program, &actions, NULL, arguments, environment) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return started;
}

bool
ingest_shim_start(struct ingest_shim *shim, const char *const settings[])
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        abort();
    size_t before = shim->log.length;
    shim->ended = false;
    shim->log_fd = ends[0];
    if (!spawn(shim, settings, ends[1])
        || pthread_create(&shim->reader, NULL, read_log, shim) != 0)
        abort();
    close(ends[1]);

    static const char member[] = "\"event\":\"listening\"";
    const char *line = NULL;
    pthread_mutex_lock(&shim->mutex);
    while (((line = strstr(shim->log.data + before, member)) == NULL
            || strchr(line, '\n') == NULL)
           && !shim->ended)
        pthread_cond_wait(&shim->news, &shim->mutex);
    if (line != NULL)
        atomic_store(&shim->port, (int)strtol(strstr(line, "\"port\":") + 7, NULL, 10));
    pthread_mutex_unlock(&shim->mutex);
    return line != NULL;
}

void
ingest_shim_signal(struct ingest_shim *shim, int signal_number)
{
    kill(shim->pid, signal_number);
}

int
ingest_shim_wait(struct ingest_shim *shim)
{
    int status = 0;
    waitpid(shim->pid, &status, 0);
    pthread_join(shim->reader, NULL);
    close(shim->log_fd);
    shim->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
count(const char *text, const char *what)
{
    int found = 0;
    while ((text = strstr(text, what)) != NULL) {
        found++;
        text++;
    }
    return found;
}

bool
ingest_shim_logged(struct ingest_shim *shim, const char *text, int times)
{
    pthread_mutex_lock(&shim->mutex);
    while (count(shim->log.data, text) < times && !shim->ended)
        pthread_cond_wait(&shim->news, &shim->mutex);
    bool found = count(shim->log.data, text) >= times;
    pthread_mutex_unlock(&shim->mutex);
    return found;
}

bool
ingest_shim_has_logged(struct ingest_shim *shim, const char *text)
{
    pthread_mutex_lock(&shim->mutex);
    bool found = strstr(shim->log.data, text) != NULL;
    pthread_mutex_unlock(&shim->mutex);
    return found;
}

int
ingest_shim_connect(int port)
{
    struct sockaddr_in address = loopback(port);
    struct timeval patience = {.tv_sec = READ_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        abort();
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool
send_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        data += sent;
        length -= (size_t)sent;
    }
    return true;
}

void
ingest_shim_read(int fd, struct ingest_reply *reply)
{
    size_t length = 0;
    ssize_t took;
    while (
        length < sizeof reply->text - 1
        && (took = recv(fd, reply->text + length, sizeof reply->text - 1 - length, 0))
               > 0)
        length += (size_t)took;
    reply->text[length] = '\0';
    reply->status = 0;
    if (str_starts(reply->text, "HTTP/1.1 ") && strstr(reply->text, "\r\n\r\n") != NULL)
        reply->status = (int)strtol(reply->text + 9, NULL, 10);
}

void
ingest_shim_ask(int port, const void *data, size_t length, struct ingest_reply *reply)
{
    *reply = (struct ingest_reply){.status = 0};
    int fd = ingest_shim_connect(port);
    if (fd < 0)
        return;
    if (send_all(fd, data, length))
        ingest_shim_read(fd, reply);
    close(fd);
}

void
ingest_shim_send(int port, const char *method, const char *path, const char *headers,
                 const char *body, struct ingest_reply *reply)
{
    struct str request;
    str_begin(&request, BODY_MAX);
    str_printf(&request,
               "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
               "Content-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
               method, path, strlen(body), headers);
    str_puts(&request, body);
    ingest_shim_ask(port, request.data, request.length, reply);
    str_end(&request);
}

void
ingest_shim_post(int port, const char *path, const char *headers, const char *body,
                 struct ingest_reply *reply)
{
    ingest_shim_send(port, "POST", path, headers, body, reply);
}

void
ingest_shim_docuseal(int port, const char *secret, const char *body,
                     struct ingest_reply *reply)
{
    unsigned char mac[HMAC_BYTES];
    char hex[HMAC_HEX];
    char stamp[32];
    char header[200];
    snprintf(stamp, sizeof stamp, "%lld.", (long long)(clock_wall_ms() / 1000));
    hmac_sha256(secret, strlen(secret), stamp, strlen(stamp), body, strlen(body), mac);
    hmac_hex(mac, sizeof mac, hex);
    snprintf(header, sizeof header, "X-Docuseal-Signature: %s%s\r\n", stamp, hex);
    ingest_shim_post(port, "/api/integrations/docuseal/webhook", header, body, reply);
}

long long
ingest_shim_metric(const struct ingest_shim *shim, const char *name)
{
    static const char request[] =
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct ingest_reply *reply = str_calloc(1, sizeof *reply);
    char line[100];
    long long value = -1;

    ingest_shim_ask(shim->admin_port, request, sizeof request - 1, reply);
    snprintf(line, sizeof line, "\n%s ", name);
    const char *found = strstr(reply->text, line);
    if (found != NULL)
        value = strtoll(found + strlen(line), NULL, 10);
    free(reply);
    return value;
}

void
ingest_shim_yield(void)
{
    enum { MOMENT_MS = 20 };
    poll(NULL, 0, MOMENT_MS);
}

bool
ingest_shim_reaches(const struct ingest_shim *shim, const char *name, long long value)
{
    int64_t until_ms = clock_ms() + READ_MS;
    while (ingest_shim_metric(shim, name) != value) {
        if (clock_ms() > until_ms)
            return false;
        ingest_shim_yield();
    }
    return true;
}
