#include "workers/capture/wake.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"

static void
stop_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
}

static void
all_signals(sigset_t *signals)
{
    stop_signals(signals);
    sigaddset(signals, SIGHUP);
}

bool
capture_wake_open(struct capture_wake *wake, struct error *err)
{
    sigset_t signals;

    all_signals(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    *wake = (struct capture_wake){
        .fd = epoll_create1(EPOLL_CLOEXEC),
        .signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC),
    };
    if (wake->fd < 0 || wake->signal_fd < 0)
        return error_permanent(err,
                               "no descriptors left: raise the limit of open files");
    capture_wake_add(wake, wake->signal_fd);
    return true;
}

void
capture_wake_close(struct capture_wake *wake)
{
    close(wake->signal_fd);
    close(wake->fd);
}

void
capture_wake_add(struct capture_wake *wake, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(wake->fd, EPOLL_CTL_ADD, fd, &event) != 0)
        abort(); // out of kernel memory
}

bool
capture_wake_stopping(struct capture_wake *wake)
{
    struct signalfd_siginfo info;
    sigset_t signals;

    while (wake->stop_at_ms == 0
           && read(wake->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            wake->reload = true;
            continue;
        }
        wake->stop_at_ms = clock_ms();
        stop_signals(&signals);
        pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    }
    return wake->stop_at_ms != 0;
}

void
capture_wake_sleep(struct capture_wake *wake, int64_t ms)
{
    struct pollfd wait = {.fd = wake->fd, .events = POLLIN};

    if (poll(&wait, 1, ms > INT_MAX ? INT_MAX : (int)ms) < 0)
        return; // a signal: as good as the time being over
}
