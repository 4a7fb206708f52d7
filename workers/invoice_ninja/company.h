// workers/invoice_ninja/company.h - one key of Invoice Ninja's API per company: the key
// decides in whose books a call ends.
//
// Any INVOICE_NINJA_KEY_<CODE> adds a company; CODE is the company's code in capitals
// with _ for what is neither letter nor digit. A shorter one stands for the company
// whose code begins with it and _ (ENKI for ENKI_REALTY); the longest that fits is
// taken. It stands for one company only: who calls asks for the key in key.h, which
// sees to that.
#ifndef RELAIS_NINJA_COMPANY_H
#define RELAIS_NINJA_COMPANY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/error.h"

struct ninja_companies;

enum { NINJA_VARIABLE = 160 }; // room for the name of a variable

// Reads every key that is set. NULL: the error names the variable that is wrong or the
// two that hold the same token, or says that none is set.
struct ninja_companies *ninja_companies_open(struct error *err) ATTR_MUST_CHECK;
void ninja_companies_close(struct ninja_companies *companies); // NULL is fine

// Reads the keys of the same companies, and the secrets, again. What was there stays in
// memory for calls under way. False: the error names the variable, whose old key stays;
// where two would hold the same token all stay.
bool ninja_companies_reload(struct ninja_companies *companies,
                            struct error *err) ATTR_MUST_CHECK;

// The key of the company with that code, or NULL. Any thread.
const char *ninja_company_key(const struct ninja_companies *companies,
                              const char *code);

// Whether the key stands under the very code, or was told to be this company's alone
// within the last minute. Any thread.
bool ninja_company_is_alone(struct ninja_companies *companies, const char *code);
void ninja_company_set_alone(struct ninja_companies *companies, const char *code);

// Whether one key would serve two companies. Any thread.
bool ninja_company_shares(const struct ninja_companies *companies, const char *code,
                          const char *other);

// The name of the variable that is the company's own, and of the one that serves it (""
// if there is none).
void ninja_company_variable(const char *code, char name[NINJA_VARIABLE]);
void ninja_company_served_by(const struct ninja_companies *companies, const char *code,
                             char name[NINJA_VARIABLE]);

// What X-Webhook-Secret of the company's webhooks holds: INVOICE_NINJA_WEBHOOK_SECRET
// or its own; NULL if neither is set. Any thread.
const char *ninja_company_secret(const struct ninja_companies *companies,
                                 const char *code);

// Any key, the n-th of them; NULL beyond the last: for a probe.
const char *ninja_company_any_key(const struct ninja_companies *companies, size_t n);

#endif
