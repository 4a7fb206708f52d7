#include "common/record.h"

#include <stdlib.h>
#include <string.h>

#include "common/str.h"

const char *
record_header(const struct record *record, const char *name)
{
    for (size_t i = 0; i < record->header_count; i++)
        if (strcmp(record->headers[i].name, name) == 0)
            return record->headers[i].value;
    return NULL;
}

static size_t
bytes_needed(const struct record *from)
{
    size_t bytes = sizeof *from + from->header_count * sizeof from->headers[0];
    bytes += strlen(from->topic) + 1 + from->key_length + 1 + from->payload_length + 1;
    for (size_t i = 0; i < from->header_count; i++)
        bytes += strlen(from->headers[i].name) + 1 + from->headers[i].length + 1;
    return bytes;
}

// Copies the bytes with a NUL behind them to *free_at and moves that on.
static const char *
put(char **free_at, const char *data, size_t length)
{
    char *copy = *free_at;
    if (length > 0)
        memcpy(copy, data, length);
    copy[length] = '\0';
    *free_at += length + 1;
    return copy;
}

struct record *
record_copy(const struct record *from)
{
    struct record *record = str_alloc(bytes_needed(from));
    struct record_header *headers = (struct record_header *)(record + 1);
    char *free_at = (char *)(headers + from->header_count);

    *record = *from;
    record->next = NULL;
    record->headers = headers;
    record->topic = put(&free_at, from->topic, strlen(from->topic));
    if (from->key != NULL)
        record->key = put(&free_at, from->key, from->key_length);
    if (from->payload != NULL)
        record->payload = put(&free_at, from->payload, from->payload_length);
    for (size_t i = 0; i < from->header_count; i++) {
        const struct record_header *header = &from->headers[i];
        headers[i].name = put(&free_at, header->name, strlen(header->name));
        headers[i].value = put(&free_at, header->value, header->length);
        headers[i].length = header->length;
    }
    return record;
}

void
record_free(struct record *record)
{
    free(record);
}
