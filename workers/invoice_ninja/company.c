#include "workers/invoice_ninja/company.h"

#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/str.h"
#include "common/webhook_secrets.h"

enum {
    COMPANIES_MAX = 1000,
    CODE_BYTES = 100,
    ALONE_MS = 60 * 1000, // how long it holds that no other company has the same key
};

static const char prefix[] = "INVOICE_NINJA_KEY_";

// A key that was read: the newest one is used, the older ones may still be.
struct secret {
    struct secret *older;
    char text[];
};

struct company {
    char code[CODE_BYTES]; // as the variable's name says it
    struct secret *_Atomic key;
    char alone[CODE_BYTES]; // the whole code that a short one stands for
    int64_t alone_until_ms;
};

// The secrets of the webhooks, in the same way.
struct secrets {
    struct secrets *older;
    struct webhook_secrets *set;
};

struct ninja_companies {
    struct secrets *_Atomic secrets;
    pthread_mutex_t lock; // of what is alone
    size_t count;
    struct company all[COMPANIES_MAX];
};

// The company's part of an environment entry "INVOICE_NINJA_KEY_<CODE>[_FILE]=...".
// False: it is none, or is set to nothing.
static bool
code_in(const char *entry, char code[CODE_BYTES])
{
    size_t length = strcspn(entry, "=");
    if (!str_starts(entry, prefix) || entry[length] == '\0'
        || entry[length + 1] == '\0')
        return false;
    size_t size = length - strlen(prefix);
    if (length < sizeof prefix || size >= CODE_BYTES)
        return false;
    memcpy(code, entry + strlen(prefix), size);
    code[size] = '\0';
    if (str_ends(code, "_FILE"))
        code[size - strlen("_FILE")] = '\0';
    return code[0] != '\0';
}

static bool
is_known(const struct ninja_companies *companies, const char *code)
{
    for (size_t i = 0; i < companies->count; i++)
        if (strcmp(companies->all[i].code, code) == 0)
            return true;
    return false;
}

// Reads the key as every secret setting is read. NULL: the error names it.
static struct secret *
read_key(const struct company *company, struct error *err)
{
    char name[NINJA_VARIABLE];
    const char *value = NULL;
    snprintf(name, sizeof name, "%s%s", prefix, company->code);
    const struct config_setting table[] = {{.name = name, .type = CONFIG_SECRET}, {0}};
    if (!config_load(table, &value, err))
        return NULL;
    size_t size = strlen(value) + 1;
    struct secret *secret = str_alloc(sizeof *secret + size);
    memcpy(secret->text, value, size);
    config_free(table, &value);
    secret->older = NULL;
    return secret;
}

// Invoice Ninja tells companies apart by the token and by nothing else.
static bool
all_differ(struct secret *const keys[], const struct ninja_companies *companies,
           struct error *err)
{
    for (size_t i = 0; i < companies->count; i++)
        for (size_t k = 0; k < i; k++)
            if (keys[i] != NULL && keys[k] != NULL
                && strcmp(keys[i]->text, keys[k]->text) == 0)
                return error_fatal(err,
                                   "%s%s and %s%s hold the same token: each company "
                                   "has one of its own books",
                                   prefix, companies->all[k].code, prefix,
                                   companies->all[i].code);
    return true;
}

// Reads every key, and puts each before its older one. One that cannot be read stays as
// it was; where two would be the same, all do.
static bool
read_keys(struct ninja_companies *companies, struct error *err)
{
    struct secret **keys = str_calloc(COMPANIES_MAX, sizeof *keys);
    bool all = true;
    for (size_t i = 0; i < companies->count; i++) {
        struct secret *older = atomic_load(&companies->all[i].key);
        keys[i] = read_key(&companies->all[i], err);
        all = all && keys[i] != NULL;
        if (keys[i] == NULL)
            keys[i] = older;
    }
    bool differ = all_differ(keys, companies, err);
    for (size_t i = 0; i < companies->count; i++) {
        struct secret *older = atomic_load(&companies->all[i].key);
        if (keys[i] == older)
            continue;
        if (!differ) {
            free(keys[i]);
            continue;
        }
        keys[i]->older = older;
        atomic_store(&companies->all[i].key, keys[i]);
    }
    free(keys);
    return all && differ;
}

// Which companies have one.
static bool
find_keys(struct ninja_companies *companies, struct error *err)
{
    char code[CODE_BYTES];
    for (char **entry = environ; *entry != NULL; entry++) {
        if (!code_in(*entry, code) || is_known(companies, code))
            continue;
        if (companies->count == COMPANIES_MAX)
            return error_fatal(err, "%s<CODE> is set for more than %d companies",
                               prefix, COMPANIES_MAX);
        struct company *company = &companies->all[companies->count++];
        str_copy(company->code, sizeof company->code, code);
    }
    if (companies->count == 0)
        return error_fatal(err,
                           "no company has a key: set INVOICE_NINJA_KEY_<CODE>, with "
                           "the code of a row of owner_companies");
    return true;
}

static bool
read_secrets(struct ninja_companies *companies, struct error *err)
{
    struct webhook_secrets *set =
        webhook_secrets_open("INVOICE_NINJA_WEBHOOK_SECRET", err);
    if (set == NULL)
        return false;
    struct secrets *secrets = str_alloc(sizeof *secrets);
    *secrets = (struct secrets){.older = atomic_load(&companies->secrets), .set = set};
    atomic_store(&companies->secrets, secrets);
    return true;
}

struct ninja_companies *
ninja_companies_open(struct error *err)
{
    struct ninja_companies *companies = str_calloc(1, sizeof *companies);
    pthread_mutex_init(&companies->lock, NULL);
    if (find_keys(companies, err) && read_keys(companies, err)
        && read_secrets(companies, err))
        return companies;
    ninja_companies_close(companies);
    return NULL;
}

static void
free_keys(struct secret *secret)
{
    while (secret != NULL) {
        struct secret *older = secret->older;
        free(secret);
        secret = older;
    }
}

static void
free_secrets(struct secrets *secrets)
{
    while (secrets != NULL) {
        struct secrets *older = secrets->older;
        webhook_secrets_close(secrets->set);
        free(secrets);
        secrets = older;
    }
}

void
ninja_companies_close(struct ninja_companies *companies)
{
    if (companies == NULL)
        return;
    for (size_t i = 0; i < companies->count; i++)
        free_keys(atomic_load(&companies->all[i].key));
    free_secrets(atomic_load(&companies->secrets));
    pthread_mutex_destroy(&companies->lock);
    free(companies);
}

bool
ninja_companies_reload(struct ninja_companies *companies, struct error *err)
{
    bool all = read_keys(companies, err);
    return read_secrets(companies, err) && all;
}

// A letter of a company's code as it stands in a variable's name.
static int
in_variable(char c)
{
    return isalnum((unsigned char)c) ? toupper((unsigned char)c)
           : c == '\0'               ? '\0'
                                     : '_';
}

// Whether the code in a variable's name stands for the company: it is its code, or the
// beginning of it before a "_".
static bool
stands_for(const char *short_code, const char *code)
{
    size_t i = 0;
    while (short_code[i] != '\0' && in_variable(code[i]) == short_code[i])
        i++;
    return short_code[i] == '\0' && (code[i] == '\0' || in_variable(code[i]) == '_');
}

// Whose key serves the company. NULL: nobody's.
static const struct company *
serving(const struct ninja_companies *companies, const char *code)
{
    const struct company *best = NULL;
    for (size_t i = 0; i < companies->count; i++) {
        const struct company *company = &companies->all[i];
        if (stands_for(company->code, code)
            && (best == NULL || strlen(company->code) > strlen(best->code)))
            best = company;
    }
    return best;
}

const char *
ninja_company_key(const struct ninja_companies *companies, const char *code)
{
    const struct company *company = serving(companies, code);
    return company != NULL ? atomic_load(&company->key)->text : NULL;
}

bool
ninja_company_is_alone(struct ninja_companies *companies, const char *code)
{
    const struct company *company = serving(companies, code);
    if (company == NULL || strcmp(company->code, code) == 0)
        return true;
    pthread_mutex_lock(&companies->lock);
    bool alone =
        strcmp(company->alone, code) == 0 && clock_ms() < company->alone_until_ms;
    pthread_mutex_unlock(&companies->lock);
    return alone;
}

void
ninja_company_set_alone(struct ninja_companies *companies, const char *code)
{
    const struct company *found = serving(companies, code);
    if (found == NULL)
        return;
    struct company *company = &companies->all[found - companies->all];
    pthread_mutex_lock(&companies->lock);
    str_copy(company->alone, sizeof company->alone, code);
    company->alone_until_ms = clock_ms() + ALONE_MS;
    pthread_mutex_unlock(&companies->lock);
}

bool
ninja_company_shares(const struct ninja_companies *companies, const char *code,
                     const char *other)
{
    const struct company *company = serving(companies, code);
    return company != NULL && strcmp(code, other) != 0
           && company == serving(companies, other);
}

void
ninja_company_variable(const char *code, char name[NINJA_VARIABLE])
{
    size_t length = strlen(prefix);
    memcpy(name, prefix, length);
    for (; *code != '\0' && length < NINJA_VARIABLE - 1; code++)
        name[length++] = (char)in_variable(*code);
    name[length] = '\0';
}

void
ninja_company_served_by(const struct ninja_companies *companies, const char *code,
                        char name[NINJA_VARIABLE])
{
    const struct company *company = serving(companies, code);
    name[0] = '\0';
    if (company != NULL)
        ninja_company_variable(company->code, name);
}

const char *
ninja_company_any_key(const struct ninja_companies *companies, size_t n)
{
    return n < companies->count ? atomic_load(&companies->all[n].key)->text : NULL;
}

const char *
ninja_company_secret(const struct ninja_companies *companies, const char *code)
{
    return webhook_secrets_now(atomic_load(&companies->secrets)->set, code);
}
