#include "common/webhook_secrets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/str.h"

enum { CODE_BYTES = 100, NAME_BYTES = 160 };

struct company {
    char code[CODE_BYTES]; // "" for all
    char *now, *before;    // "" if not set
};

struct webhook_secrets {
    size_t count;
    struct company *companies;
};

// The environment variable of a company's secret.
static void
variable_of(const char *name, const struct company *company, const char *ending,
            char variable[NAME_BYTES])
{
    snprintf(variable, NAME_BYTES, "%s%s%s%s", name,
             company->code[0] == '\0' ? "" : "_", company->code, ending);
}

// Reads one as every secret setting is read.
static bool
read_secret(const char *variable, char **secret, struct error *err)
{
    const char *value = NULL;
    const struct config_setting table[] = {
        {.name = variable, .type = CONFIG_SECRET, .fallback = ""}, {0}};
    if (!config_load(table, &value, err))
        return false;
    *secret = str_dup(value);
    config_free(table, &value);
    return true;
}

static bool
read_company(const char *name, struct company *company, struct error *err)
{
    char variable[NAME_BYTES];
    variable_of(name, company, "", variable);
    if (!read_secret(variable, &company->now, err))
        return false;
    variable_of(name, company, "_PREVIOUS", variable);
    return read_secret(variable, &company->before, err);
}

// Cuts the ending off, if there is something before it.
static size_t
without(const char *text, size_t length, const char *ending)
{
    size_t cut = strlen(ending);
    bool ends = length >= cut && memcmp(text + length - cut, ending, cut) == 0;
    return ends ? length - cut : length;
}

// The company's part of an environment entry
// "<name>[_<company>][_PREVIOUS][_FILE]=...". False: it is no secret of this name, or
// is set to nothing.
static bool
code_in(const char *entry, const char *name, char code[CODE_BYTES])
{
    size_t length = strcspn(entry, "=");
    size_t begin = strlen(name);
    if (length < begin || memcmp(entry, name, begin) != 0
        || (length > begin && entry[begin] != '_') || entry[length] == '\0'
        || entry[length + 1] == '\0')
        return false;
    const char *rest = entry + begin;
    size_t left = without(rest, length - begin, "_FILE");
    left = without(rest, left, "_PREVIOUS");
    size_t size = left == 0 ? 0 : left - 1; // without the "_" before it
    if ((left != 0 && size == 0) || size >= CODE_BYTES)
        return false;
    memcpy(code, rest + (left == 0 ? 0 : 1), size);
    code[size] = '\0';
    return true;
}

static struct company *
find_code(struct webhook_secrets *secrets, const char *code)
{
    for (size_t i = 0; i < secrets->count; i++)
        if (strcmp(secrets->companies[i].code, code) == 0)
            return &secrets->companies[i];
    return NULL;
}

static struct company *
add_company(struct webhook_secrets *secrets, const char *code)
{
    secrets->companies =
        str_realloc(secrets->companies, (secrets->count + 1) * sizeof(struct company));
    struct company *company = &secrets->companies[secrets->count++];
    *company = (struct company){.now = NULL};
    str_copy(company->code, sizeof company->code, code);
    return company;
}

static bool
read_all(struct webhook_secrets *secrets, const char *name, struct error *err)
{
    char code[CODE_BYTES];
    for (char **entry = environ; *entry != NULL; entry++) {
        if (!code_in(*entry, name, code) || find_code(secrets, code) != NULL)
            continue;
        if (secrets->count == WEBHOOK_SECRETS_MAX)
            return error_fatal(err, "%s_... is set for more than %d companies", name,
                               WEBHOOK_SECRETS_MAX);
        if (!read_company(name, add_company(secrets, code), err))
            return false;
    }
    return true;
}

struct webhook_secrets *
webhook_secrets_open(const char *name, struct error *err)
{
    struct webhook_secrets *secrets = str_calloc(1, sizeof *secrets);
    if (read_all(secrets, name, err))
        return secrets;
    webhook_secrets_close(secrets);
    return NULL;
}

void
webhook_secrets_close(struct webhook_secrets *secrets)
{
    for (size_t i = 0; secrets != NULL && i < secrets->count; i++) {
        free(secrets->companies[i].now);
        free(secrets->companies[i].before);
    }
    if (secrets != NULL)
        free(secrets->companies);
    free(secrets);
}

bool
webhook_secrets_any(const struct webhook_secrets *secrets)
{
    return secrets->count > 0;
}

// A letter of a company's code as it stands in a variable's name.
static char
in_variable(char c)
{
    if (c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 'A');
    bool plain = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '\0';
    if (!plain)
        return '_';
    return c;
}

// How much of the company the code stands for, 0 if it is another's.
static size_t
stands_for(const char *code, const char *company)
{
    size_t i = 0;
    while (code[i] != '\0' && in_variable(company[i]) == code[i])
        i++;
    char next = in_variable(company[i]);
    return code[i] == '\0' && (next == '\0' || next == '_') ? i : 0;
}

// The company's own secrets, else those for all; NULL if there are none. With `newest`
// only those count that are in force: of a company's own one there may be just the
// _PREVIOUS left, on its way back to the one for all.
static const struct company *
find_company(const struct webhook_secrets *secrets, const char *company, bool newest)
{
    const struct company *found = NULL;
    size_t best = 0;
    for (size_t i = 0; i < secrets->count; i++) {
        const struct company *one = &secrets->companies[i];
        if (newest && one->now[0] == '\0')
            continue;
        size_t length = stands_for(one->code, company);
        bool for_all = one->code[0] == '\0' && found == NULL;
        if (length > best || for_all) {
            found = one;
            best = length;
        }
    }
    return found;
}

const char *
webhook_secrets_now(const struct webhook_secrets *secrets, const char *company)
{
    const struct company *newest = find_company(secrets, company, true);
    return newest != NULL ? newest->now : NULL;
}

bool
webhook_secrets_match(const struct webhook_secrets *secrets, const char *company,
                      const char *given)
{
    const char *newest = webhook_secrets_now(secrets, company);
    const struct company *own = find_company(secrets, company, false);
    if (own == NULL || given == NULL)
        return false;
    // Both are always compared: the time must not tell which one fits.
    bool now = newest != NULL && hmac_same(given, newest);
    bool before = own->before[0] != '\0' && hmac_same(given, own->before);
    return now || before;
}

static bool
signed_by(const char *secret, const void *data, size_t length, const char *given)
{
    unsigned char mac[HMAC_BYTES];
    char expected[HMAC_HEX];
    if (secret == NULL || secret[0] == '\0')
        return false;
    hmac_sha256(secret, strlen(secret), data, length, NULL, 0, mac);
    hmac_hex(mac, sizeof mac, expected);
    return hmac_same(given, expected);
}

bool
webhook_secrets_signed(const struct webhook_secrets *secrets, const char *company,
                       const void *data, size_t length,
                       const unsigned char mac[HMAC_BYTES])
{
    char given[HMAC_HEX];
    const struct company *own = find_company(secrets, company, false);
    if (own == NULL)
        return false;
    hmac_hex(mac, HMAC_BYTES, given);
    bool now = signed_by(webhook_secrets_now(secrets, company), data, length, given);
    bool before = signed_by(own->before, data, length, given);
    return now || before;
}
