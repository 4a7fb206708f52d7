// workers/invoice_ninja/company.h - one key of Invoice Ninja's API per company: the key
// decides in whose books a call ends.
//
// Any INVOICE_NINJA_KEY_<CODE> adds a company; CODE is the company's code in capitals
// with _ for what is neither letter nor digit. A shorter one stands for the company
// whose code begins with it and _ (ENKI for ENKI_REALTY); the longest that fits is
// taken.
#ifndef RELAIS_NINJA_COMPANY_H
#define RELAIS_NINJA_COMPANY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/error.h"

struct ninja_companies;

// Reads every key that is set. NULL: the error names the variable that is wrong, or
// says that none is set.
struct ninja_companies *ninja_companies_open(struct error *err) ATTR_MUST_CHECK;
void ninja_companies_close(struct ninja_companies *companies); // NULL is fine

// Reads the keys of the same companies, and the secrets, again. What was there stays in
// memory for calls under way. False: the error names the variable; the old key stays.
bool ninja_companies_reload(struct ninja_companies *companies,
                            struct error *err) ATTR_MUST_CHECK;

// The key of the company with that code, or NULL. Any thread.
const char *ninja_company_key(const struct ninja_companies *companies,
                              const char *code);

// What X-Webhook-Secret of the company's webhooks holds: INVOICE_NINJA_WEBHOOK_SECRET
// or its own; NULL if neither is set. Any thread.
const char *ninja_company_secret(const struct ninja_companies *companies,
                                 const char *code);

// Any key, the n-th of them; NULL beyond the last: for a probe.
const char *ninja_company_any_key(const struct ninja_companies *companies, size_t n);

#endif
