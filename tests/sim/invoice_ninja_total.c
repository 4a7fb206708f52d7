// Totals as Ninja reckons them: in binary fractions, each step rounded to two places.
#include <stdio.h>

#include "harness_json.h"
#include "invoice_ninja.h"

struct sum {
    bool inclusive;
    bool amount_discount; // the discount is money, not percent
    double discount;
    double lines; // of all lines, net of their own discounts
    double taxes;
};

static double
number_of(struct json_object *obj, const char *key)
{
    double number = 0;
    php_number(json_at(obj, key), &number);
    return number;
}

static void
set_number(struct json_object *obj, const char *key, double number)
{
    json_add(obj, key, json_object_new_double(number));
}

// The three taxes of a line or of the invoice on that amount.
static double
taxes_on(struct json_object *obj, double amount, bool inclusive)
{
    static const char *const rates[] = {"tax_rate1", "tax_rate2", "tax_rate3"};
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        double rate = number_of(obj, rates[i]);
        sum += php_round(inclusive ? amount - amount / (1 + rate / 100)
                                   : amount * rate / 100);
    }
    return php_round(sum);
}

static void
total_line(struct json_object *line, struct sum *sum)
{
    double total = php_round(number_of(line, "cost") * number_of(line, "quantity"));
    double discount = number_of(line, "discount");
    json_add_bool(line, "is_amount_discount", sum->amount_discount);
    if (sum->amount_discount)
        total -= php_round(discount);
    else
        total -= php_round(total * discount / 100);
    total = php_round(total);
    set_number(line, "line_total", total);
    sum->lines = php_round(sum->lines + total);
}

static void
tax_line(struct json_object *line, struct sum *sum)
{
    double total = number_of(line, "line_total");
    double share = sum->discount / 100;
    if (sum->amount_discount)
        share = sum->lines == 0 ? 0 : sum->discount / sum->lines;
    double tax = taxes_on(line, total - total * share, sum->inclusive);
    set_number(line, "tax_amount", tax);
    set_number(line, "gross_line_total",
               php_round(sum->inclusive ? total : total + tax));
    sum->taxes = php_round(sum->taxes + tax);
}

static double
surcharges(struct json_object *view)
{
    static const char *const keys[] = {"custom_surcharge1", "custom_surcharge2",
                                       "custom_surcharge3", "custom_surcharge4"};
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += number_of(view, keys[i]);
    return sum;
}

static void
set_balance(struct json_object *invoice)
{
    int64_t amount = row_cents(invoice, "amount");
    int64_t partial = row_cents(invoice, "partial");
    int64_t balance = amount - row_cents(invoice, "paid_to_date");
    if (row_is(invoice, "status_id", INVOICE_CANCELLED))
        balance = 0;
    row_set_cents(invoice, "balance", balance);
    row_set_cents(invoice, "partial", partial > amount ? amount : partial);
}

void
total_compute(struct json_object *invoice)
{
    struct json_object *view = row_view(invoice);
    struct json_object *lines = json_at(view, "line_items");
    size_t count = json_object_array_length(lines);
    struct sum sum = {
        .inclusive = json_flag(view, "uses_inclusive_taxes", false),
        .amount_discount = json_flag(view, "is_amount_discount", true),
        .discount = number_of(view, "discount"),
    };
    for (size_t i = 0; i < count; i++)
        total_line(json_object_array_get_idx(lines, i), &sum);
    for (size_t i = 0; i < count; i++)
        tax_line(json_object_array_get_idx(lines, i), &sum);
    double discount =
        sum.amount_discount ? sum.discount : sum.lines * sum.discount / 100;
    double total = sum.lines - php_round(discount) + surcharges(view);
    sum.taxes = php_round(sum.taxes + taxes_on(view, total, sum.inclusive));
    set_number(view, "total_taxes", sum.taxes);
    set_number(view, "amount", php_round(sum.inclusive ? total : total + sum.taxes));
    set_balance(invoice);
}
