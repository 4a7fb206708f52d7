#include "workers/ingest/spool_db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/job.h"
#include "common/json.h"
#include "common/str.h"

enum { SCHEMA_VERSION = 1, BUSY_MS = 5000, RESERVE_BYTES = 8 * 1024 * 1024 };

static const char schema[] =
    "PRAGMA auto_vacuum = INCREMENTAL;"
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA journal_size_limit = 16777216;"
    "CREATE TABLE IF NOT EXISTS event (sequence INTEGER PRIMARY KEY, topic TEXT NOT "
    "NULL, key TEXT NOT NULL, headers TEXT NOT NULL, payload BLOB NOT NULL, bytes "
    "INTEGER NOT NULL, kept_at TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS refused (sequence INTEGER NOT NULL, topic TEXT NOT "
    "NULL, key TEXT NOT NULL, headers TEXT NOT NULL, payload BLOB NOT NULL, bytes "
    "INTEGER NOT NULL, kept_at TEXT NOT NULL, refused_at TEXT NOT NULL, reason TEXT "
    "NOT NULL);"
    "PRAGMA user_version = 1;";

enum statement { INSERT, REMOVE, REFUSE, STATEMENTS };

static const char *const statement_text[STATEMENTS] = {
    [INSERT] = "INSERT INTO event (sequence, topic, key, headers, payload, bytes, "
               "kept_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    [REMOVE] = "DELETE FROM event WHERE sequence = ?",
    [REFUSE] = "INSERT INTO refused SELECT sequence, topic, key, headers, payload, "
               "bytes, kept_at, ?2, ?3 FROM event WHERE sequence = ?1",
};

static const char read_text[] = "SELECT sequence, topic, key, headers, payload FROM "
                                "event ORDER BY sequence LIMIT ?";

// Room on the disk for the moment when it is full: without any, what is in Kafka could
// not be removed either, and nothing would ever go on.
enum reserve {
    NO_RESERVE, // there was no room for it to begin with
    HELD,
    SPENT, // until the spool is empty: nothing new is taken, or it would take that room
};

// Two connections, so that the drainer's reads and the writer's commits do not wait for
// each other.
struct ingest_spool_db {
    int lock_fd;
    char *reserve_path;
    enum reserve reserve;
    sqlite3 *writer;
    sqlite3 *reader;
    sqlite3_stmt *statements[STATEMENTS];
    sqlite3_stmt *read;
};

static bool
failed(sqlite3 *connection, const char *what, struct error *err)
{
    return error_retryable(err, "spool: %s: %s", what, sqlite3_errmsg(connection));
}

static char *
path_in(const char *folder, const char *name)
{
    struct str path;
    str_begin(&path, 4096);
    str_printf(&path, "%s/%s", folder, name);
    return path.data; // the caller frees it
}

static bool
lock_folder(struct ingest_spool_db *db, const char *folder, struct error *err)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return error_fatal(err,
                           "INGEST_SPOOL: %s cannot be made (%s): make it, "
                           "writable for this program",
                           folder, strerrordesc_np(errno));
    char *path = path_in(folder, "lock");
    db->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int problem = errno;
    free(path);
    if (db->lock_fd < 0)
        return error_fatal(err, "INGEST_SPOOL: %s cannot be written (%s)", folder,
                           strerrordesc_np(problem));
    if (flock(db->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return error_fatal(err,
                           "INGEST_SPOOL: %s is in use by another process: give "
                           "each its own folder",
                           folder);
    return true;
}

static bool
connect_to(const char *path, sqlite3 **connection, struct error *err)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, connection, flags, NULL) != SQLITE_OK)
        return error_fatal(err, "INGEST_SPOOL: %s cannot be opened: %s", path,
                           *connection == NULL ? "no memory"
                                               : sqlite3_errmsg(*connection));
    sqlite3_busy_timeout(*connection, BUSY_MS);
    return true;
}

static bool
one_number(sqlite3 *connection, const char *sql, int64_t *number, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    bool done = sqlite3_prepare_v2(connection, sql, -1, &statement, NULL) == SQLITE_OK
                && sqlite3_step(statement) == SQLITE_ROW;
    if (done)
        *number = sqlite3_column_int64(statement, 0);
    else
        failed(connection, "cannot read", err);
    sqlite3_finalize(statement);
    return done;
}

static bool
prepare(sqlite3 *connection, const char *sql, sqlite3_stmt **statement,
        struct error *err)
{
    if (sqlite3_prepare_v3(connection, sql, -1, SQLITE_PREPARE_PERSISTENT, statement,
                           NULL)
        == SQLITE_OK)
        return true;
    return failed(connection, "cannot prepare", err);
}

static bool
set_up(struct ingest_spool_db *db, const char *path, struct error *err)
{
    int64_t version = 0;
    if (!connect_to(path, &db->writer, err)
        || !one_number(db->writer, "PRAGMA user_version", &version, err))
        return false;
    if (version > SCHEMA_VERSION)
        return error_fatal(err, "INGEST_SPOOL: %s was written by a newer relais-ingest",
                           path);
    if (sqlite3_exec(db->writer, schema, NULL, NULL, NULL) != SQLITE_OK)
        return failed(db->writer, "cannot make the tables", err);
    for (int i = 0; i < STATEMENTS; i++)
        if (!prepare(db->writer, statement_text[i], &db->statements[i], err))
            return false;
    return connect_to(path, &db->reader, err)
           && prepare(db->reader, read_text, &db->read, err);
}

static enum reserve
take_reserve(const struct ingest_spool_db *db, enum reserve otherwise)
{
    int fd = open(db->reserve_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool held = fd >= 0 && posix_fallocate(fd, 0, RESERVE_BYTES) == 0;
    if (fd >= 0)
        close(fd);
    if (!held)
        unlink(db->reserve_path);
    return held ? HELD : otherwise;
}

// Whether there was one, so that what failed may pass now.
static bool
spend_reserve(struct ingest_spool_db *db)
{
    if (db->reserve != HELD)
        return false;
    unlink(db->reserve_path);
    db->reserve = SPENT;
    return true;
}

// With what an earlier life left of it.
static bool
set_up_reserve(struct ingest_spool_db *db, struct error *err)
{
    int64_t rows;
    if (!one_number(db->writer, "SELECT count(*) FROM event", &rows, err))
        return false;
    db->reserve = take_reserve(db, rows > 0 ? SPENT : NO_RESERVE);
    return true;
}

struct ingest_spool_db *
ingest_spool_db_open(const char *folder, struct error *err)
{
    struct ingest_spool_db *db = str_calloc(1, sizeof *db);
    db->lock_fd = -1;
    char *path = path_in(folder, "spool.db");
    db->reserve_path = path_in(folder, "reserve");
    bool opened = lock_folder(db, folder, err) && set_up(db, path, err)
                  && set_up_reserve(db, err);
    free(path);
    if (opened)
        return db;
    ingest_spool_db_close(db);
    return NULL;
}

void
ingest_spool_db_close(struct ingest_spool_db *db)
{
    if (db == NULL)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(db->statements[i]);
    sqlite3_finalize(db->read);
    sqlite3_close(db->reader);
    sqlite3_close(db->writer);
    if (db->lock_fd >= 0)
        close(db->lock_fd);
    free(db->reserve_path);
    free(db);
}

bool
ingest_spool_db_totals(struct ingest_spool_db *db, struct ingest_spool_totals *totals,
                       struct error *err)
{
    return one_number(db->writer, "SELECT count(*) FROM event", &totals->rows, err)
           && one_number(db->writer, "SELECT coalesce(sum(bytes), 0) FROM event",
                         &totals->bytes, err)
           && one_number(db->writer, "SELECT coalesce(max(sequence), 0) FROM event",
                         &totals->last_sequence, err)
           && one_number(db->writer, "SELECT count(*) FROM refused", &totals->refused,
                         err);
}

size_t
ingest_spool_record_bytes(const struct record *record)
{
    size_t bytes = strlen(record->topic) + record->key_length + record->payload_length;
    for (size_t i = 0; i < record->header_count; i++)
        bytes += strlen(record->headers[i].name) + record->headers[i].length;
    return bytes;
}

static bool
insert_one(struct ingest_spool_db *db, const struct ingest_row *row, const char *now)
{
    sqlite3_stmt *s = db->statements[INSERT];
    const struct record *record = row->record;
    struct job job;

    job_begin(&job, 0);
    struct json_object *headers = json_object_in(&job);
    for (size_t i = 0; i < record->header_count; i++)
        json_set_string(headers, record->headers[i].name, record->headers[i].value);
    const char *text = json_print(headers, NULL);
    bool done =
        sqlite3_bind_int64(s, 1, row->sequence) == SQLITE_OK
        && sqlite3_bind_text(s, 2, record->topic, -1, SQLITE_STATIC) == SQLITE_OK
        && sqlite3_bind_text64(s, 3, record->key, record->key_length, SQLITE_STATIC,
                               SQLITE_UTF8)
               == SQLITE_OK
        && sqlite3_bind_text(s, 4, text, -1, SQLITE_STATIC) == SQLITE_OK
        && sqlite3_bind_blob64(s, 5, record->payload, record->payload_length,
                               SQLITE_STATIC)
               == SQLITE_OK
        && sqlite3_bind_int64(s, 6, (int64_t)ingest_spool_record_bytes(record))
               == SQLITE_OK
        && sqlite3_bind_text(s, 7, now, -1, SQLITE_STATIC) == SQLITE_OK
        && sqlite3_step(s) == SQLITE_DONE;
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    job_end(&job);
    return done;
}

static bool
begin(struct ingest_spool_db *db, struct error *err)
{
    if (sqlite3_exec(db->writer, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK)
        return true;
    return failed(db->writer, "cannot begin", err);
}

// Commits what was done, or takes it back where something failed.
static bool
end(struct ingest_spool_db *db, bool done, struct error *err)
{
    if (done && sqlite3_exec(db->writer, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
        return true;
    failed(db->writer, "cannot write", err);
    if (sqlite3_get_autocommit(db->writer) == 0)
        sqlite3_exec(db->writer, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

bool
ingest_spool_db_insert(struct ingest_spool_db *db, const struct ingest_row *first,
                       struct error *err)
{
    char now[CLOCK_TEXT];
    clock_format(clock_wall_ms(), now);
    if (db->reserve == SPENT)
        return error_retryable(err,
                               "spool: the disk is full: nothing new is kept until "
                               "what is kept is in Kafka");
    if (!begin(db, err))
        return false;
    bool done = true;
    for (const struct ingest_row *row = first; done && row != NULL; row = row->next)
        done = insert_one(db, row, now);
    return end(db, done, err);
}

static bool
run_for(sqlite3_stmt *s, int64_t sequence)
{
    bool done = sqlite3_bind_int64(s, 1, sequence) == SQLITE_OK
                && sqlite3_step(s) == SQLITE_DONE;
    sqlite3_reset(s);
    return done;
}

static bool
remove_rows(struct ingest_spool_db *db, const struct ingest_spooled rows[], int count,
            struct error *err)
{
    if (!begin(db, err))
        return false;
    bool done = true;
    for (int i = 0; done && i < count; i++)
        done = run_for(db->statements[REMOVE], rows[i].sequence);
    return end(db, done, err);
}

bool
ingest_spool_db_remove(struct ingest_spool_db *db, const struct ingest_spooled rows[],
                       int count, struct error *err)
{
    return remove_rows(db, rows, count, err)
           || (spend_reserve(db) && remove_rows(db, rows, count, err));
}

static bool
refuse_row(struct ingest_spool_db *db, int64_t sequence, const char *reason,
           struct error *err)
{
    char now[CLOCK_TEXT];
    sqlite3_stmt *s = db->statements[REFUSE];
    clock_format(clock_wall_ms(), now);
    if (!begin(db, err))
        return false;
    bool done = sqlite3_bind_text(s, 2, now, -1, SQLITE_STATIC) == SQLITE_OK
                && sqlite3_bind_text(s, 3, reason, -1, SQLITE_STATIC) == SQLITE_OK
                && run_for(s, sequence) && run_for(db->statements[REMOVE], sequence);
    sqlite3_clear_bindings(s);
    return end(db, done, err);
}

bool
ingest_spool_db_refuse(struct ingest_spool_db *db, int64_t sequence, const char *reason,
                       struct error *err)
{
    return refuse_row(db, sequence, reason, err)
           || (spend_reserve(db) && refuse_row(db, sequence, reason, err));
}

void
ingest_spool_db_shrink(struct ingest_spool_db *db)
{
    // Neither matters for what is kept: a failure only leaves the file larger.
    sqlite3_exec(db->writer, "PRAGMA incremental_vacuum", NULL, NULL, NULL);
    sqlite3_wal_checkpoint_v2(db->writer, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (db->reserve != HELD)
        db->reserve = take_reserve(db, NO_RESERVE);
}

static size_t
header_list(struct json_object *object, struct record_header headers[], size_t room)
{
    size_t count = 0;
    json_object_object_foreach(object, name, value)
    {
        const char *text = json_object_get_string(value);
        if (count < room && text != NULL)
            headers[count++] = (struct record_header){name, text, (size_t)strlen(text)};
    }
    return count;
}

static bool
take_row(sqlite3_stmt *s, struct ingest_spooled *row, struct error *err)
{
    enum { HEADERS_MAX = 32 };
    struct record_header headers[HEADERS_MAX];
    struct json_object *object =
        json_parse_raw(sqlite3_column_text(s, 3), (size_t)sqlite3_column_bytes(s, 3));
    row->sequence = sqlite3_column_int64(s, 0);
    if (object == NULL)
        return error_permanent(err, "spool: row %lld has unreadable headers",
                               (long long)row->sequence);
    struct record from = {
        .topic = (const char *)sqlite3_column_text(s, 1),
        .offset = -1,
        .key = (const char *)sqlite3_column_text(s, 2),
        .key_length = (size_t)sqlite3_column_bytes(s, 2),
        .payload = sqlite3_column_blob(s, 4),
        .payload_length = (size_t)sqlite3_column_bytes(s, 4),
        .headers = headers,
        .header_count = header_list(object, headers, HEADERS_MAX),
    };
    row->bytes = ingest_spool_record_bytes(&from);
    row->record = record_copy(&from);
    json_drop(object);
    return true;
}

int
ingest_spool_db_read(struct ingest_spool_db *db, struct ingest_spooled rows[],
                     int count, struct error *err)
{
    enum { BYTES_MAX = 8 * 1024 * 1024 };
    int found = 0;
    size_t bytes = 0;
    int state = sqlite3_bind_int(db->read, 1, count);
    bool good = state == SQLITE_OK;
    while (good && bytes < BYTES_MAX
           && (state = sqlite3_step(db->read)) == SQLITE_ROW) {
        good = take_row(db->read, &rows[found], err);
        if (good)
            bytes += rows[found++].bytes;
    }
    if (good && state != SQLITE_DONE && state != SQLITE_ROW)
        good = failed(db->reader, "cannot read", err);
    sqlite3_reset(db->read);
    if (good)
        return found;
    while (found > 0)
        record_free(rows[--found].record);
    return -1;
}
