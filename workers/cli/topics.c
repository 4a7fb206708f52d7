// workers/cli/topics.c - relais topics: what the broker must have before anything runs.
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/kafka_admin.h"
#include "workers/cli/cli.h"
#include "workers/cli/places.h"

// Dead letters wait for a person, however long that takes.
#define FOR_EVER "-1"

struct making {
    const struct cli *cli;
    struct kafka_admin *admin;
    int status;
    int created, kept;
};

// Lanes hang on the number of partitions: one that differs would tear a key apart.
static bool
check_partitions(struct making *making, const char *topic)
{
    struct error err = {0};
    int count;
    int64_t wanted = making->cli->settings.partitions;
    if (!kafka_admin_partitions(making->admin, topic, &count, &err)) {
        making->status = cli_error(making->cli, &err);
        return false;
    }
    if (count == wanted)
        return true;
    making->status = cli_fail(
        making->cli, EX_CONFIG,
        "%s has %d partitions, not %lld: a topic's partitions are never changed, "
        "set TOPIC_PARTITIONS=%d or make new topics",
        topic, count, (long long)wanted, count);
    return false;
}

static bool
make_topic(struct making *making, const char *name, const char *retention_ms)
{
    struct error err = {0};
    bool existed;
    const struct kafka_property configs[] = {{"retention.ms", retention_ms}, {0}};
    const struct kafka_topic topic = {
        .name = name,
        .partitions = (int)making->cli->settings.partitions,
        .replication = (int)making->cli->settings.replication,
        .configs = configs,
    };
    if (!kafka_admin_create_topic(making->admin, &topic, &existed, &err)) {
        making->status = cli_error(making->cli, &err);
        return false;
    }
    if (existed) {
        making->kept++;
        return check_partitions(making, name);
    }
    making->created++;
    cli_say("%s: created, %d partitions\n", name, topic.partitions);
    return true;
}

static bool
make_group(struct making *making, const char *worker,
           char names[PLACE_TOPICS][PLACE_NAME], int count)
{
    struct error err = {0};
    const char *topics[PLACE_TOPICS + 1] = {0};
    char group[PLACE_NAME];
    int committed;

    for (int i = 0; i < count; i++)
        topics[i] = names[i];
    places_group(worker, group);
    if (!kafka_admin_begin_group(making->admin, group, topics, &committed, &err)) {
        making->status = cli_error(making->cli, &err);
        return false;
    }
    if (committed > 0)
        cli_say("%s: first offsets of %d partitions\n", group, committed);
    return true;
}

static bool
make_worker(void *arg, const char *worker)
{
    struct making *making = arg;
    char names[PLACE_TOPICS][PLACE_NAME];
    char dead[PLACE_NAME];
    char retention_ms[24];
    int count = places_read_by(worker, names);

    (void)snprintf(retention_ms, sizeof retention_ms, "%lld",
                   (long long)making->cli->settings.retention_ms);
    for (int i = 0; i < count; i++)
        if (!make_topic(making, names[i], retention_ms))
            return false;
    places_dead_letters(worker, dead);
    return make_topic(making, dead, FOR_EVER)
           && make_group(making, worker, names, count);
}

int
cli_topics(struct cli *cli)
{
    struct making making = {.cli = cli, .status = EX_OK};
    struct error err = {0};
    if (!cli_arguments(cli, 0, 0))
        return EX_USAGE;
    making.admin = kafka_admin_open(cli->settings.brokers, "relais-cli", &err);
    if (making.admin == NULL)
        return cli_error(cli, &err);
    (void)cli_each_worker(cli, make_worker, &making);
    kafka_admin_close(making.admin);
    if (making.status == EX_OK)
        cli_say("topics: %d created, %d were there\n", making.created, making.kept);
    return making.status;
}
