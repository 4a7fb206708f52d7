// workers/cli/dead.c - relais dead: events that can never pass, until somebody mended
// what was wrong and replays them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/kafka_reader.h"
#include "workers/cli/cli.h"
#include "workers/cli/letters.h"
#include "workers/cli/redact.h"
#include "workers/cli/replay.h"

enum { SHOW_BYTES = 32 << 20, REFERENCE = PLACE_NAME + 40 };

static const struct table_column columns[] = {
    {"RECORD", "record"}, {"DIED (UTC)", "at"},
    {"TYPE", "type"},     {"ENTITY", "entity"},
    {"KIND", "kind"},     {"SERVICE", "service"},
    {"STATUS", "status"}, {"REPLAY", "replay"},
    {"ERROR", "error"},   {0},
};

// "docuseal.dead-letters/3/17"
static void
reference_of(const struct record *letter, char text[REFERENCE])
{
    (void)snprintf(text, REFERENCE, "%s/%d/%lld", letter->topic, (int)letter->partition,
                   (long long)letter->offset);
}

// What became of a letter's replay, or why it cannot have one.
static const char *
fate_of(struct cli *cli, const struct record *letter, int *status)
{
    char worker[PLACE_NAME];
    char seen[EVENT_SEEN];
    struct error err = {0};
    struct record *again = letters_replay(letter, seen, &err);
    if (again == NULL || !letters_worker(letter->topic, worker))
        return "impossible";
    record_free(again);
    const char *fate = replay_fate(cli, worker, seen, status);
    return fate;
}

static const char *
or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

static int
add_row(struct cli *cli, struct table *table, const struct record *letter)
{
    char reference[REFERENCE];
    int status = EX_OK;
    const char *fate = fate_of(cli, letter, &status);
    reference_of(letter, reference);
    const char *const cells[] = {
        reference,
        letters_header(letter, "x-dead-at"),
        or_null(letters_header(letter, "ce_type")),
        or_null(letters_header(letter, "ce_subject")),
        letters_header(letter, "x-dead-kind"),
        or_null(letters_header(letter, "x-dead-service")),
        or_null(letters_header(letter, "x-dead-status")),
        fate,
        letters_header(letter, "x-dead-error"),
    };
    table_row(table, cells);
    return status;
}

// ---- list

struct reading {
    struct cli *cli;
    struct letters letters;
    struct error err;
};

// A worker whose topic was never made has no dead letters, and those of the others can
// still be read.
static bool
read_worker(void *arg, const char *worker)
{
    struct reading *reading = arg;
    char topic[PLACE_NAME];
    places_dead_letters(worker, topic);
    if (letters_read(&reading->letters, reading->cli->settings.brokers, topic,
                     &reading->err))
        return true;
    if (reading->err.kind != ERROR_PERMANENT)
        return false;
    (void)cli_fail(reading->cli, EX_OK, "%s: run relais topics", reading->err.text);
    error_clear(&reading->err);
    return true;
}

static bool
read_named(struct reading *reading)
{
    struct cli *cli = reading->cli;
    for (int i = 0; i < cli->count; i++)
        if (!letters_read(&reading->letters, cli->settings.brokers, cli->args[i],
                          &reading->err))
            return false;
    return true;
}

static int
dead_list(struct cli *cli)
{
    struct reading reading = {.cli = cli};
    reading.letters.filter.type = cli_option(cli, "--type");
    reading.letters.filter.entity = cli_option(cli, "--entity");
    if (!cli_arguments(cli, 0, -1))
        return EX_USAGE;
    bool good = cli->count > 0 ? read_named(&reading)
                               : cli_each_worker(cli, read_worker, &reading);
    int status = good ? EX_OK : cli_error(cli, &reading.err);
    struct table table;
    table_begin(&table, columns);
    letters_sort(&reading.letters);
    for (size_t i = 0; status == EX_OK && i < reading.letters.count; i++)
        status = add_row(cli, &table, reading.letters.items[i]);
    letters_end(&reading.letters);
    if (status == EX_OK)
        return cli_print_table(cli, &table, "no dead letters");
    table_end(&table);
    return status;
}

// ---- one of them

// Finds "topic/partition/offset"; NULL: printed, *status is set.
static struct record *
find_letter(struct cli *cli, const char *reference, int *status)
{
    char topic[PLACE_NAME];
    char worker[PLACE_NAME];
    long long partition;
    long long offset;
    struct error err = {0};
    char *copy = str_dup(reference);
    char *last = strrchr(copy, '/');
    if (last != NULL)
        *last++ = '\0';
    char *middle = strrchr(copy, '/');
    if (middle != NULL)
        *middle++ = '\0';
    bool good = last != NULL && middle != NULL && str_to_i64(last, &offset)
                && str_to_i64(middle, &partition) && partition >= 0
                && partition <= INT32_MAX && str_copy(topic, sizeof topic, copy)
                && letters_worker(topic, worker);
    free(copy);
    if (!good) {
        *status = cli_usage(cli, "\"%s\" is not <worker>.dead-letters/partition/offset",
                            reference);
        return NULL;
    }
    struct kafka_reader *reader = kafka_reader_open(cli->settings.brokers, NULL, &err);
    struct record *letter = NULL;
    if (reader == NULL
        || !kafka_reader_one(reader, topic, (int32_t)partition, offset, &letter, &err))
        *status = cli_error(cli, &err);
    else if (letter == NULL)
        *status = cli_fail(cli, EX_DATAERR, "there is no record %s", reference);
    if (reader != NULL)
        kafka_reader_close(reader);
    return letter;
}

static void
put_header(struct str *out, const struct record_header *h, bool json, bool first)
{
    const char *value = h->value == NULL ? "" : h->value;
    if (json) {
        str_puts(out, first ? "" : ",");
        table_json_string(out, h->name);
        str_puts(out, ":");
        table_json_string(out, value);
        return;
    }
    char name[REFERENCE];
    (void)str_copy(name, sizeof name, h->name);
    str_clean(name); // a terminal must not obey it
    str_printf(out, "%-18s ", name);
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;
        if (c == '\n')
            str_printf(out, "\n%19s", "");
        else
            str_append(out, c < 0x20 ? "?" : value, 1);
    }
    str_puts(out, "\n");
}

static void
put_letter(struct str *out, const struct record *letter, const char *fate, bool json)
{
    char reference[REFERENCE];
    reference_of(letter, reference);
    if (json)
        str_printf(out, "{\"record\":\"%s\",\"replay\":", reference);
    else
        str_printf(out, "%-18s %s\n%-18s ", "record", reference, "replay");
    if (json)
        table_json_string(out, fate);
    else
        str_printf(out, "%s\n", fate == NULL ? "none yet" : fate);
    str_puts(out, json ? ",\"headers\":{" : "");
    for (size_t i = 0; i < letter->header_count; i++)
        put_header(out, &letter->headers[i], json, i == 0);
    str_puts(out, json ? "},\"payload\":" : "\n");
    if (letter->payload == NULL)
        str_puts(out, "null");
    else
        redact_json(out, letter->payload, letter->payload_length);
    str_puts(out, json ? "}\n" : "\n");
}

static int
dead_show(struct cli *cli)
{
    int status = EX_OK;
    if (!cli_arguments(cli, 1, 1))
        return EX_USAGE;
    struct record *letter = find_letter(cli, cli->args[0], &status);
    if (letter == NULL)
        return status;
    const char *fate = fate_of(cli, letter, &status);
    if (status == EX_OK) {
        struct str out;
        str_begin(&out, SHOW_BYTES);
        put_letter(&out, letter, fate, cli->json);
        status = cli_flush(cli, &out);
    }
    record_free(letter);
    return status;
}

// ---- replay

static int
replay_one(struct cli *cli, const char *reference)
{
    char worker[PLACE_NAME];
    char seen[EVENT_SEEN];
    struct error err = {0};
    int status = EX_OK;
    struct record *letter = find_letter(cli, reference, &status);
    if (letter == NULL)
        return status;
    struct record *again = letters_replay(letter, seen, &err);
    if (again == NULL || !letters_worker(letter->topic, worker)) {
        record_free(letter);
        return cli_error(cli, &err);
    }
    const char *fate = replay_fate(cli, worker, seen, &status);
    if (status == EX_OK && fate != NULL)
        status = cli_fail(cli, EX_DATAERR, "%s was replayed before, and is %s",
                          reference, fate);
    if (status == EX_OK)
        status = replay_produce(cli, &again, 1);
    if (status == EX_OK && cli->json)
        cli_say("{\"replayed\":1}\n");
    else if (status == EX_OK)
        cli_say("replayed to %s: relais journey %s\n", again->topic,
                letters_header(letter, "ce_subject"));
    record_free(again);
    record_free(letter);
    return status;
}

// Those that were not replayed yet; *skipped counts the others.
static int
replay_letters(struct cli *cli, const struct letters *letters)
{
    size_t count = 0;
    size_t skipped = 0;
    int status = EX_OK;
    struct record **again = str_calloc(letters->count + 1, sizeof *again);
    for (size_t i = 0; status == EX_OK && i < letters->count; i++) {
        char worker[PLACE_NAME];
        char seen[EVENT_SEEN];
        struct error err = {0};
        struct record *record = letters_replay(letters->items[i], seen, &err);
        const char *fate = NULL;
        if (record != NULL && letters_worker(letters->items[i]->topic, worker))
            fate = replay_fate(cli, worker, seen, &status);
        if (record != NULL && fate == NULL)
            again[count++] = record;
        else {
            skipped++;
            record_free(record);
        }
    }
    if (status == EX_OK && count > 0)
        status = replay_produce(cli, again, count);
    if (status == EX_OK && cli->json)
        cli_say("{\"replayed\":%zu,\"skipped\":%zu}\n", count, skipped);
    else if (status == EX_OK)
        cli_say("%zu replayed, %zu skipped (replayed before, or no event)\n", count,
                skipped);
    for (size_t i = 0; i < count; i++)
        record_free(again[i]);
    free(again);
    return status;
}

static int
replay_all(struct cli *cli, const char *topic, struct letters_filter filter)
{
    struct letters letters = {.filter = filter};
    struct error err = {0};
    char worker[PLACE_NAME];
    if (!letters_worker(topic, worker))
        return cli_usage(cli, "\"%s\" is not <worker>.dead-letters", topic);
    if (!letters_read(&letters, cli->settings.brokers, topic, &err)) {
        letters_end(&letters);
        return cli_error(cli, &err);
    }
    letters_sort(&letters);
    int status = replay_letters(cli, &letters);
    letters_end(&letters);
    return status;
}

static int
dead_replay(struct cli *cli)
{
    const char *topic = cli_option(cli, "--all");
    struct letters_filter filter = {
        .type = cli_option(cli, "--type"),
        .entity = cli_option(cli, "--entity"),
    };
    if (!cli_arguments(cli, topic == NULL ? 1 : 0, topic == NULL ? 1 : 0))
        return EX_USAGE;
    if (topic != NULL)
        return replay_all(cli, topic, filter);
    if (filter.type != NULL || filter.entity != NULL)
        return cli_usage(cli, "--type and --entity go with --all");
    return replay_one(cli, cli->args[0]);
}

static const struct cli_command dead_commands[] = {
    {"list", "[--type TYPE] [--entity ENTITY] [topic...]", "", 0, dead_list},
    {"show", "<topic/partition/offset>", "", 0, dead_show},
    {"replay", "<topic/partition/offset> | --all <topic> [--type] [--entity]", "", 0,
     dead_replay},
    {0},
};

int
cli_dead(struct cli *cli)
{
    return cli_subcommand(cli, dead_commands);
}
