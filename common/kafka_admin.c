#include "common/kafka_admin.h"

#include <librdkafka/rdkafka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/str.h"

enum {
    ANSWER_MS = 30 * 1000,
    TEXT_BYTES = 256,
};

struct kafka_admin {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
};

static bool
failed(struct error *err, const char *what, rd_kafka_resp_err_t code, const char *text)
{
    if (text == NULL)
        text = rd_kafka_err2str(code);
    switch (code) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
        error_retryable(err, "kafka: %s: %s", what, text);
        break;
    default:
        error_permanent(err, "kafka: %s: %s", what, text);
    }
    err->service = "kafka";
    return false;
}

struct kafka_admin *
kafka_admin_open(const char *brokers, const char *client_id, struct error *err)
{
    // Group coordinators are asked through a consumer's handle; it joins nothing.
    const struct kafka_property defaults[] = {{"client.id", client_id}, {0}};
    static const struct kafka_property fixed[] = {
        {"group.id", "relais-admin"},
        {"enable.auto.commit", "false"},
        {0},
    };
    char why[TEXT_BYTES];
    rd_kafka_conf_t *conf = kafka_config_new(brokers, defaults, fixed, err);

    if (conf == NULL)
        return NULL;
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        error_permanent(err, "kafka: no client with these KAFKA_* settings: %s", why);
        return NULL;
    }
    struct kafka_admin *admin = str_calloc(1, sizeof *admin);
    admin->rk = rk;
    admin->queue = rd_kafka_queue_new(rk);
    return admin;
}

void
kafka_admin_close(struct kafka_admin *admin)
{
    if (admin == NULL)
        return;
    rd_kafka_queue_destroy(admin->queue);
    rd_kafka_destroy(admin->rk);
    free(admin);
}

static rd_kafka_AdminOptions_t *
options_for(struct kafka_admin *admin, rd_kafka_admin_op_t op)
{
    char why[TEXT_BYTES];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->rk, op);

    if (rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, why, sizeof why)
        != RD_KAFKA_RESP_ERR_NO_ERROR)
        abort(); // the constant is out of librdkafka's range
    return options;
}

// The answer to the one request under way, or NULL with *err. The caller destroys it.
static rd_kafka_event_t *
answer(struct kafka_admin *admin, const char *what, struct error *err)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin->queue, ANSWER_MS + 5000);

    if (event == NULL) {
        failed(err, what, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL);
        return NULL;
    }
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return event;
    failed(err, what, code, rd_kafka_event_error_string(event));
    rd_kafka_event_destroy(event);
    return NULL;
}

static rd_kafka_NewTopic_t *
new_topic(const struct kafka_topic *topic, struct error *err)
{
    char why[TEXT_BYTES];
    int replication = topic->replication > 0 ? topic->replication : -1;
    rd_kafka_NewTopic_t *made = rd_kafka_NewTopic_new(topic->name, topic->partitions,
                                                      replication, why, sizeof why);

    if (made == NULL) {
        error_permanent(err, "kafka: topic %s: %s", topic->name, why);
        return NULL;
    }
    for (const struct kafka_property *p = topic->configs; p != NULL && p->name != NULL;
         p++)
        rd_kafka_NewTopic_set_config(made, p->name, p->value);
    return made;
}

static bool
topic_made(const rd_kafka_event_t *event, const char *topic, bool *existed,
           struct error *err)
{
    size_t count;
    const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result((rd_kafka_event_t *)(uintptr_t)event),
        &count);
    rd_kafka_resp_err_t code = count == 1 ? rd_kafka_topic_result_error(results[0])
                                          : RD_KAFKA_RESP_ERR__BAD_MSG;

    *existed = code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || *existed)
        return true;
    return failed(err, topic, code,
                  count == 1 ? rd_kafka_topic_result_error_string(results[0]) : NULL);
}

// All topics are asked for: asking for one by name makes it where brokers allow that.
bool
kafka_admin_partitions(struct kafka_admin *admin, const char *topic, int *partitions,
                       struct error *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(admin->rk, 1, NULL, &metadata, ANSWER_MS);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return failed(err, topic, code, NULL);
    *partitions = 0;
    for (int i = 0; i < metadata->topic_cnt; i++)
        if (strcmp(metadata->topics[i].topic, topic) == 0)
            *partitions = metadata->topics[i].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return true;
}

// The broker answers before it knows the topic itself; whoever asks next must find it.
static bool
await_topic(struct kafka_admin *admin, const char *topic, struct error *err)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    int64_t until_ms = clock_ms() + ANSWER_MS;
    int partitions = 0;

    while (clock_ms() < until_ms) {
        if (!kafka_admin_partitions(admin, topic, &partitions, err))
            return false;
        if (partitions > 0)
            return true;
        nanosleep(&pause, NULL); // allowed: no broker tells when metadata has spread
    }
    return failed(err, topic, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL);
}

bool
kafka_admin_create_topic(struct kafka_admin *admin, const struct kafka_topic *topic,
                         bool *existed, struct error *err)
{
    rd_kafka_NewTopic_t *made = new_topic(topic, err);

    if (made == NULL)
        return false;
    rd_kafka_AdminOptions_t *options =
        options_for(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(admin->rk, &made, 1, options, admin->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(made);
    rd_kafka_event_t *event = answer(admin, topic->name, err);
    if (event == NULL)
        return false;
    bool good = topic_made(event, topic->name, existed, err);
    rd_kafka_event_destroy(event);
    return good && (*existed || await_topic(admin, topic->name, err));
}

static const char *
config_value(rd_kafka_event_t *event, const char *name)
{
    size_t resources;
    size_t entries;
    const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &resources);

    if (resources != 1)
        return NULL;
    const rd_kafka_ConfigEntry_t **entry =
        rd_kafka_ConfigResource_configs(found[0], &entries);
    for (size_t i = 0; i < entries; i++)
        if (strcmp(rd_kafka_ConfigEntry_name(entry[i]), name) == 0)
            return rd_kafka_ConfigEntry_value(entry[i]);
    return NULL;
}

bool
kafka_admin_topic_config(struct kafka_admin *admin, const char *topic, const char *name,
                         char *out, size_t size, struct error *err)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_AdminOptions_t *options =
        options_for(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);

    rd_kafka_DescribeConfigs(admin->rk, &resource, 1, options, admin->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_event_t *event = answer(admin, topic, err);
    if (event == NULL)
        return false;
    const char *value = config_value(event, name);
    bool good = value != NULL && str_copy(out, size, value);
    rd_kafka_event_destroy(event);
    return good || error_permanent(err, "kafka: topic %s has no %s", topic, name);
}

static bool
list_partitions(struct kafka_admin *admin, const char *const topics[],
                rd_kafka_topic_partition_list_t *list, struct error *err)
{
    for (size_t t = 0; topics[t] != NULL; t++) {
        int count = 0;
        if (!kafka_admin_partitions(admin, topics[t], &count, err))
            return false;
        if (count == 0)
            return error_permanent(err, "kafka: there is no topic %s", topics[t]);
        rd_kafka_topic_partition_list_add_range(list, topics[t], 0, count - 1);
    }
    return true;
}

// The offsets the group has, as the answer's list; it belongs to the event.
static const rd_kafka_topic_partition_list_t *
group_offsets(const rd_kafka_group_result_t **results, size_t count, const char *group,
              struct error *err)
{
    if (count != 1) {
        failed(err, group, RD_KAFKA_RESP_ERR__BAD_MSG, NULL);
        return NULL;
    }
    const rd_kafka_error_t *error = rd_kafka_group_result_error(results[0]);
    if (error != NULL) {
        failed(err, group, rd_kafka_error_code(error), rd_kafka_error_string(error));
        return NULL;
    }
    return rd_kafka_group_result_partitions(results[0]);
}

// Adds to `missing` every partition where the group has no offset, or one that
// retention has passed, or that is of a topic that was made anew: with the first there
// is.
static bool
add_missing(struct kafka_admin *admin, const rd_kafka_topic_partition_list_t *present,
            rd_kafka_topic_partition_list_t *missing, struct error *err)
{
    for (int i = 0; i < present->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &present->elems[i];
        int64_t low;
        int64_t high;
        if (p->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return failed(err, p->topic, p->err, NULL);
        rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
            admin->rk, p->topic, p->partition, &low, &high, ANSWER_MS);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            return failed(err, p->topic, code, NULL);
        if (p->offset < low || p->offset > high)
            rd_kafka_topic_partition_list_add(missing, p->topic, p->partition)->offset =
                low;
    }
    return true;
}

static bool
find_missing(struct kafka_admin *admin, const char *group,
             const rd_kafka_topic_partition_list_t *all,
             rd_kafka_topic_partition_list_t *missing, struct error *err)
{
    rd_kafka_ListConsumerGroupOffsets_t *request =
        rd_kafka_ListConsumerGroupOffsets_new(group, all);
    rd_kafka_AdminOptions_t *options =
        options_for(admin, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    size_t count;

    rd_kafka_ListConsumerGroupOffsets(admin->rk, &request, 1, options, admin->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    rd_kafka_event_t *event = answer(admin, group, err);
    if (event == NULL)
        return false;
    const rd_kafka_group_result_t **results =
        rd_kafka_ListConsumerGroupOffsets_result_groups(
            rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
    const rd_kafka_topic_partition_list_t *present =
        group_offsets(results, count, group, err);
    bool good = present != NULL && add_missing(admin, present, missing, err);
    rd_kafka_event_destroy(event);
    return good;
}

static bool
commit_all(struct kafka_admin *admin, const char *group,
           const rd_kafka_topic_partition_list_t *missing, struct error *err)
{
    rd_kafka_AlterConsumerGroupOffsets_t *request =
        rd_kafka_AlterConsumerGroupOffsets_new(group, missing);
    rd_kafka_AdminOptions_t *options =
        options_for(admin, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS);
    size_t count;

    rd_kafka_AlterConsumerGroupOffsets(admin->rk, &request, 1, options, admin->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_AlterConsumerGroupOffsets_destroy(request);
    rd_kafka_event_t *event = answer(admin, group, err);
    if (event == NULL)
        return false;
    const rd_kafka_group_result_t **results =
        rd_kafka_AlterConsumerGroupOffsets_result_groups(
            rd_kafka_event_AlterConsumerGroupOffsets_result(event), &count);
    const rd_kafka_topic_partition_list_t *done =
        group_offsets(results, count, group, err);
    bool good = done != NULL;
    for (int i = 0; good && i < done->cnt; i++)
        if (done->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            good = failed(err, group, done->elems[i].err, NULL);
    rd_kafka_event_destroy(event);
    return good;
}

bool
kafka_admin_begin_group(struct kafka_admin *admin, const char *group,
                        const char *const topics[], int *committed, struct error *err)
{
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(64);
    rd_kafka_topic_partition_list_t *missing = rd_kafka_topic_partition_list_new(64);
    bool good = list_partitions(admin, topics, all, err)
                && find_missing(admin, group, all, missing, err)
                && (missing->cnt == 0 || commit_all(admin, group, missing, err));

    if (good)
        *committed = missing->cnt;
    rd_kafka_topic_partition_list_destroy(all);
    rd_kafka_topic_partition_list_destroy(missing);
    return good;
}
