#include "workers/invoice_ninja/terms.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/money.h"
#include "workers/invoice_ninja/ninja.h"

enum { CONFIGS_MAX = 100 };

const char *
ninja_percent_text(struct job *job, int64_t hundredths)
{
    char text[MONEY_TEXT];
    money_format(hundredths, text);
    size_t length = strlen(text);
    while (text[length - 1] == '0')
        text[--length] = '\0';
    if (text[length - 1] == '.')
        text[length - 1] = '\0';
    return job_strdup(job, text);
}

// A decimal field of a row in units of 10^-places; *there tells whether it is set.
static bool
decimal_of(struct job *job, struct json_object *row, const char *field, int places,
           int64_t *value, bool *there)
{
    const char *text = json_text_or(row, field, NULL);
    *there = text != NULL && text[0] != '\0';
    if (!*there || ninja_decimal(text, places, value))
        return true;
    return error_permanent(&job->error, "%s must be a number, not \"%.30s\"", field,
                           text);
}

// The company's row for this kind of project, failing that its default. Fine if there
// is none.
static bool
read_config(struct job *job, const struct ninja *ninja, struct json_object *quote,
            struct json_object **config)
{
    const char *owner = json_string_or(quote, "owner_company_id.id", NULL);
    const char *project = json_string_or(quote, "project_type", "");
    const struct http_header query[] = {
        {"filter[owner_company_id][_eq]", owner},
        {"filter[status][_eq]", "active"},
        {"fields", "project_type,deposit_percentage,min_amount_for_deposit,"
                   "max_deposit_amount,payment_delay_days"},
        {"limit", "100"},
        {NULL}};
    *config = NULL;
    if (owner == NULL)
        return true;
    struct json_object *rows =
        directus_list(&ninja->directus, job, "deposit_configs", query);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < json_object_array_length(rows) && i < CONFIGS_MAX; i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        const char *type = json_string_or(row, "project_type", "default");
        if (project[0] != '\0' && strcmp(type, project) == 0) {
            *config = row;
            return true;
        }
        if (strcmp(type, "default") == 0)
            *config = row;
    }
    return true;
}

static bool
read_rule(struct job *job, const struct ninja *ninja, struct json_object *quote,
          struct json_object *config, struct ninja_deposit_rule *rule)
{
    bool there;
    *rule = (struct ninja_deposit_rule){.percent = ninja->deposit_percent * 100};
    if (!decimal_of(job, quote, "total", 2, &rule->total_cents, &there))
        return false;
    if (!there)
        return error_permanent(&job->error, "total of the quote is not set");
    if (!decimal_of(job, config, "deposit_percentage", 2, &rule->percent, &there)
        || !decimal_of(job, quote, "deposit_percentage", 2, &rule->percent, &there)
        || !decimal_of(job, config, "min_amount_for_deposit", 2, &rule->min_cents,
                       &there)
        || !decimal_of(job, config, "max_deposit_amount", 2, &rule->max_cents, &there))
        return false;
    return true;
}

static bool
read_amount(struct job *job, struct ninja_terms *terms)
{
    const struct ninja_deposit_rule *rule = &terms->rule;
    if (!ninja_deposit_amount(rule, &terms->cents)) {
        error_permanent(&job->error,
                        "no deposit of %s%% on a total of %" PRId64 " centimes",
                        ninja_percent_text(job, rule->percent), rule->total_cents);
        job->error.hint = "mend total or deposit_percentage (0 to 100), then replay";
        return false;
    }
    if (rule->percent == 0)
        terms->why_none = "the percentage is 0";
    else if (rule->total_cents < rule->min_cents)
        terms->why_none = "the total is below min_amount_for_deposit";
    else
        terms->why_none = "it comes to nothing";
    return true;
}

// ---- rates of VAT

// The rate of what names none of its own: the quote's, failing that the company's.
static bool
usual_rate(struct job *job, struct json_object *quote, int64_t *rate, bool *there)
{
    if (!decimal_of(job, quote, "tax_rate", 2, rate, there))
        return false;
    return *there
           || decimal_of(job, quote, "owner_company_id.default_tax_rate", 2, rate,
                         there);
}

static bool
is_rate(struct job *job, int64_t rate)
{
    return (rate >= 0 && rate <= 10000)
           || error_permanent(&job->error, "tax_rate must be 0 to 100, not %s",
                              ninja_percent_text(job, rate));
}

static bool
no_rate(struct job *job)
{
    error_permanent(&job->error, "tax_rate is set neither in the quote nor in its "
                                 "items, and the company has no default_tax_rate");
    job->error.hint = "0 is a rate: set it where nothing is due, then replay";
    return false;
}

static bool
add_item(struct job *job, struct json_object *quote, struct json_object *item,
         struct ninja_terms *terms)
{
    int64_t quantity = 1000;
    int64_t price = 0;
    int64_t discount = 0;
    int64_t rate = 0;
    int64_t net;
    bool there;
    if (!decimal_of(job, item, "quantity", 3, &quantity, &there)
        || !decimal_of(job, item, "unit_price", 2, &price, &there)
        || !decimal_of(job, item, "discount", 2, &discount, &there)
        || !decimal_of(job, item, "tax_rate", 2, &rate, &there))
        return false;
    if (!there && !usual_rate(job, quote, &rate, &there))
        return false;
    if (!there)
        return no_rate(job);
    if (ninja_item_net(quantity, price, discount, &net)
        && ninja_part_add(terms->parts, &terms->part_count, rate, net))
        return true;
    return error_permanent(&job->error,
                           "items: quantity, unit_price, discount or tax_rate (both 0 "
                           "to 100) is out of range, or there are more than %d rates",
                           NINJA_RATES_MAX);
}

// The highest rate first: Directus gives the items in any order, and a second attempt
// must put the remainder on the same line.
static int
compare_rates(const void *a, const void *b)
{
    int64_t left = ((const struct ninja_part *)a)->rate;
    int64_t right = ((const struct ninja_part *)b)->rate;
    return (left < right) - (left > right);
}

static bool
read_parts(struct job *job, struct json_object *quote, struct ninja_terms *terms)
{
    struct json_object *items = json_array_or_null(quote, "items");
    size_t count = items != NULL ? json_object_array_length(items) : 0;
    for (size_t i = 0; i < count; i++)
        if (!add_item(job, quote, json_object_array_get_idx(items, i), terms))
            return false;
    if (terms->part_count == 0) {
        bool there;
        terms->part_count = 1;
        if (!usual_rate(job, quote, &terms->parts[0].rate, &there))
            return false;
        if (!there)
            return no_rate(job);
        if (!is_rate(job, terms->parts[0].rate))
            return false;
    }
    qsort(terms->parts, terms->part_count, sizeof terms->parts[0], compare_rates);
    ninja_deposit_split(terms->cents, terms->parts, terms->part_count);
    return true;
}

static bool
read_dates(struct job *job, const struct ninja *ninja, struct json_object *config,
           struct ninja_terms *terms)
{
    int64_t days = json_i64_or(config, "payment_delay_days", 0);
    char *due = job_alloc(job, CLOCK_DATE);
    terms->issue_date = job_today(job);
    terms->due_date = due;
    if (clock_date_add(terms->issue_date, days > 0 ? days : ninja->deposit_days, due))
        return true;
    return error_permanent(&job->error, "payment_delay_days is out of range");
}

bool
ninja_terms_read(struct job *job, const struct ninja *ninja, struct json_object *quote,
                 struct ninja_terms *terms)
{
    struct json_object *config;
    *terms = (struct ninja_terms){.cents = 0};
    if (!read_config(job, ninja, quote, &config)
        || !read_rule(job, ninja, quote, config, &terms->rule)
        || !read_amount(job, terms))
        return false;
    if (terms->cents == 0)
        return true;
    return read_parts(job, quote, terms) && read_dates(job, ninja, config, terms);
}
