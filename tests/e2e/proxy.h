// relais-proxy: a TCP proxy on loopback whose wire can be cut, frozen or made slow.
// One thread, one epoll. See proxy.c for how it is told what to do.
#ifndef E2E_PROXY_H
#define E2E_PROXY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proxy;

enum proxy_mode {
    PROXY_PASS,   // bytes flow, delayed by delay_ms
    PROXY_CUT,    // nobody is connected, nobody can connect
    PROXY_FREEZE, // connections stay, no byte moves, nobody is accepted
};

enum proxy_point {
    POINT_UP,     // the pattern went to the target
    POINT_DOWN,   // the pattern came from the target, the client has not got it
    POINT_ANSWER, // something came from the target after the pattern went to it, the
                  // client has not got it
};

// A signal that is sent when bytes pass.
struct proxy_kill {
    struct proxy_kill *next;
    int64_t id; // 1, 2, ...
    enum proxy_point point;
    int64_t left; // how many times still, -1: for ever
    int64_t hits;
    char *pid_file;
    char *pattern; // empty: any bytes
};

// What epoll hands back: everything that has a descriptor begins with one of these.
struct proxy_handle {
    void (*run)(struct proxy *proxy, struct proxy_handle *handle, uint32_t events);
    int fd;
    uint32_t interest; // 0: not watched at all
    void *owner;
};

struct link;

struct proxy {
    int epoll_fd;
    struct sockaddr_in listen_address;
    struct sockaddr_in target;
    struct proxy_handle listener;
    enum proxy_mode mode;
    int64_t delay_ms;
    struct link *links;
    struct link *closed; // freed when no event can name them any more
    struct proxy_kill *kills;
    int64_t last_kill;
    int64_t accepted;
    int64_t cut;
    int64_t up_bytes;
    int64_t down_bytes;
};

// A clock that never jumps, in milliseconds.
int64_t proxy_now_ms(void);

// Sets what epoll reports for the handle; 0 takes it out, so that a peer that hangs up
// does not wake anybody.
void proxy_watch(struct proxy *proxy, struct proxy_handle *handle, uint32_t interest);

// proxy_link.c

// Connects a client to the target; owns fd from now on.
void link_open(struct proxy *proxy, int fd);

// Resets every connection.
void link_close_all(struct proxy *proxy);

// Stops or goes on watching all connections, as the mode says.
void link_refresh_all(struct proxy *proxy);

// Moves what is due; returns when the next bytes are due, or -1.
int64_t link_move_all(struct proxy *proxy);

// Frees the links that were closed since the last call.
void link_reap(struct proxy *proxy);

// How many connections are open.
size_t link_count(const struct proxy *proxy);

// proxy_kill.c

// Adds one from "up|down|answer <pid file> <count> [pattern]"; false if it is not that.
bool kill_add(struct proxy *proxy, const char *text);

// Forgets all of them.
void kill_clear(struct proxy *proxy);

// Bytes pass the point (up or down): sends the signals that wait for them.
void kill_pass(struct proxy *proxy, enum proxy_point point, const char *data,
               size_t bytes);

// Bytes went up: the id of the "answer" kill that waits for them, or 0.
int64_t kill_arm(struct proxy *proxy, const char *data, size_t bytes);

// The answer to bytes that armed a kill came: sends its signal.
void kill_answer(struct proxy *proxy, int64_t id);

#endif
