// workers/cli/letters.c - dead letters.
#include "workers/cli/letters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "common/kafka_reader.h"

#define SUFFIX ".dead-letters"

const char *
letters_header(const struct record *letter, const char *name)
{
    const char *value = record_header(letter, name);
    return value == NULL ? "" : value;
}

static bool
passes(const struct letters_filter *filter, const struct record *letter)
{
    if (filter->type != NULL
        && strcmp(filter->type, letters_header(letter, "ce_type")) != 0)
        return false;
    return filter->entity == NULL
           || strcmp(filter->entity, letters_header(letter, "ce_subject")) == 0;
}

static bool
keep(void *arg, const struct record *letter)
{
    struct letters *letters = arg;
    if (!passes(&letters->filter, letter))
        return true;
    if (letters->count == letters->room) {
        letters->room = letters->room == 0 ? 64 : letters->room * 2;
        letters->items =
            str_realloc(letters->items, letters->room * sizeof *letters->items);
    }
    letters->items[letters->count++] = record_copy(letter);
    return true;
}

bool
letters_read(struct letters *letters, const char *brokers, const char *topic,
             struct error *err)
{
    int32_t partitions;
    const struct kafka_reader_visitor visitor = {keep, letters};
    struct kafka_reader *reader = kafka_reader_open(brokers, NULL, err);
    if (reader == NULL)
        return false;
    bool good = kafka_reader_partitions(reader, topic, &partitions, err);
    if (good && partitions == 0)
        good = error_permanent(err, "there is no topic \"%s\"", topic);
    for (int32_t p = 0; good && p < partitions; p++)
        good = kafka_reader_each(reader, topic, p, 0, &visitor, err);
    kafka_reader_close(reader);
    return good;
}

static int
compare(const void *a, const void *b)
{
    const struct record *const *left = a;
    const struct record *const *right = b;
    int order =
        strcmp(letters_header(*left, "x-dead-at"), letters_header(*right, "x-dead-at"));
    if (order != 0)
        return order;
    return ((*left)->offset > (*right)->offset) - ((*left)->offset < (*right)->offset);
}

void
letters_sort(struct letters *letters)
{
    if (letters->count > 1)
        qsort(letters->items, letters->count, sizeof *letters->items, compare);
}

void
letters_end(struct letters *letters)
{
    for (size_t i = 0; i < letters->count; i++)
        record_free(letters->items[i]);
    free(letters->items);
    *letters = (struct letters){0};
}

bool
letters_worker(const char *topic, char worker[PLACE_NAME])
{
    if (!str_ends(topic, SUFFIX) || strlen(topic) >= PLACE_NAME)
        return false;
    (void)str_copy(worker, PLACE_NAME, topic);
    worker[strlen(topic) - strlen(SUFFIX)] = '\0';
    return worker[0] != '\0';
}

// ---- the event once more

static void
replay_id(const struct record *letter, char id[UUID_TEXT])
{
    char partition[16];
    char offset[24];
    (void)snprintf(partition, sizeof partition, "%d", (int)letter->partition);
    (void)snprintf(offset, sizeof offset, "%lld", (long long)letter->offset);
    uuid_of((const char *[]){"replay", letter->topic, partition, offset, NULL}, id);
}

static void
set_header(struct record_header headers[], size_t *count, const char *name,
           const char *value)
{
    headers[(*count)++] =
        (struct record_header){.name = name, .value = value, .length = strlen(value)};
}

// The attributes are in the headers.
static struct record *
replay_binary(const struct record *letter, const char *id)
{
    struct record_header *headers =
        str_calloc(letter->header_count + 2, sizeof *headers);
    size_t count = 0;
    const char *original = letters_header(letter, "ce_originalid");
    if (original[0] == '\0')
        original = letters_header(letter, "ce_id");

    for (size_t i = 0; i < letter->header_count; i++) {
        const struct record_header *h = &letter->headers[i];
        if (!str_starts(h->name, "x-dead-") && strcmp(h->name, "ce_id") != 0
            && strcmp(h->name, "ce_originalid") != 0)
            headers[count++] = *h;
    }
    set_header(headers, &count, "ce_id", id);
    set_header(headers, &count, "ce_originalid", original);
    struct record again = *letter;
    again.topic = letters_header(letter, "x-dead-topic");
    again.headers = headers;
    again.header_count = count;
    struct record *copy = record_copy(&again);
    free(headers);
    return copy;
}

// The attributes are in the envelope.
static struct record *
replay_structured(const struct record *letter, const char *id,
                  struct json_object *envelope)
{
    const char *original =
        json_string_or(envelope, "originalid", json_text_or(envelope, "id", ""));
    char *kept = str_dup(original);
    json_set_string(envelope, "originalid", kept);
    json_set_string(envelope, "id", id);
    free(kept);

    struct record_header *headers = str_calloc(letter->header_count, sizeof *headers);
    size_t count = 0;
    for (size_t i = 0; i < letter->header_count; i++)
        if (!str_starts(letter->headers[i].name, "x-dead-"))
            headers[count++] = letter->headers[i];
    struct record again = *letter;
    again.topic = letters_header(letter, "x-dead-topic");
    again.headers = headers;
    again.header_count = count;
    again.payload = json_print(envelope, &again.payload_length);
    struct record *copy = record_copy(&again);
    free(headers);
    return copy;
}

static struct record *
replay_of(const struct record *letter, const char *id)
{
    if (letters_header(letter, "ce_id")[0] != '\0')
        return replay_binary(letter, id);
    const char *type = letters_header(letter, "content-type");
    if (strncasecmp(type, "application/cloudevents+json", 28) != 0
        || letter->payload == NULL)
        return NULL;
    struct json_object *envelope =
        json_parse_raw(letter->payload, letter->payload_length);
    struct record *again = NULL;
    if (json_text_or(envelope, "id", "")[0] != '\0')
        again = replay_structured(letter, id, envelope);
    json_drop(envelope);
    return again;
}

struct record *
letters_replay(const struct record *letter, char seen[EVENT_SEEN], struct error *err)
{
    char id[UUID_TEXT];
    if (letters_header(letter, "x-dead-topic")[0] == '\0') {
        error_permanent(err, "it does not say where it came from (x-dead-topic)");
        return NULL;
    }
    if (letters_header(letter, "x-dead-cut")[0] != '\0') {
        error_permanent(
            err,
            "it was cut, for Kafka takes no larger one: the event itself is "
            "%s/%s/%s",
            letters_header(letter, "x-dead-topic"),
            letters_header(letter, "x-dead-partition"),
            letters_header(letter, "x-dead-offset"));
        return NULL;
    }
    replay_id(letter, id);
    struct record *again = replay_of(letter, id);
    if (again == NULL || !event_seen_key(again, false, seen)) {
        record_free(again);
        error_permanent(err, "it is no event (no ce_id): produce a right one instead");
        return NULL;
    }
    return again;
}
