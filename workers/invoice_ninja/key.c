#include "workers/invoice_ninja/key.h"

#include "common/directus.h"
#include "common/json.h"
#include "workers/invoice_ninja/company.h"
#include "workers/invoice_ninja/ninja.h"

static bool
no_key(struct job *job, const char *company)
{
    error_permanent(&job->error, "company \"%.60s\" has no key of Invoice Ninja",
                    company);
    job->error.hint = "set INVOICE_NINJA_KEY_<COMPANY>, then replay";
    return false;
}

static bool
would_serve_both(struct job *job, const struct ninja *ninja, const char *company,
                 const char *other)
{
    char own[NINJA_VARIABLE];
    char shared[NINJA_VARIABLE];
    ninja_company_variable(company, own);
    ninja_company_served_by(ninja->companies, company, shared);
    error_fatal(&job->error, "set %s: %s would serve %.60s as well", own, shared,
                other);
    job->error.hint = "give each company of owner_companies the token of its own books "
                      "under its whole code, and restart";
    return false;
}

struct json_object *
ninja_owners(struct job *job, const struct ninja *ninja)
{
    static const struct http_header query[] = {
        {"fields", "code"}, {"sort", "code"}, {"limit", "-1"}, {NULL}};
    return directus_list(&ninja->directus, job, "owner_companies", query);
}

// Asks Directus which companies there are. One that has come since the last time is
// found here before anything of it is sent.
static bool
find_alone(struct job *job, const struct ninja *ninja, const char *company)
{
    struct json_object *rows = ninja_owners(job, ninja);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        const char *other =
            json_string_or(json_object_array_get_idx(rows, i), "code", "");
        if (ninja_company_shares(ninja->companies, company, other))
            return would_serve_both(job, ninja, company, other);
    }
    ninja_company_set_alone(ninja->companies, company);
    return true;
}

const char *
ninja_key(struct job *job, const struct ninja *ninja, const char *company)
{
    const char *key = ninja_company_key(ninja->companies, company);
    if (key == NULL) {
        (void)no_key(job, company);
        return NULL;
    }
    if (ninja_company_is_alone(ninja->companies, company)
        || find_alone(job, ninja, company))
        return key;
    return NULL;
}
