// common/kafka_reader.h - reads topics as they are now, without a group: for people who
// look (dead letters, lag). Blocking; one thread.
#ifndef RELAIS_KAFKA_READER_H
#define RELAIS_KAFKA_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/record.h"

struct kafka_reader;

// Connects lazily: the first question notices that no broker answers (10 s). group (or
// NULL) only names whose committed offsets are read; it is never joined.
struct kafka_reader *kafka_reader_open(const char *brokers, const char *group,
                                       struct error *err) ATTR_MUST_CHECK;
void kafka_reader_close(struct kafka_reader *reader);

// The number of partitions of a topic, 0 where it does not exist. RETRYABLE: no broker
// answers.
bool kafka_reader_partitions(struct kafka_reader *reader, const char *topic,
                             int32_t *count, struct error *err) ATTR_MUST_CHECK;

// The first offset that is kept, and the one the next record will get.
bool kafka_reader_range(struct kafka_reader *reader, const char *topic,
                        int32_t partition, int64_t *low, int64_t *high,
                        struct error *err) ATTR_MUST_CHECK;

// The offset the group committed, -1 for none.
bool kafka_reader_committed(struct kafka_reader *reader, const char *topic,
                            int32_t partition, int64_t *offset,
                            struct error *err) ATTR_MUST_CHECK;

// Who is shown records, until `visit` returns false. The record is the reader's: copy
// what is to be kept.
struct kafka_reader_visitor {
    bool (*visit)(void *arg, const struct record *record);
    void *arg;
};

// Shows every record of a partition that is there now, from offset `from` (or the first
// that is kept), in order.
bool kafka_reader_each(struct kafka_reader *reader, const char *topic,
                       int32_t partition, int64_t from,
                       const struct kafka_reader_visitor *visitor,
                       struct error *err) ATTR_MUST_CHECK;

// One record, record_free() frees it; NULL without an error where there is none at that
// offset.
bool kafka_reader_one(struct kafka_reader *reader, const char *topic, int32_t partition,
                      int64_t offset, struct record **record,
                      struct error *err) ATTR_MUST_CHECK;

#endif
