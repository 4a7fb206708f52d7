#include "common/redis.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/loop.h"
#include "common/redis_url.h"
#include "common/str.h"

enum {
    CONNECT_MS = 500,
    COMMAND_MS = 1000,
    AGAIN_MS = 1000,
    LINE_MAX_COUNT = 1000,
    WORDS_MAX = 16,
};

struct command {
    struct command *next;
    void (*done)(void *arg, const struct redis_answer *answer);
    void *arg;
    int count;
    char *words[WORDS_MAX];
};

struct redis {
    struct redis_url url;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct command *first, **last;
    int count;
    bool ending;

    // the helper's own
    redisContext *connection;
    int64_t away_until_ms;
};

static const struct redis_answer away = {.away = true};

// ---- the helper

static void
hang_up(struct redis *redis)
{
    if (redis->connection != NULL)
        redisFree(redis->connection);
    redis->connection = NULL;
    redis->away_until_ms = clock_ms() + AGAIN_MS;
}

static struct timeval
after_ms(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

// Whether Redis said yes to a greeting.
static bool
greet(struct redis *redis, const char *const words[], int count)
{
    redisReply *reply =
        redisCommandArgv(redis->connection, count, (const char **)words, NULL);
    bool welcome = reply != NULL && reply->type != REDIS_REPLY_ERROR;
    if (reply != NULL)
        freeReplyObject(reply);
    return welcome;
}

static bool
log_in(struct redis *redis, const struct redis_url *url)
{
    const char *const with_user[] = {"AUTH", url->user, url->password};
    const char *const without[] = {"AUTH", url->password};
    const char *const choose[] = {"SELECT", url->database};
    if (url->password[0] != '\0'
        && !(url->user[0] != '\0' ? greet(redis, with_user, 3)
                                  : greet(redis, without, 2)))
        return false;
    return url->database[0] == '\0' || greet(redis, choose, 2);
}

static bool
connected(struct redis *redis)
{
    if (redis->connection != NULL)
        return true;
    if (clock_ms() < redis->away_until_ms)
        return false;
    pthread_mutex_lock(&redis->lock);
    const struct redis_url url = redis->url;
    pthread_mutex_unlock(&redis->lock);
    redis->connection =
        redisConnectWithTimeout(url.host, url.port, after_ms(CONNECT_MS));
    if (redis->connection != NULL && redis->connection->err == 0
        && redisSetTimeout(redis->connection, after_ms(COMMAND_MS)) == REDIS_OK
        && log_in(redis, &url))
        return true;
    hang_up(redis);
    return false;
}

static void
run(struct redis *redis, struct command *command)
{
    redisReply *reply = NULL;
    if (connected(redis)) {
        reply = redisCommandArgv(redis->connection, command->count,
                                 (const char **)command->words, NULL);
        if (reply == NULL)
            hang_up(redis);
    }
    struct redis_answer answer = away;
    if (reply != NULL && reply->type != REDIS_REPLY_ERROR)
        answer = (struct redis_answer){
            .text = reply->type == REDIS_REPLY_STRING ? reply->str : NULL,
            .number = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0,
        };
    command->done(command->arg, &answer);
    if (reply != NULL)
        freeReplyObject(reply);
}

static void
free_command(struct command *command)
{
    for (int i = 0; i < command->count; i++)
        free(command->words[i]);
    free(command);
}

// The next command, once there is one; NULL at the end.
static struct command *
take(struct redis *redis)
{
    pthread_mutex_lock(&redis->lock);
    while (redis->first == NULL && !redis->ending)
        pthread_cond_wait(&redis->more, &redis->lock);
    struct command *command = redis->first;
    if (command != NULL) {
        redis->first = command->next;
        redis->count--;
        if (redis->first == NULL)
            redis->last = &redis->first;
    }
    pthread_mutex_unlock(&redis->lock);
    return command;
}

static void *
help(void *arg)
{
    struct redis *redis = arg;
    struct command *command;
    while ((command = take(redis)) != NULL) {
        run(redis, command);
        free_command(command);
    }
    hang_up(redis);
    return NULL;
}

// ---- the others' side

struct redis *
redis_open(const char *url, struct error *err)
{
    struct redis *redis = str_calloc(1, sizeof *redis);
    if (!redis_url_read(url, &redis->url, err)) {
        free(redis);
        return NULL;
    }
    pthread_mutex_init(&redis->lock, NULL);
    pthread_cond_init(&redis->more, NULL);
    redis->last = &redis->first;
    if (pthread_create(&redis->thread, NULL, help, redis) == 0)
        return redis;
    free(redis);
    error_retryable(err, "cannot start the thread for Redis");
    return NULL;
}

void
redis_stop(struct redis *redis)
{
    if (redis == NULL)
        return;
    pthread_mutex_lock(&redis->lock);
    bool first = !redis->ending;
    redis->ending = true;
    // What waits is not sent any more.
    struct command *rest = redis->first;
    redis->first = NULL;
    redis->last = &redis->first;
    pthread_cond_signal(&redis->more);
    pthread_mutex_unlock(&redis->lock);
    if (first)
        pthread_join(redis->thread, NULL);
    for (struct command *next; rest != NULL; rest = next) {
        next = rest->next;
        rest->done(rest->arg, &away);
        free_command(rest);
    }
}

void
redis_free(struct redis *redis)
{
    if (redis == NULL)
        return;
    redis_stop(redis);
    pthread_cond_destroy(&redis->more);
    pthread_mutex_destroy(&redis->lock);
    free(redis);
}

bool
redis_reach(struct redis *redis, const char *url, struct error *err)
{
    struct redis_url fresh;
    if (!redis_url_read(url, &fresh, err))
        return false;
    pthread_mutex_lock(&redis->lock);
    redis->url = fresh;
    pthread_mutex_unlock(&redis->lock);
    return true;
}

static bool
stand_in_line(struct redis *redis, struct command *command)
{
    pthread_mutex_lock(&redis->lock);
    bool room = redis->count < LINE_MAX_COUNT && !redis->ending;
    if (room) {
        *redis->last = command;
        redis->last = &command->next;
        redis->count++;
        pthread_cond_signal(&redis->more);
    }
    pthread_mutex_unlock(&redis->lock);
    return room;
}

void
redis_send(struct redis *redis, const char *const words[],
           void (*done)(void *arg, const struct redis_answer *answer), void *arg)
{
    if (redis == NULL) {
        done(arg, &away);
        return;
    }
    struct command *command = str_calloc(1, sizeof *command);
    command->done = done;
    command->arg = arg;
    for (; words[command->count] != NULL && command->count < WORDS_MAX;
         command->count++)
        command->words[command->count] = str_dup(words[command->count]);
    if (stand_in_line(redis, command))
        return;
    free_command(command);
    done(arg, &away);
}

// One fiber that waits for a text. Allocated, because the answer may come after it gave
// up; on the fiber's loop only, but for `text`, which is the helper's until the letter.
struct reader {
    struct loop_mail mail;
    struct loop *loop;
    struct loop_wait *wait; // NULL once the fiber gave up
    bool delivered;
    char *text;
};

static void
free_reader(struct reader *reader)
{
    free(reader->text);
    free(reader);
}

static void
deliver(struct loop_mail *mail)
{
    struct reader *reader = (struct reader *)mail;
    reader->delivered = true;
    if (reader->wait != NULL)
        loop_wake(reader->wait);
    else
        free_reader(reader);
}

static void
post(void *arg, const struct redis_answer *answer)
{
    struct reader *reader = arg;
    if (answer->text != NULL)
        reader->text = str_dup(answer->text);
    loop_post(reader->loop, &reader->mail);
}

bool
redis_get(struct redis *redis, const char *key, char *out, size_t size, int64_t due_ms)
{
    if (redis == NULL || loop_current() == NULL || fiber_current() == NULL)
        return false;
    struct loop_wait wait;
    struct reader *reader = str_calloc(1, sizeof *reader);
    loop_wait_begin(&wait);
    reader->mail.deliver = deliver;
    reader->loop = loop_current();
    reader->wait = &wait;
    redis_send(redis, (const char *const[]){"GET", key, NULL}, post, reader);
    (void)loop_wait(&wait, due_ms, "Redis");
    reader->wait = NULL;
    if (!reader->delivered)
        return false; // the letter frees it
    bool found = reader->text != NULL && strlen(reader->text) < size;
    if (found)
        str_copy(out, size, reader->text);
    free_reader(reader);
    return found;
}

static void
ignore(void *arg, const struct redis_answer *answer)
{
    (void)arg;
    (void)answer;
}

void
redis_set(struct redis *redis, const char *key, const char *text, int64_t ttl_ms)
{
    char ttl[24];
    if (ttl_ms <= 0)
        return;
    snprintf(ttl, sizeof ttl, "%" PRId64, ttl_ms);
    redis_send(redis, (const char *const[]){"SET", key, text, "PX", ttl, NULL}, ignore,
               NULL);
}

void
redis_forget(struct redis *redis, const char *key, const char *text)
{
    static const char script[] = "if redis.call('GET', KEYS[1]) == ARGV[1] then "
                                 "return redis.call('DEL', KEYS[1]) end return 0";
    redis_send(redis, (const char *const[]){"EVAL", script, "1", key, text, NULL},
               ignore, NULL);
}
