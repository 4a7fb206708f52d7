#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"
#include "workers/ingest/ingest.h"

struct ingest_old_state {
    struct ingest_old_state *next;
    void *state;
};

static void
free_state(const struct webhook *webhook, void *state)
{
    if (state == NULL)
        return;
    if (webhook->close != NULL)
        webhook->close(state);
    config_free(webhook->settings, state);
    free(state);
}

static void *
read_state(const struct webhook *webhook, struct error *err)
{
    void *state = str_calloc(1, webhook->state_size);
    if (!config_load(webhook->settings, state, err)) {
        free(state);
        return NULL;
    }
    if (webhook->open == NULL || webhook->open(state, err))
        return state;
    free_state(webhook, state);
    return NULL;
}

static bool
add_source(struct ingest_sources *sources, const struct webhook *webhook, bool enabled,
           struct error *err)
{
    if (sources->count == INGEST_SOURCES_MAX)
        return error_fatal(err, "more than %d webhooks", INGEST_SOURCES_MAX);
    struct ingest_source *source = &sources->list[sources->count];
    source->webhook = webhook;
    if (webhook->path != NULL)
        str_copy(source->path, sizeof source->path, webhook->path);
    else
        snprintf(source->path, sizeof source->path, "/api/integrations/%s/webhook",
                 webhook->name);
    if (webhook->topic != NULL)
        str_copy(source->topic, sizeof source->topic, webhook->topic);
    else
        snprintf(source->topic, sizeof source->topic, "%s.webhooks", webhook->name);
    void *state = enabled ? read_state(webhook, err) : NULL;
    if (enabled && state == NULL)
        return false;
    source->enabled = enabled;
    atomic_store(&source->state, state);
    sources->count++;
    return true;
}

// Whether the comma-separated list has the word.
static bool
listed(const char *list, const char *word)
{
    size_t length = strlen(word);
    while (*list != '\0') {
        list += strspn(list, ", ");
        size_t item = strcspn(list, ", ");
        if (item == length && memcmp(list, word, length) == 0)
            return true;
        list += item;
    }
    return false;
}

bool
ingest_sources_open(struct ingest_sources *sources, const char *integrations,
                    struct error *err)
{
    *sources = (struct ingest_sources){.count = 0};
    bool opened = add_source(sources, &ingest_flow, true, err);
    for (size_t i = 0; opened && ingest_webhooks[i] != NULL; i++) {
        const struct webhook *webhook = ingest_webhooks[i];
        bool enabled = integrations[0] == '\0' || listed(integrations, webhook->name);
        opened = add_source(sources, webhook, enabled, err);
    }
    if (!opened)
        ingest_sources_close(sources);
    return opened;
}

void
ingest_sources_close(struct ingest_sources *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        struct ingest_source *source = &sources->list[i];
        free_state(source->webhook, atomic_load(&source->state));
        while (source->old != NULL) {
            struct ingest_old_state *old = source->old;
            source->old = old->next;
            free_state(source->webhook, old->state);
            free(old);
        }
    }
    sources->count = 0;
}

bool
ingest_sources_reload(struct ingest_sources *sources, struct error *err)
{
    bool all = true;
    for (size_t i = 0; i < sources->count; i++) {
        struct ingest_source *source = &sources->list[i];
        struct error problem;
        if (!source->enabled)
            continue;
        void *fresh = read_state(source->webhook, &problem);
        if (fresh == NULL) {
            *err = problem;
            all = false;
            continue;
        }
        // Requests under way go on with the old state: it is kept until the end.
        struct ingest_old_state *old = str_calloc(1, sizeof *old);
        old->state = atomic_exchange(&source->state, fresh);
        old->next = source->old;
        source->old = old;
    }
    return all;
}

// The path without repeated slashes, without one at its end and without the host that
// may stand before it; cut at `size`.
static void
clean_path(const char *path, char *clean, size_t size)
{
    size_t length = 0;
    const char *host = path[0] == '/' ? NULL : strstr(path, "://");
    if (host != NULL)
        path = host + strcspn(host + 3, "/") + 3;
    for (; *path != '\0' && length + 1 < size; path++)
        if (*path != '/' || length == 0 || clean[length - 1] != '/')
            clean[length++] = *path;
    while (length > 1 && clean[length - 1] == '/')
        length--;
    clean[length] = '\0';
}

// Whether the path lies in the folder of the webhook's, or is that folder.
static bool
is_near(const char *path, const char *webhook)
{
    size_t folder = (size_t)(strrchr(webhook, '/') - webhook);
    return strncmp(path, webhook, folder) == 0
           && (path[folder] == '/' || path[folder] == '\0');
}

struct ingest_source *
ingest_sources_find(struct ingest_sources *sources, const char *path, bool *exact)
{
    char clean[sizeof sources->list[0].path + 2];
    struct ingest_source *near = NULL;
    clean_path(path, clean, sizeof clean);
    *exact = false;
    for (size_t i = 0; i < sources->count; i++) {
        struct ingest_source *source = &sources->list[i];
        *exact = strcmp(source->path, clean) == 0;
        if (*exact)
            return source;
        if (near == NULL && is_near(clean, source->path))
            near = source;
    }
    return near;
}

bool
ingest_sources_ready(const struct ingest_sources *sources, char *why, size_t size)
{
    char one[200];
    struct str all;
    str_begin(&all, size);
    for (size_t i = 0; i < sources->count; i++) {
        const struct ingest_source *source = &sources->list[i];
        if (!source->enabled
            || source->webhook->ready(atomic_load(&source->state), one, sizeof one))
            continue;
        str_printf(&all, "%s%s", all.length > 0 ? "; " : "", one);
    }
    bool ready = all.length == 0 && !all.failed;
    if (!ready)
        str_copy(why, size, all.data);
    str_end(&all);
    return ready;
}
