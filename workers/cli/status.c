// workers/cli/status.c - relais status: who works, what waits, what a person must do.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/kafka_reader.h"
#include "workers/cli/cli.h"
#include "workers/cli/places.h"

enum { STATUS_BYTES = 16 << 20 };

static const struct table_column owner_columns[] = {
    {"WORKER", "worker"},
    {"OWNER", "owner"},
    {"PARTITIONS", "partitions", true},
    {"HIGHEST EPOCH", "epoch", true},
    {"SINCE (UTC)", "since"},
    {0},
};

static const char owner_sql[] =
    "SELECT worker, owner, count(*), max(epoch),"
    " to_char(max(assigned_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
    " FROM relais.partition_epoch GROUP BY worker, owner ORDER BY worker, owner";

static const struct table_column waiting_columns[] = {
    {"WAITING", "what"},
    {"WORKER", "worker"},
    {"ROWS", "rows", true},
    {"LANES", "lanes", true},
    {"OLDEST (s)", "oldest_s", true},
    {0},
};

static const char waiting_sql[] =
    "SELECT 'outbox', coalesce(worker, '(leader)'), count(*), count(DISTINCT key),"
    " extract(epoch FROM now() - min(created_at))::bigint FROM relais.outbox"
    " GROUP BY worker UNION ALL"
    " SELECT 'parked', worker, count(*), count(DISTINCT lane),"
    " extract(epoch FROM now() - min(parked_at))::bigint FROM relais.parked_event"
    " GROUP BY worker UNION ALL"
    " SELECT 'timers due', worker, count(*), count(DISTINCT key),"
    " extract(epoch FROM now() - min(due_at))::bigint FROM relais.timer"
    " WHERE due_at < now() GROUP BY worker ORDER BY 1, 2";

static const struct table_column effect_columns[] = {
    {"EFFECT", "state"},
    {"KIND", "kind"},
    {"COUNT", "count", true},
    {"OLDEST (s)", "oldest_s", true},
    {0},
};

static const char effect_sql[] =
    "SELECT state, kind, count(*),"
    " extract(epoch FROM now() - min(updated_at))::bigint FROM ("
    " SELECT kind, updated_at, CASE WHEN state = 'intent' THEN 'unsure' ELSE state END"
    " AS state FROM relais.effect WHERE state = 'flagged'"
    " OR (state = 'intent' AND deadline_at < now())) AS e"
    " GROUP BY state, kind ORDER BY state, kind";

static const struct table_column attention_columns[] = {
    {"A PERSON MUST LOOK AT", "kind"},
    {"ENTITY", "entity"},
    {"SINCE (UTC)", "since"},
    {"TEXT", "text"},
    {0},
};

static const char attention_sql[] =
    "SELECT kind, entity,"
    " to_char(raised_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), text"
    " FROM relais.attention WHERE resolved_at IS NULL ORDER BY raised_at LIMIT 200";

static const struct section {
    const char *name, *sql, *none;
    const struct table_column *columns;
} sections[] = {
    {"owners", owner_sql, "No worker has taken a partition yet.", owner_columns},
    {"waiting", waiting_sql, "Outbox and parking are empty, no timer is due.",
     waiting_columns},
    {"effects", effect_sql, "No effect is unsure or flagged.", effect_columns},
    {"attention", attention_sql, "Nothing waits for a person.", attention_columns},
    {0},
};

static const struct table_column topic_columns[] = {
    {"TOPIC", "topic"},
    {"READ BY", "group"},
    {"PARTITIONS", "partitions", true},
    {"RECORDS", "records", true},
    {"LAG", "lag", true},
    {0},
};

static void
put_table(const struct cli *cli, struct str *out, const char *name, struct table *table,
          const char *none)
{
    if (cli->json) {
        str_printf(out, "%s\"%s\":", out->length == 0 ? "{" : ",", name);
        table_json(table, out);
    } else {
        str_puts(out, out->length == 0 ? "" : "\n");
        if (table->rows == 0)
            str_printf(out, "%s\n", none);
        table_print(table, out);
    }
    table_end(table);
}

static int
put_sections(struct cli *cli, struct str *out)
{
    for (const struct section *s = sections; s->name != NULL; s++) {
        struct table table;
        int status = EX_OK;
        struct pg_rows *rows = cli_query(cli, s->sql, NULL, 0, &status);
        if (rows == NULL)
            return status;
        table_begin(&table, s->columns);
        cli_table_rows(&table, rows);
        pg_rows_free(rows);
        put_table(cli, out, s->name, &table, s->none);
    }
    return EX_OK;
}

struct counting {
    struct table table;
    const struct cli *cli;
    struct error err;
};

// Records that are kept, and those the group has not committed yet.
static bool
count_topic(struct kafka_reader *reader, const char *topic, int32_t partitions,
            int64_t *records, int64_t *lag, struct error *err)
{
    *records = 0;
    *lag = 0;
    for (int32_t p = 0; p < partitions; p++) {
        int64_t low;
        int64_t high;
        int64_t committed;
        if (!kafka_reader_range(reader, topic, p, &low, &high, err)
            || !kafka_reader_committed(reader, topic, p, &committed, err))
            return false;
        *records += high - low;
        *lag += high - (committed < low ? low : committed);
    }
    return true;
}

// group NULL: nobody reads it in order (dead letters), so it has no lag.
static bool
add_topic(struct counting *counting, struct kafka_reader *reader, const char *topic,
          const char *group)
{
    int32_t partitions;
    int64_t records = 0;
    int64_t lag = 0;
    char texts[3][24];

    if (!kafka_reader_partitions(reader, topic, &partitions, &counting->err)
        || !count_topic(reader, topic, partitions, &records, &lag, &counting->err))
        return false;
    if (partitions == 0)
        (void)cli_fail(counting->cli, EX_OK,
                       "there is no topic \"%s\": run relais topics", topic);
    (void)snprintf(texts[0], sizeof texts[0], "%d", (int)partitions);
    (void)snprintf(texts[1], sizeof texts[1], "%lld", (long long)records);
    (void)snprintf(texts[2], sizeof texts[2], "%lld", (long long)lag);
    const char *const cells[] = {topic, group, texts[0], texts[1],
                                 group == NULL ? NULL : texts[2]};
    table_row(&counting->table, cells);
    return true;
}

static bool
add_worker(void *arg, const char *worker)
{
    struct counting *counting = arg;
    char topics[PLACE_TOPICS][PLACE_NAME];
    char group[PLACE_NAME];
    char dead[PLACE_NAME];

    places_group(worker, group);
    places_dead_letters(worker, dead);
    struct kafka_reader *reader =
        kafka_reader_open(counting->cli->settings.brokers, group, &counting->err);
    if (reader == NULL)
        return false;
    bool good = true;
    int count = places_read_by(worker, topics);
    for (int i = 0; good && i < count; i++)
        good = add_topic(counting, reader, topics[i], group);
    good = good && add_topic(counting, reader, dead, NULL);
    kafka_reader_close(reader);
    return good;
}

// Without a broker the ledger is still worth seeing.
static int
put_topics(struct cli *cli, struct str *out)
{
    struct counting counting = {.cli = cli};
    int status = EX_OK;

    table_begin(&counting.table, topic_columns);
    if (cli->settings.brokers[0] == '\0')
        status = cli_fail(cli, EX_CONFIG, "KAFKA_BROKERS is not set: topics not shown");
    else if (!cli_each_worker(cli, add_worker, &counting))
        status = cli_error(cli, &counting.err);
    put_table(cli, out, "topics", &counting.table, "Topics unknown.");
    return status;
}

int
cli_status(struct cli *cli)
{
    if (!cli_arguments(cli, 0, 0))
        return EX_USAGE;
    struct str out;
    str_begin(&out, STATUS_BYTES);
    int status = put_sections(cli, &out);
    if (status != EX_OK) {
        str_end(&out);
        return status;
    }
    status = put_topics(cli, &out);
    str_puts(&out, cli->json ? "}\n" : "");
    int written = cli_flush(cli, &out);
    return status != EX_OK ? status : written;
}
