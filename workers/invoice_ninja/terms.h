// workers/invoice_ninja/terms.h - on what terms a quote's deposit is billed: how much,
// at which rates of VAT, from when to when.
#ifndef RELAIS_NINJA_TERMS_H
#define RELAIS_NINJA_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"
#include "workers/invoice_ninja/amount.h"

struct json_object;
struct ninja;

struct ninja_terms {
    struct ninja_deposit_rule rule;
    int64_t cents;                            // the deposit; 0: there is none
    const char *why_none;                     // static, where it is 0
    struct ninja_part parts[NINJA_RATES_MAX]; // their sum is the deposit
    size_t part_count;
    const char *issue_date, *due_date; // "YYYY-MM-DD"
};

// Works the terms out from a quotes row (total, currency, deposit_percentage,
// project_type, tax_rate, items, owner_company_id) and the active deposit_configs.
// Errors: PERMANENT, naming the field that is missing or wrong.
bool ninja_terms_read(struct job *job, const struct ninja *ninja,
                      struct json_object *quote,
                      struct ninja_terms *terms) ATTR_MUST_CHECK;

// Hundredths of a percent as people write them: "30", "8.1", "33.33".
const char *ninja_percent_text(struct job *job, int64_t hundredths);

#endif
