#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"
#include "workers/ingest/ingest.h"

struct ingest_old_state {
    struct ingest_old_state *next;
    void *state;
};

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
    config_free(webhook->settings, state);
    free(state);
    return NULL;
}

static bool
add_source(struct ingest_sources *sources, const struct webhook *webhook,
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
    void *state = read_state(webhook, err);
    if (state == NULL)
        return false;
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
    bool opened = add_source(sources, &ingest_flow, err);
    for (size_t i = 0; opened && ingest_webhooks[i] != NULL; i++)
        if (integrations[0] == '\0' || listed(integrations, ingest_webhooks[i]->name))
            opened = add_source(sources, ingest_webhooks[i], err);
    if (!opened)
        ingest_sources_close(sources);
    return opened;
}

static void
free_state(const struct webhook *webhook, void *state)
{
    config_free(webhook->settings, state);
    free(state);
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

struct ingest_source *
ingest_sources_find(struct ingest_sources *sources, const char *path)
{
    for (size_t i = 0; i < sources->count; i++)
        if (strcmp(sources->list[i].path, path) == 0)
            return &sources->list[i];
    return NULL;
}

bool
ingest_sources_ready(const struct ingest_sources *sources, char *why, size_t size)
{
    char one[200];
    struct str all;
    str_begin(&all, size);
    for (size_t i = 0; i < sources->count; i++) {
        const struct ingest_source *source = &sources->list[i];
        if (source->webhook->ready(atomic_load(&source->state), one, sizeof one))
            continue;
        str_printf(&all, "%s%s", all.length > 0 ? "; " : "", one);
    }
    bool ready = all.length == 0 && !all.failed;
    if (!ready)
        str_copy(why, size, all.data);
    str_end(&all);
    return ready;
}
