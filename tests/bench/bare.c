// tests/bench/bare.c - libcurl alone, as a yardstick: two threads with an epoll loop
// each, ten easy handles to a multi, POSTing to a URL as fast as answers come.
//
//   relais-bare <url> <calls> <in flight> <threads> <value bytes>
//
// Prints "<calls> calls in <seconds> s: <calls/s>, <resident KiB at the end>".
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

enum { HANDLES_A_MULTI = 10, EVENTS = 128 };

struct thread {
    pthread_t id;
    int epoll_fd, number;
    long in_flight;
    struct multi *multis;
    long running;
};

struct multi {
    struct thread *thread;
    CURLM *curl;
    int64_t due_ms; // -1: no timer
    struct multi *next;
};

static const char *url;
static char *value;
static long value_bytes;
static atomic_long calls_left;
static atomic_long next_number;
static atomic_long calls_failed;
static struct multi *multi_of_fd[1 << 17]; // a descriptor belongs to one thread

static int64_t
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static size_t // NOLINTNEXTLINE(readability-non-const-parameter): libcurl's form
ignore(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    (void)arg;
    return size * count;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
    (void)easy;
    struct multi *multi = arg;
    struct epoll_event event = {.data.u64 = (uint64_t)(uint32_t)fd};
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(multi->thread->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    multi_of_fd[fd] = multi;
    event.events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0u)
                   | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0u);
    epoll_ctl(multi->thread->epoll_fd, assigned != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
              fd, &event);
    curl_multi_assign(multi->curl, fd, multi);
    return 0;
}

static int
on_timer(CURLM *curl, long timeout_ms, void *arg)
{
    (void)curl;
    struct multi *multi = arg;
    multi->due_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    return 0;
}

static bool
start_call(struct multi *multi, CURL *easy)
{
    if (atomic_fetch_sub(&calls_left, 1) <= 0)
        return false;
    long number = atomic_fetch_add(&next_number, 1);
    char key[64];
    char seq[64];
    struct curl_slist *old = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&old);
    curl_slist_free_all(old);
    snprintf(key, sizeof key, "X-Key: k%ld", number % 1000);
    snprintf(seq, sizeof seq, "X-Seq: %ld", number / 1000);
    struct curl_slist *headers = curl_slist_append(curl_slist_append(NULL, key), seq);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, headers);
    curl_multi_add_handle(multi->curl, easy);
    multi->thread->running++;
    return true;
}

static void
finish(struct multi *multi)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(multi->curl, &left)) != NULL) {
        CURL *easy = message->easy_handle;
        if (message->data.result != CURLE_OK)
            atomic_fetch_add(&calls_failed, 1);
        curl_multi_remove_handle(multi->curl, easy);
        multi->thread->running--;
        start_call(multi, easy);
    }
}

static struct multi *
make_multi(struct thread *thread)
{
    struct multi *multi = calloc(1, sizeof *multi);
    if (multi == NULL)
        abort();
    multi->thread = thread;
    multi->due_ms = -1;
    multi->curl = curl_multi_init();
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
    multi->next = thread->multis;
    thread->multis = multi;
    return multi;
}

static CURL *
make_easy(void)
{
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 4096L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, value_bytes);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, value);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    return easy;
}

static void
fire_timers(struct thread *thread)
{
    int64_t now = now_ms();
    for (struct multi *multi = thread->multis; multi != NULL; multi = multi->next) {
        int running;
        if (multi->due_ms < 0 || multi->due_ms > now)
            continue;
        multi->due_ms = -1;
        curl_multi_socket_action(multi->curl, CURL_SOCKET_TIMEOUT, 0, &running);
        finish(multi);
    }
}

static int
wait_ms(struct thread *thread)
{
    int64_t now = now_ms();
    int64_t wait = 1000;
    for (struct multi *multi = thread->multis; multi != NULL; multi = multi->next) {
        if (multi->due_ms >= 0 && multi->due_ms - now < wait)
            wait = multi->due_ms - now;
    }
    return wait < 0 ? 0 : (int)wait;
}

static void *
run(void *arg)
{
    struct thread *thread = arg;
    struct epoll_event events[EVENTS];
    struct multi *multi = NULL;
    for (long i = 0; i < thread->in_flight; i++) {
        if (i % HANDLES_A_MULTI == 0)
            multi = make_multi(thread);
        start_call(multi, make_easy());
    }
    while (thread->running > 0) {
        int n = epoll_wait(thread->epoll_fd, events, EVENTS, wait_ms(thread));
        for (int i = 0; i < n; i++) {
            int fd = (int)events[i].data.u64;
            int running;
            int flags =
                ((events[i].events & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0)
                | ((events[i].events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0)
                | ((events[i].events & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0);
            multi = multi_of_fd[fd];
            curl_multi_socket_action(multi->curl, fd, flags, &running);
            finish(multi);
        }
        fire_timers(thread);
    }
    return NULL;
}

int
main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr,
                "usage: relais-bare <url> <calls> <in flight> <threads> <bytes>\n");
        return 2;
    }
    long calls = strtol(argv[2], NULL, 10);
    long in_flight = strtol(argv[3], NULL, 10);
    long threads = strtol(argv[4], NULL, 10);
    url = argv[1];
    value_bytes = strtol(argv[5], NULL, 10);
    value = malloc((size_t)value_bytes + 1);
    if (value == NULL)
        return 1;
    memset(value, 'x', (size_t)value_bytes);
    curl_global_init(CURL_GLOBAL_ALL);
    atomic_store(&calls_left, calls);
    struct thread all[64] = {0};
    int64_t started = now_ms();
    for (long i = 0; i < threads && i < 64; i++) {
        all[i] = (struct thread){.epoll_fd = epoll_create1(0),
                                 .in_flight = in_flight / threads};
        pthread_create(&all[i].id, NULL, run, &all[i]);
    }
    for (long i = 0; i < threads && i < 64; i++)
        pthread_join(all[i].id, NULL);
    double seconds = (double)(now_ms() - started) / 1000;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%ld calls in %.2f s: %.0f calls/s, %ld failed, %ld KiB\n", calls, seconds,
           (double)calls / seconds, atomic_load(&calls_failed), usage.ru_maxrss);
    return 0;
}
