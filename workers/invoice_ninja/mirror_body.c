// The invoice of Directus in Invoice Ninja's words. VAT stands on the lines, never on
// the invoice as well.
#include <string.h>

#include "common/json.h"
#include "workers/invoice_ninja/amount.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/invoice.h"
#include "workers/invoice_ninja/mirror.h"
#include "workers/invoice_ninja/ninja.h"

static bool
set_number(struct job *job, struct json_object *line, const char *name,
           const char *field, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return error_permanent(&job->error, "%s is not set", field);
    struct json_object *number = ninja_number(job, text);
    if (number == NULL)
        return error_permanent(&job->error, "%s must be a number, not \"%.30s\"", field,
                               text);
    json_set(line, name, number);
    return true;
}

static bool
set_percent(struct job *job, struct json_object *line, const char *name,
            const char *field, const char *text)
{
    int64_t hundredths;
    if (!set_number(job, line, name, field, text))
        return false;
    return (ninja_decimal(text, 2, &hundredths) && hundredths >= 0
            && hundredths <= 10000)
           || error_permanent(&job->error, "%s must be 0 to 100, not %.30s", field,
                              text);
}

static bool
set_rate(struct job *job, const struct ninja *ninja, struct json_object *line,
         const char *rate)
{
    int64_t hundredths = 0;
    if (rate == NULL || rate[0] == '\0') {
        error_permanent(&job->error, "tax_rate is set neither in the invoice nor in "
                                     "each of its items");
        job->error.hint = "0 is a rate: set it where nothing is due, then replay";
        return false;
    }
    (void)!ninja_decimal(rate, 2, &hundredths);
    json_set_string(line, "tax_name1", hundredths > 0 ? ninja->tax_name : "");
    return set_percent(job, line, "tax_rate1", "tax_rate", rate);
}

static struct json_object *
line_of(struct job *job, const struct ninja *ninja, struct json_object *row,
        struct json_object *item)
{
    struct json_object *line = json_object_in(job);
    const char *rate =
        json_text_or(item, "tax_rate", json_text_or(row, "tax_rate", NULL));
    json_set_string(line, "product_key", json_string_or(item, "product_code", ""));
    json_set_string(line, "notes", json_string_or(item, "description", ""));
    json_set_bool(line, "is_amount_discount", false);
    json_set_string(line, "type_id", "1");
    if (set_number(job, line, "quantity", "quantity",
                   json_text_or(item, "quantity", "1"))
        && set_number(job, line, "cost", "unit_price",
                      json_text_or(item, "unit_price", NULL))
        && set_percent(job, line, "discount", "discount",
                       json_text_or(item, "discount", "0"))
        && set_rate(job, ninja, line, rate))
        return line;
    return NULL;
}

// An invoice without items is one line: net, or with the VAT in it where only that is
// known.
static struct json_object *
whole_line(struct job *job, const struct ninja *ninja, struct json_object *row,
           bool *inclusive)
{
    struct json_object *line = json_object_in(job);
    const char *cost = json_text_or(row, "amount_net", NULL);
    *inclusive = cost == NULL;
    if (*inclusive)
        cost = json_text_or(row, "amount", NULL);
    if (cost == NULL) {
        error_permanent(&job->error, "the invoice has neither items nor an amount");
        return NULL;
    }
    json_set_string(line, "notes", json_string_or(row, "description", ""));
    json_set_i64(line, "quantity", 1);
    json_set_string(line, "type_id", "1");
    return set_number(job, line, "cost", "amount", cost)
                   && set_rate(job, ninja, line, json_text_or(row, "tax_rate", NULL))
               ? line
               : NULL;
}

static int
compare_sort(const void *a, const void *b)
{
    int64_t left = json_i64_or(*(struct json_object *const *)a, "sort", INT64_MAX);
    int64_t right = json_i64_or(*(struct json_object *const *)b, "sort", INT64_MAX);
    return (left > right) - (left < right);
}

static struct json_object *
lines_of(struct job *job, const struct ninja *ninja, struct json_object *row,
         bool *inclusive)
{
    struct json_object *items = json_array_or_null(row, "items");
    size_t count = items != NULL ? json_object_array_length(items) : 0;
    struct json_object *lines = json_array_in(job);
    *inclusive = false;
    if (count > 0)
        json_object_array_sort(items, compare_sort);
    for (size_t i = 0; i < count; i++) {
        struct json_object *line =
            line_of(job, ninja, row, json_object_array_get_idx(items, i));
        if (line == NULL)
            return NULL;
        json_add(lines, line);
    }
    if (count > 0)
        return lines;
    struct json_object *line = whole_line(job, ninja, row, inclusive);
    if (line == NULL)
        return NULL;
    json_add(lines, line);
    return lines;
}

static void
set_if(struct json_object *body, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0')
        json_set_string(body, name, value);
}

struct json_object *
ninja_mirror_body(struct job *job, const struct ninja *ninja, struct json_object *row)
{
    struct json_object *body = json_object_in(job);
    const char *number = ninja_number_of(job, row, "invoice_number", "");
    const char *id = json_string(job, row, "id");
    bool inclusive;
    if (number == NULL || id == NULL)
        return NULL;
    struct json_object *lines = lines_of(job, ninja, row, &inclusive);
    if (lines == NULL)
        return NULL;
    json_set_string(body, "number", number);
    set_if(body, "date", json_string_or(row, "issue_date", NULL));
    set_if(body, "due_date", json_string_or(row, "due_date", NULL));
    json_set_i64(body, "discount", 0);
    json_set_bool(body, "is_amount_discount", false);
    json_set_bool(body, "uses_inclusive_taxes", inclusive);
    if (json_array_or_null(row, "items") != NULL)
        set_if(body, "public_notes", json_string_or(row, "description", NULL));
    json_set_string(body, "custom_value1", job_printf(job, "directus:invoice:%s", id));
    const char *quote = json_string_or(row, "quote_id", "");
    set_if(body, "custom_value2",
           quote[0] != '\0' ? job_printf(job, "quote:%s", quote) : NULL);
    json_set(body, "line_items", lines);
    return body;
}
