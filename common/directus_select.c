// Names of tables and columns are those that Postgres itself told of, and are quoted;
// values are parameters.
#include "common/directus_select.h"

#include <json-c/json.h>

#include <string.h>

#include "common/json.h"
#include "common/str.h"

enum {
    SQL_MAX_BYTES = 64 * 1024,
    JOINS_MAX = 16,
    MEMBERS_MAX = 50,    // of json_build_object(), which takes 100 arguments
    DEFAULT_LIMIT = 100, // QUERY_LIMIT_DEFAULT of Directus
    DEPTH_MAX = 4,
};

// How REST shows a type: what stands before and behind the column.
static const struct {
    const char *type, *before, *after;
} shapes[] = {
    {"uuid", "", ""},
    {"varchar", "", ""},
    {"bpchar", "", ""},
    {"text", "", ""},
    {"bool", "", ""},
    {"int2", "", ""},
    {"int4", "", ""},
    {"float4", "", ""},
    {"float8", "", ""},
    {"json", "", ""},
    {"jsonb", "", ""},
    {"date", "", ""},
    {"int8", "", "::text"},
    {"numeric", "", "::text"},
    {"timestamp", "to_char(", ", 'YYYY-MM-DD\"T\"HH24:MI:SS')"},
    {"timestamptz", "to_char(",
     " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"},
    {0},
};

// A row that is joined: the one that `column` of `from` points to.
struct joined {
    int from;
    const struct directus_column *column;
};

struct writer {
    struct job *job;
    const struct directus_column *columns;
    struct directus_select *select;
    const char **fields;
    struct str joins, where;
    struct joined joined[JOINS_MAX]; // the alias "j3" is joined[3]; 0 is the row itself
    int count;
    bool refused;
};

// A place in the tree of rows: a table, as which it was joined, and how the names of
// its fields begin.
struct place {
    const char *table, *prefix;
    int alias;
    int depth;
};

static void
refuse(struct writer *w)
{
    w->refused = true;
}

// The text between quotes of that kind, which are doubled in it.
static void
put_quoted(struct str *out, const char *text, char quote)
{
    str_append(out, &quote, 1);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == quote)
            str_append(out, &quote, 1);
        str_append(out, at, 1);
    }
    str_append(out, &quote, 1);
}

static void
put_column(struct str *out, int alias, const char *name)
{
    str_printf(out, "j%d.", alias);
    put_quoted(out, name, '"');
}

static const struct directus_column *
find(struct writer *w, const char *table, const char *name)
{
    for (const struct directus_column *c = w->columns; c->table != NULL; c++)
        if (strcmp(c->name, name) == 0 && strcmp(c->table, table) == 0)
            return c;
    w->select->unknown = true;
    refuse(w);
    return NULL;
}

// The parts of text between the separators; ends with NULL.
static const char **
split(struct job *job, const char *text, char separator)
{
    size_t count = 2;
    for (const char *at = text; *at != '\0'; at++)
        count += *at == separator;
    const char **parts = job_alloc(job, count * sizeof *parts);
    char *rest = job_strdup(job, text);
    for (size_t i = 0; rest != NULL; i++) {
        parts[i] = rest;
        rest = strchr(rest, separator);
        if (rest != NULL)
            *rest++ = '\0';
    }
    return parts;
}

// Joins the row that the column points to, once; its alias.
static int
join(struct writer *w, int from, const struct directus_column *column)
{
    for (int i = 1; i < w->count; i++)
        if (w->joined[i].from == from && w->joined[i].column == column)
            return i;
    if (w->count == JOINS_MAX || column->other[0] == '\0') {
        refuse(w);
        return 0;
    }
    int alias = w->count++;
    w->joined[alias] = (struct joined){from, column};
    str_puts(&w->joins, " LEFT JOIN ");
    put_quoted(&w->joins, column->other, '"');
    str_printf(&w->joins, " j%d ON j%d.id = ", alias, alias);
    put_column(&w->joins, from, column->name);
    return alias;
}

// ---- fields

static void put_object(struct writer *w, struct str *out, const struct place *place);

static void
put_value(struct writer *w, struct str *out, int alias,
          const struct directus_column *column)
{
    for (size_t i = 0; shapes[i].type != NULL; i++) {
        if (strcmp(shapes[i].type, column->type) != 0)
            continue;
        str_puts(out, shapes[i].before);
        put_column(out, alias, column->name);
        str_puts(out, shapes[i].after);
        return;
    }
    refuse(w);
}

// The rows that point here, in the order of their keys.
static void
put_rows(struct writer *w, struct str *out, const struct place *place,
         const struct directus_column *column, const char *prefix)
{
    if (place->depth > 1 || w->count == JOINS_MAX) {
        refuse(w);
        return;
    }
    int alias = w->count++;
    w->joined[alias] = (struct joined){-1, column};
    str_puts(out, "(SELECT coalesce(json_agg(r.o), '[]'::json) FROM (SELECT ");
    put_object(w, out, &(struct place){column->other, prefix, alias, DEPTH_MAX});
    str_puts(out, " AS o FROM ");
    put_quoted(out, column->other, '"');
    str_printf(out, " j%d WHERE ", alias);
    put_column(out, alias, column->field);
    str_printf(out, " = j%d.id ORDER BY j%d.id LIMIT %d) r)", place->alias, alias,
               DEFAULT_LIMIT);
}

static void
put_related(struct writer *w, struct str *out, const struct place *place,
            const struct directus_column *column)
{
    const char *prefix = job_printf(w->job, "%s%s.", place->prefix, column->name);
    if (place->depth >= DEPTH_MAX) {
        refuse(w);
        return;
    }
    if (strcmp(column->type, "o2m") == 0) {
        put_rows(w, out, place, column, prefix);
        return;
    }
    int alias = join(w, place->alias, column);
    str_printf(out, "CASE WHEN j%d.id IS NOT NULL THEN ", alias);
    put_object(w, out, &(struct place){column->other, prefix, alias, place->depth + 1});
    str_puts(out, " END");
}

// Whether a field before this one has begun with the same member. One that is read with
// its own fields is not a member of its own.
static bool
is_said(const struct writer *w, size_t i, size_t length)
{
    const char *field = w->fields[i];
    for (size_t k = 0; w->fields[k] != NULL; k++) {
        const char *other = w->fields[k];
        if (strncmp(other, field, length) != 0 || k == i)
            continue;
        if (other[length] == '.' && (k < i || field[length] == '\0'))
            return true;
        if (other[length] == '\0' && field[length] == '\0' && k < i)
            return true;
    }
    return false;
}

// What of the fields lies at this place.
static void
put_object(struct writer *w, struct str *out, const struct place *place)
{
    size_t skip = strlen(place->prefix);
    int members = 0;
    str_puts(out, "json_build_object(");
    for (size_t i = 0; w->fields[i] != NULL && !w->refused; i++) {
        const char *field = w->fields[i];
        if (!str_starts(field, place->prefix))
            continue;
        size_t length = skip + strcspn(field + skip, ".");
        if (is_said(w, i, length))
            continue;
        const char *name =
            job_printf(w->job, "%.*s", (int)(length - skip), field + skip);
        const struct directus_column *column = find(w, place->table, name);
        if (column == NULL)
            return;
        str_puts(out, members++ > 0 ? ", " : "");
        put_quoted(out, name, '\'');
        str_puts(out, ", ");
        if (field[length] == '.')
            put_related(w, out, place, column);
        else
            put_value(w, out, place->alias, column);
    }
    str_puts(out, ")");
    if (members == 0 || members > MEMBERS_MAX)
        refuse(w);
}

// ---- filters

static const struct {
    const char *name, *before, *middle, *after;
    bool list;
} operators[] = {
    {"_eq", "", " = ", "", false},
    {"_lt", "", " < ", "", false},
    {"_in", "", " IN (", ")", true},
    {"_nin", "", " NOT IN (", ")", true},
    {"_icontains", "lower(", ") LIKE '%' || lower(", ") || '%'", false},
    {0},
};

// Directus takes some words for something else than text, and lower() for letters
// beyond ASCII depends on the database.
static bool
is_plain(const struct directus_column *column, const char *op, const char *value)
{
    static const char *const words[] = {"null", "NULL", "undefined", "", NULL};
    for (size_t i = 0; words[i] != NULL; i++)
        if (strcmp(value, words[i]) == 0)
            return false;
    bool is_bool = strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
    if (is_bool != (strcmp(column->type, "bool") == 0) || value[0] == '$')
        return false;
    if (strcmp(op, "_icontains") != 0)
        return true;
    for (const char *at = value; *at != '\0'; at++)
        if ((unsigned char)*at > 0x7f)
            return false;
    return true;
}

static void
put_values(struct writer *w, const struct directus_column *column, const char *op,
           const char *const *values)
{
    struct directus_select *select = w->select;
    for (size_t i = 0; values[i] != NULL; i++) {
        if (!is_plain(column, op, values[i]) || select->count == DIRECTUS_PARAMS_MAX) {
            refuse(w);
            return;
        }
        select->params[select->count++] = (struct pg_param){.text = values[i]};
        str_printf(&w->where, "%s$%d", i > 0 ? "," : "", select->count);
    }
}

static void
put_condition(struct writer *w, int alias, const struct directus_column *column,
              const char *op, const char *const *values)
{
    str_puts(&w->where, w->where.length > 0 ? " AND " : " WHERE ");
    if (strcmp(op, "_nnull") == 0 && strcmp(values[0], "true") == 0) {
        put_column(&w->where, alias, column->name);
        str_puts(&w->where, " IS NOT NULL");
        return;
    }
    for (size_t i = 0; operators[i].name != NULL; i++) {
        if (strcmp(operators[i].name, op) != 0)
            continue;
        if (values[0] == NULL || (values[1] != NULL && !operators[i].list))
            break;
        str_puts(&w->where, operators[i].before);
        put_column(&w->where, alias, column->name);
        str_puts(&w->where, operators[i].middle);
        put_values(w, column, op, values);
        str_puts(&w->where, operators[i].after);
        return;
    }
    refuse(w);
}

// path: "contact_id", "email", "_icontains".
static void
put_filter(struct writer *w, const char *table, const char *const *path,
           const char *const *values)
{
    int alias = 0;
    const struct directus_column *column = NULL;
    for (; path[0] != NULL && path[1] != NULL && !w->refused; path++) {
        if (column != NULL) {
            alias = join(w, alias, column);
            table = column->other;
        }
        column = find(w, table, path[0]);
        if (column != NULL && strcmp(column->type, "o2m") == 0)
            refuse(w);
    }
    if (column == NULL)
        refuse(w);
    if (!w->refused)
        put_condition(w, alias, column, path[0], values);
}

// "[contact_id][email][_icontains]"
static void
filter_by_name(struct writer *w, const char *table, const char *name, const char *value)
{
    size_t length = strlen(name);
    if (name[0] != '[' || name[length - 1] != ']') {
        refuse(w);
        return;
    }
    char *inner = job_printf(w->job, "%.*s", (int)length - 2, name + 1);
    for (char *at = inner; (at = strstr(at, "][")) != NULL; at++) {
        *at = '/';
        memmove(at + 1, at + 2, strlen(at + 2) + 1);
    }
    const char **path = split(w->job, inner, '/');
    const char *op = strrchr(name, '_');
    bool list = strcmp(op, "_in]") == 0 || strcmp(op, "_nin]") == 0;
    const char **one = job_alloc(w->job, 2 * sizeof *one);
    one[0] = value;
    put_filter(w, table, path, list ? split(w->job, value, ',') : one);
}

// {"id": {"_in": ["...", "..."]}}, the one form of JSON that is asked.
static void
filter_by_json(struct writer *w, const char *table, const char *json)
{
    struct json_object *filter = json_parse(w->job, json, strlen(json));
    const char *path[] = {NULL, "_in", NULL};
    struct json_object *values = NULL;
    if (filter != NULL && json_object_object_length(filter) == 1) {
        struct json_object_iterator at = json_object_iter_begin(filter);
        path[0] = json_object_iter_peek_name(&at);
        values = json_array_or_null(json_object_iter_peek_value(&at), "_in");
    }
    size_t count = values != NULL ? json_object_array_length(values) : 0;
    const char **texts = job_alloc(w->job, (count + 1) * sizeof *texts);
    for (size_t i = 0; i < count; i++)
        texts[i] = json_object_get_string(json_object_array_get_idx(values, i));
    if (count == 0 || json_object_object_length(json_at(filter, path[0])) != 1)
        refuse(w);
    else
        put_filter(w, table, path, texts);
}

// ---- the whole

static void
put_order(struct writer *w, struct str *out, const char *table, const char *sort)
{
    const char **names = split(w->job, sort, ',');
    for (size_t i = 0; names[i] != NULL; i++) {
        bool down = names[i][0] == '-';
        const struct directus_column *column = find(w, table, names[i] + down);
        if (column == NULL || column->type[0] == '\0' || column->field[0] != '\0') {
            refuse(w);
            return;
        }
        str_puts(out, i == 0 ? " ORDER BY " : ", ");
        put_column(out, 0, column->name);
        str_puts(out, down ? " DESC" : "");
    }
}

static void
put_limit(struct writer *w, struct str *out, const char *text)
{
    long long limit = DEFAULT_LIMIT;
    if (text != NULL && (!str_to_i64(text, &limit) || limit < -1 || limit == 0))
        refuse(w);
    if (limit > 0)
        str_printf(out, " LIMIT %lld", limit);
}

struct pairs {
    const char *fields, *sort, *limit;
};

static const char **
pair_of(struct pairs *pairs, const char *name)
{
    if (strcmp(name, "fields") == 0)
        return &pairs->fields;
    if (strcmp(name, "sort") == 0)
        return &pairs->sort;
    return strcmp(name, "limit") == 0 ? &pairs->limit : NULL;
}

static void
read_pair(struct writer *w, const char *table, const struct http_header *pair,
          struct pairs *pairs)
{
    const char **known = pair_of(pairs, pair->name);
    if (known != NULL && pair->value != NULL)
        *known = pair->value;
    else if (pair->value != NULL && strcmp(pair->name, "filter") == 0)
        filter_by_json(w, table, pair->value);
    else if (pair->value != NULL && str_starts(pair->name, "filter["))
        filter_by_name(w, table, pair->name + strlen("filter"), pair->value);
    else
        refuse(w);
}

static void
put_select(struct writer *w, struct str *out, const char *table,
           const struct pairs *pairs)
{
    w->fields = split(w->job, pairs->fields, ',');
    str_puts(out, "SELECT coalesce(json_agg(r.o), '[]'::json)::text FROM (SELECT ");
    put_object(w, out, &(struct place){table, "", 0, 1});
    str_puts(out, " AS o FROM ");
    put_quoted(out, table, '"');
    str_puts(out, " j0");
    str_puts(out, w->joins.data);
    str_puts(out, w->where.data);
    put_order(w, out, table, pairs->sort);
    put_limit(w, out, pairs->limit);
    str_puts(out, ") r");
}

bool
directus_select(struct job *job, const struct directus_column *columns,
                const char *collection, const struct http_header query[],
                struct directus_select *select)
{
    struct writer w = {.job = job, .columns = columns, .select = select, .count = 1};
    struct pairs pairs = {.fields = NULL, .sort = "id"};
    struct str out;
    *select = (struct directus_select){0};
    str_begin(&w.joins, SQL_MAX_BYTES);
    str_begin(&w.where, SQL_MAX_BYTES);
    str_begin(&out, SQL_MAX_BYTES);
    for (const struct http_header *pair = query; pair->name != NULL; pair++)
        if (!w.refused)
            read_pair(&w, collection, pair, &pairs);
    if (pairs.fields == NULL)
        refuse(&w);
    if (!w.refused)
        put_select(&w, &out, collection, &pairs);
    bool good = !w.refused && !out.failed && !w.joins.failed && !w.where.failed;
    if (good)
        select->sql = job_strdup(job, out.data);
    str_end(&w.joins);
    str_end(&w.where);
    str_end(&out);
    error_clear(&job->error); // of a filter that is no JSON
    return good;
}
