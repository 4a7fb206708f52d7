// The doctor's checks of Invoice Ninja: each company's key opens its own books.
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "workers/cli/company_name.h"
#include "workers/cli/doctor.h"

static const char prefix[] = "INVOICE_NINJA_KEY_";

#define OWN_TOKEN "set the API token of an administrator in that company's own books"

// One company of Directus, and its books in Invoice Ninja.
struct books {
    const char *code, *name; // as Directus has them
    const char *own;         // the variable of its whole code
    const char *setting;     // the one that is set, which may be a shorter one
    const char *key;         // "": none is
    const char *title;       // the company's name in Invoice Ninja; "" if not known
};

struct shelves {
    struct doctor *doctor;
    const struct http_service *service;
    struct books *all;
    size_t count;
};

// INVOICE_NINJA_KEY_ENKI_REALTY or, failing that, what it begins with: ..._ENKI.
static void
find_key(struct doctor *doctor, struct books *books)
{
    char *name = job_strdup(doctor->job, books->own);
    const char *key = doctor_setting(doctor, name);
    while (key[0] == '\0' && strchr(name + strlen(prefix), '_') != NULL) {
        *strrchr(name, '_') = '\0';
        key = doctor_setting(doctor, name);
    }
    books->key = key;
    books->setting = key[0] != '\0' ? name : books->own;
}

static void
fill(struct shelves *shelves)
{
    struct doctor *doctor = shelves->doctor;
    shelves->count = json_object_array_length(doctor->companies);
    shelves->all = job_alloc(doctor->job, (shelves->count + 1) * sizeof *shelves->all);
    for (size_t i = 0; i < shelves->count; i++) {
        struct json_object *row = json_object_array_get_idx(doctor->companies, i);
        struct books *books = &shelves->all[i];
        *books = (struct books){.code = json_string_or(row, "code", ""),
                                .name = json_string_or(row, "name", ""),
                                .title = ""};
        books->own = doctor_variable(doctor, prefix, books->code);
        find_key(doctor, books);
    }
}

// A company that the same variable would serve, unless its name is this one's code.
static const struct books *
served_as_well(const struct shelves *shelves, const struct books *books)
{
    if (strcmp(books->setting + strlen(prefix), books->code) == 0)
        return NULL;
    for (size_t i = 0; i < shelves->count; i++) {
        const struct books *other = &shelves->all[i];
        if (other != books && strcmp(other->setting, books->setting) == 0)
            return other;
    }
    return NULL;
}

// Another variable that holds the same token. NULL: none does.
static const char *
same_token(const struct shelves *shelves, const struct books *books)
{
    struct doctor *doctor = shelves->doctor;
    for (char *const *variable = environ; *variable != NULL; variable++) {
        if (strncmp(*variable, prefix, strlen(prefix)) != 0)
            continue;
        char *name = job_strdup(doctor->job, *variable);
        name[strcspn(name, "=")] = '\0';
        size_t length = strlen(name);
        if (length > 5 && strcmp(name + length - 5, "_FILE") == 0)
            name[length - 5] = '\0';
        if (strcmp(name, books->setting) != 0
            && strcmp(doctor_setting(doctor, name), books->key) == 0)
            return name;
    }
    return NULL;
}

static bool
has_own_key(const struct shelves *shelves, const struct books *books)
{
    struct doctor *doctor = shelves->doctor;
    if (books->key[0] == '\0') {
        doctor_say(doctor, DOCTOR_NOTE, books->setting,
                   "set the API token of an administrator in its books",
                   "is not set: nothing of %s is billed", books->code);
        return false;
    }
    const struct books *other = served_as_well(shelves, books);
    if (other != NULL) {
        doctor_say(doctor, DOCTOR_WRONG, books->own, OWN_TOKEN,
                   "%s would serve %s as well: nothing of %s is billed", books->setting,
                   other->code, books->code);
        return false;
    }
    const char *twin = same_token(shelves, books);
    if (twin != NULL)
        doctor_say(doctor, DOCTOR_WRONG, books->setting, OWN_TOKEN,
                   "holds the same token as %s: the worker does not start", twin);
    return twin == NULL;
}

static bool
is_title_of(const struct books *books, const char *title)
{
    return company_name_same(title, books->name)
           || company_name_same(title, books->code)
           || company_name_same(title, books->setting + strlen(prefix));
}

// The title, as Invoice Ninja says it, is another company's of Directus, or has been
// said to another key as well.
static const struct books *
whose_title(const struct shelves *shelves, const struct books *books)
{
    bool own = is_title_of(books, books->title);
    for (size_t i = 0; i < shelves->count; i++) {
        const struct books *other = &shelves->all[i];
        if (other != books
            && ((!own && is_title_of(other, books->title))
                || company_name_same(other->title, books->title)))
            return other;
    }
    return NULL;
}

// Whether the books are the company's: names are all that both sides have of it.
static void
check_title(const struct shelves *shelves, const struct books *books)
{
    struct doctor *doctor = shelves->doctor;
    const struct books *other = whose_title(shelves, books);
    if (other != NULL)
        doctor_say(doctor, DOCTOR_WRONG, books->setting, OWN_TOKEN,
                   "opens \"%s\" in Invoice Ninja, which is %s, not %s", books->title,
                   other->code, books->code);
    else if (!is_title_of(books, books->title))
        doctor_say(doctor, DOCTOR_NOTE, books->setting,
                   "see that they are the same company",
                   "opens \"%s\" in Invoice Ninja; %s is \"%s\" in Directus",
                   books->title, books->code, books->name);
    else
        doctor_say(doctor, DOCTOR_OK, books->setting, NULL, "good for %s: opens \"%s\"",
                   books->code, books->title);
}

// The list of webhooks: who may read it may also restore them.
static void
check_books(const struct shelves *shelves, struct books *books)
{
    struct doctor *doctor = shelves->doctor;
    if (!has_own_key(shelves, books))
        return;
    const struct http_header headers[] = {{"X-API-TOKEN", books->key},
                                          {"X-Requested-With", "XMLHttpRequest"},
                                          {"Accept", "application/json"},
                                          {NULL}};
    struct http_service named = *shelves->service;
    named.name = books->setting;
    if (doctor_get(doctor, &named, "/api/v1/webhooks?per_page=1", headers, OWN_TOKEN)
        == NULL)
        return;
    struct json_object *answer =
        doctor_get(doctor, &named, "/api/v1/ping", headers, OWN_TOKEN);
    if (answer == NULL)
        return;
    books->title = json_string_or(answer, "company_name", "");
    check_title(shelves, books);
}

void
doctor_invoice_ninja(struct doctor *doctor)
{
    struct http_service service;
    if (!doctor_open(doctor, &service, "INVOICE_NINJA_URL"))
        return;
    struct shelves shelves = {.doctor = doctor, .service = &service};
    if (doctor->companies == NULL)
        doctor_say(doctor, DOCTOR_NOTE, service.name, "mend Directus first",
                   "not looked at: the companies are not known");
    else
        fill(&shelves);
    for (size_t i = 0; i < shelves.count; i++)
        check_books(&shelves, &shelves.all[i]);
    http_service_close(&service);
}
