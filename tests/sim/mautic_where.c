// Lists: where, start, limit, and the shapes of the answer.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "mautic.h"

enum { DEPTH_MAX = 4 };

struct judge {
    struct call *call;
    where_column *column;
    void *row;
};

// The value of the query; up to 7.1 it was escaped as HTML before it was compared.
static char *
escaped_value(struct call *call, const char *value)
{
    char *out = calloc(1, strlen(value) * 5 + 1);
    if (out == NULL)
        abort();
    bool escape = !mautic_since(call->sim, 7, 2);
    char *to = out;
    for (; *value != '\0'; value++) {
        if (escape && *value == '\'')
            to += snprintf(to, 6, "&#39;");
        else if (escape && *value == '&')
            to += snprintf(to, 6, "&#38;");
        else
            *to++ = *value;
    }
    return out;
}

static int
compare(const char *a, const char *b)
{
    char *end_a = NULL;
    char *end_b = NULL;
    double number_a = strtod(a, &end_a);
    double number_b = strtod(b, &end_b);
    if (*end_a == '\0' && *end_b == '\0' && end_a != a && end_b != b)
        return (number_a > number_b) - (number_a < number_b);
    return text_equal(a, b) ? 0 : strcmp(a, b);
}

static bool
is_in(const char *text, const char *list)
{
    while (*list != '\0') {
        size_t bytes = strcspn(list, ",");
        char *one = strndup(list, bytes);
        bool same = compare(text, one) == 0;
        free(one);
        if (same)
            return true;
        list += bytes + (list[bytes] == ',' ? 1 : 0);
    }
    return false;
}

static bool
is_between(const char *text, const char *range)
{
    char *low = strndup(range, strcspn(range, ","));
    const char *high = strchr(range, ',');
    bool inside =
        high != NULL && compare(text, low) >= 0 && compare(text, high + 1) <= 0;
    free(low);
    return inside;
}

enum operator{
    OP_EQ,
    OP_NEQ,
    OP_LT,
    OP_LTE,
    OP_GT,
    OP_GTE,
    OP_LIKE,
    OP_NOT_LIKE,
    OP_IN,
    OP_NOT_IN,
    OP_BETWEEN,
    OP_IS_NULL,
    OP_IS_NOT_NULL,
    OP_IS_EMPTY,
    OP_IS_NOT_EMPTY,
    OP_UNKNOWN
};

static const char *const operators[] = {
    "eq", "neq",   "lt",      "lte",    "gt",        "gte",     "like",       "notLike",
    "in", "notIn", "between", "isNull", "isNotNull", "isEmpty", "isNotEmpty", NULL};

static enum operator operator_of(const char *name)
{
    int i = 0;
    while (operators[i] != NULL && strcmp(operators[i], name) != 0)
        i++;
    return (enum operator)i;
}

static bool
holds_order(enum operator op, int order)
{
    switch (op) {
    case OP_EQ:
        return order == 0;
    case OP_NEQ:
        return order != 0;
    case OP_LT:
        return order < 0;
    case OP_LTE:
        return order <= 0;
    case OP_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

// text is NULL where the database has NULL, which no comparison holds for.
static bool
holds(enum operator op, const char *text, const char *value)
{
    bool empty = text == NULL || *text == '\0';
    if (op == OP_IS_NULL || op == OP_IS_NOT_NULL)
        return (text == NULL) == (op == OP_IS_NULL);
    if (op == OP_IS_EMPTY || op == OP_IS_NOT_EMPTY)
        return empty == (op == OP_IS_EMPTY);
    if (text == NULL)
        return false;
    if (op == OP_LIKE || op == OP_NOT_LIKE)
        return text_like(text, value) == (op == OP_LIKE);
    if (op == OP_IN || op == OP_NOT_IN)
        return is_in(text, value) == (op == OP_IN);
    if (op == OP_BETWEEN)
        return is_between(text, value);
    return holds_order(op, compare(text, value));
}

static enum where_result
judge_one(struct judge *judge, const char *expr, const char *prefix)
{
    char key[120];
    char room[64];
    snprintf(key, sizeof key, "%.100s[col]", prefix);
    const char *column = call_query(judge->call, key);
    snprintf(key, sizeof key, "%.100s[val]", prefix);
    const char *given = call_query(judge->call, key);
    enum operator op = operator_of(expr);
    if (op == OP_UNKNOWN || column == NULL)
        return WHERE_BAD;
    char *value = escaped_value(judge->call, given == NULL ? "" : given);
    const char *text = judge->column(judge->row, column, room, sizeof room);
    bool good = holds(op, text, value);
    free(value);
    return good ? WHERE_YES : WHERE_NO;
}

// All conditions under the prefix, or one of them.
static enum where_result
judge_all(struct judge *judge, const char *prefix, bool any, int depth)
{
    bool one = false;
    bool all = true;
    for (int i = 0; depth < DEPTH_MAX; i++) {
        char here[100];
        char key[120];
        snprintf(here, sizeof here, "%.80s[%d]", prefix, i);
        snprintf(key, sizeof key, "%.100s[expr]", here);
        const char *expr = call_query(judge->call, key);
        snprintf(key, sizeof key, "%.100s[col]", here);
        if (expr == NULL && call_query(judge->call, key) != NULL)
            return WHERE_BAD;
        if (expr == NULL)
            break;
        snprintf(key, sizeof key, "%.100s[val]", here);
        bool nested = strcmp(expr, "orX") == 0 || strcmp(expr, "andX") == 0;
        enum where_result result = nested
                                       ? judge_all(judge, key, *expr == 'o', depth + 1)
                                       : judge_one(judge, expr, here);
        if (result == WHERE_BAD)
            return WHERE_BAD;
        one = one || result == WHERE_YES;
        all = all && result == WHERE_YES;
    }
    return (any ? one : all) ? WHERE_YES : WHERE_NO;
}

enum where_result
where_match(struct call *call, where_column *column, void *row)
{
    struct judge judge = {.call = call, .column = column, .row = row};
    return judge_all(&judge, "where", false, 0);
}

struct page
page_of(struct call *call, int64_t limit)
{
    struct page page = {.limit = limit};
    const char *start = call_query(call, "start");
    const char *wanted = call_query(call, "limit");
    if (start != NULL)
        json_number(start, &page.start);
    if (wanted != NULL)
        json_number(wanted, &page.limit);
    if (page.limit < 1)
        page.limit = limit;
    return page;
}

void
mautic_answer_list(struct call *call, const char *root, struct json_object *rows,
                   bool text_total)
{
    size_t count = json_object_array_length(rows);
    struct page page = page_of(call, 30);
    struct json_object *map = json_object_new_object();
    for (size_t i = (size_t)page.start;
         i < count && (int64_t)i < page.start + page.limit; i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        char key[24];
        snprintf(key, sizeof key, "%" PRId64, json_int(row, "id", 0));
        json_add(map, key, json_object_get(row));
    }
    json_object_put(rows);
    struct json_object *reply = json_object_new_object();
    if (text_total)
        json_add_digits(reply, "total", (int64_t)count);
    else
        json_add_int(reply, "total", (int64_t)count);
    json_add(reply, root, text_total ? map : json_php_list(map));
    call_answer(call, 200, reply);
}
