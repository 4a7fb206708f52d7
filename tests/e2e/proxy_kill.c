#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy.h"

static bool
read_point(const char *word, enum proxy_point *point)
{
    static const char *const names[] = {"up", "down", "answer"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(names[i], word) == 0) {
            *point = (enum proxy_point)i;
            return true;
        }
    }
    return false;
}

static void
free_kill(struct proxy_kill *k)
{
    free(k->pid_file);
    free(k->pattern);
    free(k);
}

static struct proxy_kill *
parse(char *text)
{
    char *rest = NULL;
    const char *point = strtok_r(text, " ", &rest);
    const char *file = strtok_r(NULL, " ", &rest);
    const char *count = strtok_r(NULL, " ", &rest);
    struct proxy_kill *k = calloc(1, sizeof *k);
    if (k == NULL)
        abort();
    char *end = NULL;
    if (count != NULL)
        k->left = strtoll(count, &end, 10);
    if (count == NULL || *end != '\0' || !read_point(point, &k->point)) {
        free_kill(k);
        return NULL;
    }
    k->pid_file = strdup(file);
    k->pattern = strdup(rest == NULL ? "" : rest);
    return k;
}

bool
kill_add(struct proxy *proxy, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        abort();
    struct proxy_kill *k = parse(copy);
    free(copy);
    if (k == NULL)
        return false;
    k->id = ++proxy->last_kill;
    k->next = proxy->kills;
    proxy->kills = k;
    return true;
}

void
kill_clear(struct proxy *proxy)
{
    while (proxy->kills != NULL) {
        struct proxy_kill *k = proxy->kills;
        proxy->kills = k->next;
        free_kill(k);
    }
}

static bool
contains(const struct proxy_kill *k, const char *data, size_t bytes)
{
    size_t length = strlen(k->pattern);
    return length == 0 || memmem(data, bytes, k->pattern, length) != NULL;
}

static pid_t
read_pid(const char *path)
{
    char text[32] = "";
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fgets(text, sizeof text, file) == NULL)
        text[0] = '\0';
    fclose(file);
    return (pid_t)strtol(text, NULL, 10);
}

static void
fire(struct proxy_kill *k)
{
    pid_t pid = read_pid(k->pid_file);
    // A process that is just starting again does not use the wish up.
    if (pid <= 1 || kill(pid, SIGKILL) != 0)
        return;
    k->hits++;
    if (k->left > 0)
        k->left--;
}

void
kill_pass(struct proxy *proxy, enum proxy_point point, const char *data, size_t bytes)
{
    for (struct proxy_kill *k = proxy->kills; k != NULL; k = k->next) {
        if (k->point == point && k->left != 0 && contains(k, data, bytes))
            fire(k);
    }
}

int64_t
kill_arm(struct proxy *proxy, const char *data, size_t bytes)
{
    for (struct proxy_kill *k = proxy->kills; k != NULL; k = k->next) {
        if (k->point == POINT_ANSWER && k->left != 0 && contains(k, data, bytes))
            return k->id;
    }
    return 0;
}

void
kill_answer(struct proxy *proxy, int64_t id)
{
    for (struct proxy_kill *k = proxy->kills; k != NULL; k = k->next) {
        if (k->id == id && k->left != 0)
            fire(k);
    }
}
