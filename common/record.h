// common/record.h - one Kafka record, copied out of librdkafka's buffers so that a lane
// may hold it for as long as it likes.
#ifndef RELAIS_RECORD_H
#define RELAIS_RECORD_H

#include <stddef.h>
#include <stdint.h>

struct record_header {
    const char *name;
    const char *value; // NUL-terminated copy
    size_t length;
};

// Topic, key, headers and payload live in one allocation together with the struct.
struct record {
    struct record *next; // of whichever queue holds it
    const char *topic;
    int32_t partition;
    int64_t offset; // -1: not from Kafka (released from parking)
    const char *key;
    size_t key_length;
    const char *payload; // NUL-terminated copy; NULL for a tombstone
    size_t payload_length;
    const struct record_header *headers;
    size_t header_count;
    void *slot;          // of the consumer that must be told when it is done, or NULL
    uint64_t generation; // of the assignment it came with
};

// A header's value, or NULL.
const char *record_header(const struct record *record, const char *name);

// Copies everything `from` points to into one new allocation; record_free() frees it.
struct record *record_copy(const struct record *from);
void record_free(struct record *record);

#endif
