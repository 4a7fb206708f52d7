#include "workers/invoice_ninja/company.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/str.h"
#include "common/webhook_secrets.h"

enum { COMPANIES_MAX = 1000, CODE_BYTES = 100, NAME_BYTES = 160 };

static const char prefix[] = "INVOICE_NINJA_KEY_";

// A key that was read: the newest one is used, the older ones may still be.
struct secret {
    struct secret *older;
    char text[];
};

struct company {
    char code[CODE_BYTES];
    struct secret *_Atomic key;
};

// The secrets of the webhooks, in the same way.
struct secrets {
    struct secrets *older;
    struct webhook_secrets *set;
};

struct ninja_companies {
    struct secrets *_Atomic secrets;
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

// Reads the key as every secret setting is read, and puts it before the older one.
static bool
read_key(struct company *company, struct error *err)
{
    char name[NAME_BYTES];
    const char *value = NULL;
    snprintf(name, sizeof name, "%s%s", prefix, company->code);
    const struct config_setting table[] = {{.name = name, .type = CONFIG_SECRET}, {0}};
    if (!config_load(table, &value, err))
        return false;
    size_t size = strlen(value) + 1;
    struct secret *secret = str_alloc(sizeof *secret + size);
    memcpy(secret->text, value, size);
    config_free(table, &value);
    secret->older = atomic_load(&company->key);
    atomic_store(&company->key, secret);
    return true;
}

static bool
read_all(struct ninja_companies *companies, struct error *err)
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
        if (!read_key(company, err))
            return false;
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
    if (read_all(companies, err) && read_secrets(companies, err))
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
    free(companies);
}

bool
ninja_companies_reload(struct ninja_companies *companies, struct error *err)
{
    bool all = true;
    for (size_t i = 0; i < companies->count; i++)
        all = read_key(&companies->all[i], err) && all;
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

const char *
ninja_company_key(const struct ninja_companies *companies, const char *code)
{
    const struct company *best = NULL;
    for (size_t i = 0; i < companies->count; i++) {
        const struct company *company = &companies->all[i];
        if (stands_for(company->code, code)
            && (best == NULL || strlen(company->code) > strlen(best->code)))
            best = company;
    }
    return best != NULL ? atomic_load(&best->key)->text : NULL;
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
