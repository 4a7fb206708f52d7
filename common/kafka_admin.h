// common/kafka_admin.h - topics and groups: made once, before anything runs. Blocking:
// for the CLI and tests.
#ifndef RELAIS_KAFKA_ADMIN_H
#define RELAIS_KAFKA_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/kafka_config.h"

struct kafka_admin;

// Every call asks a broker and waits at most 30 s. Errors: RETRYABLE (no broker
// answers), PERMANENT (refused), naming topic or group.
struct kafka_admin *kafka_admin_open(const char *brokers, const char *client_id,
                                     struct error *err) ATTR_MUST_CHECK;
void kafka_admin_close(struct kafka_admin *admin);

struct kafka_topic {
    const char *name;
    int partitions;
    int replication;                      // 0 = the broker's default
    const struct kafka_property *configs; // "retention.ms" ..., ends with {0}; or NULL
};

// Makes one topic. *existed: it was there already, which is no error and changes
// nothing.
bool kafka_admin_create_topic(struct kafka_admin *admin,
                              const struct kafka_topic *topic, bool *existed,
                              struct error *err) ATTR_MUST_CHECK;

// The number of partitions of a topic; 0 = there is no such topic.
bool kafka_admin_partitions(struct kafka_admin *admin, const char *topic,
                            int *partitions, struct error *err) ATTR_MUST_CHECK;

// One setting of a topic as text ("retention.ms"), copied to out (size bytes with NUL).
bool kafka_admin_topic_config(struct kafka_admin *admin, const char *topic,
                              const char *name, char *out, size_t size,
                              struct error *err) ATTR_MUST_CHECK;

// Commits the first offset there is for those partitions of the topics
// (NULL-terminated) that the group has no offset for, or one that is not there any more
// (deleted by retention, or of an older topic); *committed is how many that were.
// Without it a group that resets nothing never starts. Refused while the group has
// members: PERMANENT.
bool kafka_admin_begin_group(struct kafka_admin *admin, const char *group,
                             const char *const topics[], int *committed,
                             struct error *err) ATTR_MUST_CHECK;

#endif
