// relais-proxy: PROXY_PORT (0: a free one) on loopback is forwarded to PROXY_TARGET, as
// "127.0.0.1:5432". It prints "ready port=<n> control=<m>" and then obeys lines, on
// standard input and on the control port (PROXY_CONTROL_PORT, 0: a free one), each
// answered by one line:
//   pass             bytes flow
//   cut              reset all connections, refuse new ones
//   freeze           keep the connections, move no byte, accept nobody
//   delay <ms>       bytes flow, each one late by that much
//   kill up|down|answer <pid file> <count> [pattern]
//                    send SIGKILL to the process named in the file when bytes with the
//                    pattern went up to the target, come down from it, or when the
//                    first answer after such bytes went up comes down; the client does
//                    not get what comes down before. A pattern split over two reads is
//                    not seen.
//   kill none        forget all kills
//   status           the mode and what was counted
//   quit             end; so does the end of standard input, SIGTERM and SIGINT
#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 64, LINE_BYTES = 1024 };

// Somebody who gives orders.
struct control {
    struct proxy_handle handle;
    struct control *next;
    int out_fd;
    bool is_stdin;
    size_t bytes;
    char line[LINE_BYTES];
};

struct program {
    struct proxy proxy;
    struct proxy_handle control_listener;
    struct proxy_handle signals;
    struct control *controls;
    bool over;
};

int64_t
proxy_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
proxy_watch(struct proxy *proxy, struct proxy_handle *handle, uint32_t interest)
{
    struct epoll_event event = {.events = interest, .data.ptr = handle};
    if (handle->interest == interest)
        return;
    int op = EPOLL_CTL_MOD;
    if (interest == 0)
        op = EPOLL_CTL_DEL;
    else if (handle->interest == 0)
        op = EPOLL_CTL_ADD;
    epoll_ctl(proxy->epoll_fd, op, handle->fd, &event);
    handle->interest = interest;
}

__attribute__((format(printf, 2, 3))) static void
reply(const struct control *control, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vdprintf(control->out_fd, fmt, args);
    va_end(args);
}

static int
listen_on(struct sockaddr_in *address)
{
    int on = 1;
    socklen_t bytes = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) != 0
        || listen(fd, 1024) != 0
        || getsockname(fd, (struct sockaddr *)address, &bytes) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void
accept_clients(struct proxy *proxy, struct proxy_handle *handle, uint32_t events)
{
    (void)events;
    for (;;) {
        int fd = accept4(handle->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        proxy->accepted++;
        link_open(proxy, fd);
    }
}

static bool
open_listener(struct proxy *proxy)
{
    if (proxy->listener.fd >= 0)
        return true;
    int fd = listen_on(&proxy->listen_address);
    if (fd < 0)
        return false;
    proxy->listener = (struct proxy_handle){.run = accept_clients, .fd = fd};
    return true;
}

static void
close_listener(struct proxy *proxy)
{
    if (proxy->listener.fd < 0)
        return;
    proxy_watch(proxy, &proxy->listener, 0);
    close(proxy->listener.fd);
    proxy->listener.fd = -1;
}

static bool
set_mode(struct proxy *proxy, enum proxy_mode mode)
{
    proxy->mode = mode;
    if (mode == PROXY_CUT) {
        close_listener(proxy);
        link_close_all(proxy);
        return true;
    }
    if (!open_listener(proxy))
        return false;
    proxy_watch(proxy, &proxy->listener, mode == PROXY_PASS ? EPOLLIN : 0);
    link_refresh_all(proxy);
    return true;
}

static void
show_status(const struct proxy *proxy, const struct control *control)
{
    static const char *const names[] = {"pass", "cut", "freeze"};
    int64_t kills = 0;
    for (const struct proxy_kill *k = proxy->kills; k != NULL; k = k->next)
        kills += k->hits;
    reply(control,
          "mode=%s delay_ms=%" PRId64 " open=%zu accepted=%" PRId64 " cut=%" PRId64
          " up_bytes=%" PRId64 " down_bytes=%" PRId64 " kills=%" PRId64 "\n",
          names[proxy->mode], proxy->delay_ms, link_count(proxy), proxy->accepted,
          proxy->cut, proxy->up_bytes, proxy->down_bytes, kills);
}

static bool
obey_mode(struct proxy *proxy, const char *line, bool *ok)
{
    char *end = NULL;
    *ok = true;
    if (strcmp(line, "pass") == 0) {
        proxy->delay_ms = 0;
        *ok = set_mode(proxy, PROXY_PASS);
    } else if (strcmp(line, "cut") == 0) {
        *ok = set_mode(proxy, PROXY_CUT);
    } else if (strcmp(line, "freeze") == 0) {
        *ok = set_mode(proxy, PROXY_FREEZE);
    } else if (strncmp(line, "delay ", 6) == 0) {
        int64_t delay_ms = strtoll(line + 6, &end, 10);
        *ok = *end == '\0' && end != line + 6 && delay_ms >= 0;
        if (*ok) {
            proxy->delay_ms = delay_ms;
            *ok = set_mode(proxy, PROXY_PASS);
        }
    } else {
        return false;
    }
    return true;
}

static void
obey(struct program *program, struct control *control, const char *line)
{
    struct proxy *proxy = &program->proxy;
    bool ok = true;
    if (obey_mode(proxy, line, &ok)) {
        reply(control, ok ? "ok\n" : "error: not done: %s\n", line);
    } else if (strcmp(line, "kill none") == 0) {
        kill_clear(proxy);
        reply(control, "ok\n");
    } else if (strncmp(line, "kill ", 5) == 0) {
        ok = kill_add(proxy, line + 5);
        reply(control, "%s\n",
              ok ? "ok" : "error: kill up|down|answer <pid file> <count> [pattern]");
    } else if (strcmp(line, "status") == 0) {
        show_status(proxy, control);
    } else if (strcmp(line, "quit") == 0) {
        program->over = true;
        reply(control, "ok\n");
    } else {
        reply(control, "error: unknown, use pass, cut, freeze, delay <ms>, kill, status"
                       " or quit\n");
    }
}

static void
end_control(struct program *program, struct control *control)
{
    struct control **place = &program->controls;
    while (*place != control)
        place = &(*place)->next;
    *place = control->next;
    proxy_watch(&program->proxy, &control->handle, 0);
    if (control->is_stdin)
        program->over = true;
    else
        close(control->handle.fd);
    free(control);
}

static void
obey_lines(struct program *program, struct control *control)
{
    char *line = control->line;
    char *end = NULL;
    while (
        (end = memchr(line, '\n', control->bytes - (size_t)(line - control->line)))) {
        *end = '\0';
        line[strcspn(line, "\r")] = '\0';
        if (*line != '\0')
            obey(program, control, line);
        line = end + 1;
    }
    control->bytes -= (size_t)(line - control->line);
    memmove(control->line, line, control->bytes);
}

static void
run_control(struct proxy *proxy, struct proxy_handle *handle, uint32_t events)
{
    (void)events;
    struct program *program = (struct program *)proxy;
    struct control *control = handle->owner;
    size_t room = sizeof control->line - control->bytes;
    ssize_t bytes = read(handle->fd, control->line + control->bytes, room);
    if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (bytes <= 0) {
        end_control(program, control);
        return;
    }
    control->bytes += (size_t)bytes;
    obey_lines(program, control);
    if (control->bytes == sizeof control->line)
        end_control(program, control);
}

static void
add_control(struct program *program, int in_fd, int out_fd)
{
    struct control *control = calloc(1, sizeof *control);
    if (control == NULL)
        abort();
    control->handle =
        (struct proxy_handle){.run = run_control, .fd = in_fd, .owner = control};
    control->out_fd = out_fd;
    control->is_stdin = in_fd == STDIN_FILENO;
    control->next = program->controls;
    program->controls = control;
    // A file as standard input (as /dev/null) cannot be watched and says nothing.
    proxy_watch(&program->proxy, &control->handle, EPOLLIN);
}

static void
accept_control(struct proxy *proxy, struct proxy_handle *handle, uint32_t events)
{
    (void)events;
    int fd = accept4(handle->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        add_control((struct program *)proxy, fd, fd);
}

static void
on_signal(struct proxy *proxy, struct proxy_handle *handle, uint32_t events)
{
    (void)handle;
    (void)events;
    ((struct program *)proxy)->over = true;
}

static bool
read_port(const char *env, struct sockaddr_in *address)
{
    // No thread was started yet. NOLINTNEXTLINE(concurrency-mt-unsafe)
    const char *text = getenv(env);
    char *end = NULL;
    long port = text == NULL ? 0 : strtol(text, &end, 10);
    if (text != NULL && (*end != '\0' || end == text || port < 0 || port > 65535)) {
        fprintf(stderr, "%s: \"%s\" is not a port; give one, or 0 for a free one\n",
                env, text);
        return false;
    }
    *address = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    return true;
}

static bool
read_target(struct sockaddr_in *target)
{
    // No thread was started yet. NOLINTNEXTLINE(concurrency-mt-unsafe)
    const char *text = getenv("PROXY_TARGET");
    const char *colon = text == NULL ? NULL : strrchr(text, ':');
    char host[256];
    if (colon == NULL || (size_t)(colon - text) >= sizeof host) {
        fprintf(stderr, "PROXY_TARGET is missing; give host:port, as 127.0.0.1:5432\n");
        return false;
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(host, colon + 1, &hints, &found);
    if (rc != 0) {
        fprintf(stderr, "PROXY_TARGET: %s: %s\n", text, gai_strerror(rc));
        return false;
    }
    memcpy(target, found->ai_addr, sizeof *target);
    freeaddrinfo(found);
    return true;
}

static bool
open_control(struct program *program, struct sockaddr_in *address)
{
    int fd = listen_on(address);
    if (fd < 0)
        return false;
    program->control_listener = (struct proxy_handle){.run = accept_control, .fd = fd};
    proxy_watch(&program->proxy, &program->control_listener, EPOLLIN);
    return true;
}

static void
watch_signals(struct program *program)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    program->signals = (struct proxy_handle){.run = on_signal, .fd = fd};
    proxy_watch(&program->proxy, &program->signals, EPOLLIN);
}

static void
loop(struct program *program)
{
    struct proxy *proxy = &program->proxy;
    while (!program->over) {
        struct epoll_event events[EVENTS];
        int64_t next_ms = link_move_all(proxy);
        link_reap(proxy);
        int64_t wait_ms = next_ms < 0 ? -1 : next_ms - proxy_now_ms();
        if (next_ms >= 0 && wait_ms < 0)
            wait_ms = 0;
        int count = epoll_wait(proxy->epoll_fd, events, EVENTS, (int)wait_ms);
        for (int i = 0; i < count; i++) {
            struct proxy_handle *handle = events[i].data.ptr;
            handle->run(proxy, handle, events[i].events);
        }
    }
}

static bool
start(struct program *program)
{
    struct proxy *proxy = &program->proxy;
    struct sockaddr_in control;
    proxy->listener.fd = -1;
    if (!read_port("PROXY_PORT", &proxy->listen_address)
        || !read_port("PROXY_CONTROL_PORT", &control) || !read_target(&proxy->target))
        return false;
    proxy->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    watch_signals(program);
    if (!set_mode(proxy, PROXY_PASS) || !open_control(program, &control)) {
        fprintf(stderr, "cannot listen on PROXY_PORT or PROXY_CONTROL_PORT: %s\n",
                strerrordesc_np(errno));
        return false;
    }
    add_control(program, STDIN_FILENO, STDOUT_FILENO);
    printf("ready port=%u control=%u\n", ntohs(proxy->listen_address.sin_port),
           ntohs(control.sin_port));
    fflush(stdout);
    return true;
}

int
main(void)
{
    struct program program = {.over = false};
    if (!start(&program))
        return EXIT_FAILURE;
    loop(&program);
    close_listener(&program.proxy);
    link_close_all(&program.proxy);
    link_reap(&program.proxy);
    kill_clear(&program.proxy);
    while (program.controls != NULL)
        end_control(&program, program.controls);
    return EXIT_SUCCESS;
}
