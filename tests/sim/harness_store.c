#include "harness_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "harness_json.h"

// The journal is lines of {"reset":true}? {"next":{collection:id}} and
// {"rows":[[collection, id, row or null]...]}; the last word on a row wins.
struct store {
    char *path; // NULL: memory only
    int fd;
    struct json_object *collections;
    struct json_object *next;
    struct json_object *changed; // collection -> id -> true
};

enum { ID_TEXT_BYTES = 24 };

static const char *
id_text(int64_t id, char out[ID_TEXT_BYTES])
{
    snprintf(out, ID_TEXT_BYTES, "%" PRId64, id);
    return out;
}

static struct json_object *
member(struct json_object *parent, const char *key)
{
    struct json_object *child = json_at(parent, key);
    if (child != NULL)
        return child;
    child = json_object_new_object();
    json_add(parent, key, child);
    return child;
}

static void
forget_all(struct store *store)
{
    json_object_put(store->collections);
    json_object_put(store->changed);
    store->collections = json_object_new_object();
    store->changed = json_object_new_object();
}

static void
replay(struct store *store, struct json_object *line)
{
    if (json_flag(line, "reset", false))
        forget_all(store);
    struct json_object *next = json_at(line, "next");
    if (next != NULL) {
        json_object_put(store->next);
        store->next = json_object_get(next);
    }
    struct json_object *rows = json_at(line, "rows");
    size_t count = rows == NULL ? 0 : json_object_array_length(rows);
    for (size_t i = 0; i < count; i++) {
        struct json_object *entry = json_object_array_get_idx(rows, i);
        const char *name = json_object_get_string(json_object_array_get_idx(entry, 0));
        const char *id = json_object_get_string(json_object_array_get_idx(entry, 1));
        struct json_object *row = json_object_array_get_idx(entry, 2);
        struct json_object *collection = member(store->collections, name);
        if (row == NULL)
            json_object_object_del(collection, id);
        else
            json_share(collection, id, row);
    }
}

static bool
read_journal(struct store *store)
{
    FILE *file = fopen(store->path, "re");
    if (file == NULL)
        return errno == ENOENT;
    char *text = NULL;
    size_t room = 0;
    ssize_t bytes = 0;
    bool torn = false;
    while (!torn && (bytes = getline(&text, &room, file)) > 0) {
        struct json_object *line = json_parse(text, (size_t)bytes);
        // A kill can tear only the last line, whose call was never answered.
        torn = line == NULL;
        if (!torn)
            replay(store, line);
        json_object_put(line);
    }
    free(text);
    fclose(file);
    return true;
}

static bool
write_line(int fd, struct json_object *line)
{
    // One write for the text and its end, so that a torn line is never a whole one.
    char *text = json_text(line);
    char end[] = "\n";
    struct iovec parts[] = {
        {.iov_base = text, .iov_len = strlen(text)},
        {.iov_base = end, .iov_len = 1},
    };
    ssize_t written = 0;
    do {
        written = writev(fd, parts, 2);
    } while (written < 0 && errno == EINTR);
    free(text);
    return written == (ssize_t)(parts[0].iov_len + 1);
}

static void
push_row(struct json_object *rows, const char *name, const char *id,
         struct json_object *row)
{
    struct json_object *entry = json_object_new_array();
    json_push_str(entry, name);
    json_push_str(entry, id);
    json_object_array_add(entry, json_object_get(row));
    json_object_array_add(rows, entry);
}

static struct json_object *
new_line(struct store *store)
{
    struct json_object *line = json_object_new_object();
    json_share(line, "next", store->next);
    json_add(line, "rows", json_object_new_array());
    return line;
}

// Rewrites the journal as one line, so that it does not grow from start to start.
static bool
compact(struct store *store)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.new", store->path) < 0)
        abort();
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        free(temporary);
        return false;
    }
    struct json_object *line = new_line(store);
    struct json_object *rows = json_at(line, "rows");
    json_object_object_foreach(store->collections, name, collection)
    {
        json_object_object_foreach(collection, id, row)
        {
            push_row(rows, name, id, row);
        }
    }
    bool ok = write_line(fd, line) && rename(temporary, store->path) == 0;
    json_object_put(line);
    free(temporary);
    store->fd = fd;
    return ok;
}

struct store *
store_open(const char *path)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        abort();
    store->fd = -1;
    store->next = json_object_new_object();
    forget_all(store);
    if (path == NULL || *path == '\0')
        return store;
    store->path = strdup(path);
    if (store->path != NULL && read_journal(store) && compact(store))
        return store;
    fprintf(stderr, "the state file %s cannot be read and written: %s\n", path,
            strerrordesc_np(errno));
    store_close(store);
    return NULL;
}

void
store_close(struct store *store)
{
    if (store == NULL)
        return;
    if (store->fd >= 0)
        close(store->fd);
    json_object_put(store->collections);
    json_object_put(store->changed);
    json_object_put(store->next);
    free(store->path);
    free(store);
}

int64_t
store_next_id(struct store *store, const char *collection, int64_t first)
{
    int64_t id = json_int(store->next, collection, first);
    json_add_int(store->next, collection, id + 1);
    return id;
}

int64_t
store_peek_id(struct store *store, const char *collection, int64_t first)
{
    return json_int(store->next, collection, first);
}

struct json_object *
store_get(struct store *store, const char *collection, int64_t id)
{
    char text[ID_TEXT_BYTES];
    return json_at(json_at(store->collections, collection), id_text(id, text));
}

void
store_touch(struct store *store, const char *collection, int64_t id)
{
    char text[ID_TEXT_BYTES];
    json_add_bool(member(store->changed, collection), id_text(id, text), true);
}

void
store_put(struct store *store, const char *collection, int64_t id,
          struct json_object *row)
{
    char text[ID_TEXT_BYTES];
    json_add(member(store->collections, collection), id_text(id, text), row);
    store_touch(store, collection, id);
}

void
store_remove(struct store *store, const char *collection, int64_t id)
{
    char text[ID_TEXT_BYTES];
    json_object_object_del(member(store->collections, collection), id_text(id, text));
    store_touch(store, collection, id);
}

int
store_count(struct store *store, const char *collection)
{
    struct json_object *rows = json_at(store->collections, collection);
    return rows == NULL ? 0 : json_object_object_length(rows);
}

static struct json_object *
row_of(const struct lh_entry *entry)
{
    return entry == NULL ? NULL : (struct json_object *)lh_entry_v(entry);
}

struct json_object *
store_newest(struct store *store, const char *collection, struct store_cursor *cursor)
{
    struct json_object *rows = json_at(store->collections, collection);
    cursor->entry = rows == NULL ? NULL : json_object_get_object(rows)->tail;
    return row_of(cursor->entry);
}

struct json_object *
store_older(struct store_cursor *cursor)
{
    cursor->entry = cursor->entry->prev;
    return row_of(cursor->entry);
}

struct json_object *
store_oldest(struct store *store, const char *collection, struct store_cursor *cursor)
{
    struct json_object *rows = json_at(store->collections, collection);
    cursor->entry = rows == NULL ? NULL : json_object_get_object(rows)->head;
    return row_of(cursor->entry);
}

struct json_object *
store_newer(struct store_cursor *cursor)
{
    cursor->entry = cursor->entry->next;
    return row_of(cursor->entry);
}

static void
write_or_die(struct store *store, struct json_object *line)
{
    if (store->fd >= 0 && !write_line(store->fd, line)) {
        fprintf(stderr, "the state file %s cannot be written: %s\n", store->path,
                strerrordesc_np(errno));
        abort();
    }
    json_object_put(line);
}

void
store_commit(struct store *store)
{
    if (json_object_object_length(store->changed) == 0)
        return;
    if (store->fd >= 0) {
        struct json_object *line = new_line(store);
        json_object_object_foreach(store->changed, name, ids)
        {
            json_object_object_foreach(ids, id, flag)
            {
                (void)flag;
                push_row(json_at(line, "rows"), name, id,
                         json_at(json_at(store->collections, name), id));
            }
        }
        write_or_die(store, line);
    }
    json_object_put(store->changed);
    store->changed = json_object_new_object();
}

void
store_reset(struct store *store)
{
    forget_all(store);
    struct json_object *line = new_line(store);
    json_add_bool(line, "reset", true);
    write_or_die(store, line);
}
