// Who a row stands for: names, the lane, and the fields a contact gets.
#include "workers/mautic/person.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "common/hmac.h"
#include "common/json.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/str.h"
#include "common/uuid.h"
#include "workers/mautic/mautic.h"

enum { TEXT_CHARACTERS = 191 }; // what a text field of Mautic takes

// Mautic's own names: it refuses codes.
static const struct {
    const char *code, *name;
} countries[] = {
    {"CH", "Switzerland"},
    {"LI", "Liechtenstein"},
    {"FR", "France"},
    {"DE", "Germany"},
    {"IT", "Italy"},
    {"AT", "Austria"},
    {"BE", "Belgium"},
    {"LU", "Luxembourg"},
    {"NL", "Netherlands"},
    {"GB", "United Kingdom"},
    {"IE", "Ireland"},
    {"ES", "Spain"},
    {"PT", "Portugal"},
    {"PL", "Poland"},
    {"CZ", "Czech Republic"},
    {"SE", "Sweden"},
    {"DK", "Denmark"},
    {"NO", "Norway"},
    {"FI", "Finland"},
    {"US", "United States"},
    {"CA", "Canada"},
    {"MC", "Monaco"},
    {"AE", "United Arab Emirates"},
};
static const struct {
    const char *language, *locale;
} locales[] = {
    {"de", "de_CH"},
    {"fr", "fr_CH"},
    {"it", "it_CH"},
    {"en", "en_GB"},
};

// Of its code, or of the name that people wrote instead; in capitals or not.
static const char *
country_name(const char *text)
{
    for (size_t i = 0; i < sizeof countries / sizeof countries[0]; i++)
        if (strcasecmp(countries[i].code, text) == 0
            || strcasecmp(countries[i].name, text) == 0)
            return countries[i].name;
    return NULL;
}

static const char *
locale_of(const char *language)
{
    for (size_t i = 0; i < sizeof locales / sizeof locales[0]; i++)
        if (strncasecmp(language, locales[i].language, 2) == 0)
            return locales[i].locale;
    return NULL;
}

// An empty text erases: the row has nothing there either.
static void
put(struct job *job, struct json_object *fields, const char *name, const char *text)
{
    size_t length = 0;
    for (size_t count = 0; text[length] != '\0' && count < TEXT_CHARACTERS; count++) {
        size_t step = str_utf8_length(text + length, strlen(text + length));
        length += step > 0 ? step : 1;
    }
    json_set_string(fields, name, job_memdup(job, text, length));
}

// In lower case (ASCII only).
static const char *
lower(struct job *job, const char *text)
{
    char *copy = job_strdup(job, text);
    for (char *at = copy; *at != '\0'; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    return copy;
}

static struct json_object *
tags_of(struct job *job, const char *company)
{
    struct json_object *tags = json_array_in(job);
    json_add_string(tags, "directus-sync");
    if (company[0] != '\0')
        json_add_string(tags, lower(job, company));
    return tags;
}

// What a row says of a person, by the names of Directus.
struct words {
    const char *first_name, *last_name, *phone, *firm, *country, *language;
};

static struct json_object *
fields_of(struct job *job, const struct mautic_person *person,
          const struct words *words)
{
    struct json_object *fields = json_object_in(job);
    put(job, fields, "firstname", words->first_name);
    put(job, fields, "lastname", words->last_name);
    put(job, fields, "phone", words->phone);
    if (words->firm[0] != '\0')
        put(job, fields, "company", words->firm);
    if (country_name(words->country) != NULL)
        put(job, fields, "country", country_name(words->country));
    if (locale_of(words->language) != NULL)
        put(job, fields, "preferred_locale", locale_of(words->language));
    if (person->row != NULL)
        put(job, fields, "directus_id",
            job_printf(job, "%s:%s", person->collection, person->row));
    if (person->company[0] != '\0')
        put(job, fields, "owner_company", person->company);
    json_set(fields, "tags", tags_of(job, person->company));
    return fields;
}

const char *
mautic_named(struct job *job, const struct event *ev, const char *member)
{
    const char *id = json_string(job, ev->data, member);
    if (id == NULL || uuid_is(id))
        return id != NULL ? lower(job, id) : NULL;
    error_permanent(&job->error, "%s must be a uuid, not \"%.40s\"", member, id);
    return NULL;
}

// Directus cannot compare without case: it looks for the text, and we compare.
struct json_object *
mautic_person_rows(struct job *job, const struct mautic *m, const char *collection,
                   const char *fields, const char *address)
{
    const struct http_header query[] = {{"filter[email][_icontains]", address},
                                        {"fields", fields},
                                        {"sort", "id"},
                                        {"limit", "-1"},
                                        {NULL}};
    struct json_object *rows = directus_list(&m->directus, job, collection, query);
    if (rows == NULL)
        return NULL;
    struct json_object *same = json_array_in(job);
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        if (mautic_person_has(job, json_string_or(row, "email", ""), address))
            json_add(same, row);
    }
    return same;
}

const char *
mautic_person_key(struct job *job, const char *address)
{
    char hex[HMAC_HEX];
    hmac_digest(address, strlen(address), hex);
    return job_printf(job, "person:%s", hex);
}

const char *
mautic_person_address(struct job *job, const char *text)
{
    text += strspn(text, " \t\r\n");
    size_t length = strcspn(text, " \t\r\n");
    const char *address = lower(job, job_memdup(job, text, length));
    return strchr(address, '@') != NULL ? address : NULL;
}

bool
mautic_person_has(struct job *job, const char *text, const char *address)
{
    const char *its = mautic_person_address(job, text);
    return its != NULL && strcmp(its, address) == 0;
}

// Whether there is an address to go by, and the event is in its lane.
static bool
identify(struct job *job, struct mautic_person *person, const char *email)
{
    const struct event *ev = person->ev;
    person->patch = json_object_in(job);
    person->email = mautic_person_address(job, email);
    if (person->email == NULL) {
        settlement_note(job, "no e-mail: nothing for Mautic");
        return false;
    }
    person->key = mautic_person_key(job, person->email);
    if (strcmp(ev->key, person->key) == 0)
        return true;
    settlement_note(job, "sent on to the person's lane");
    publish_rekeyed(job, ev, person->key, ev->subject);
    return false;
}

// Mautic's number in the row. People may write anything there: what is no number would
// ask Mautic for an address that it does not have.
static const char *
stored_number(struct json_object *row)
{
    long long number;
    const char *text = json_text_or(row, "mautic_contact_id", "");
    return str_to_i64(text, &number) && number > 0 ? text : NULL;
}

static void
name_row(struct job *job, struct mautic_person *person, const char *collection,
         struct json_object *row)
{
    const char *noun = strcmp(collection, "people") == 0 ? "contact" : "lead";
    person->collection = collection;
    person->row = json_string_or(row, "id", NULL);
    person->who = job_printf(job, "%s:%s", noun, person->row);
    person->stored = stored_number(row);
    if (person->company == NULL)
        person->company = json_string_or(row, "owner_company", person->ev->company);
}

bool
mautic_person_of_contact(struct job *job, struct mautic_person *person,
                         struct json_object *row)
{
    if (json_string_or(row, "id", NULL) == NULL) {
        settlement_note(job, "no contact: nothing for Mautic");
        return false;
    }
    name_row(job, person, "people", row);
    person->opted_in = json_bool_or(row, "email_opted_in", true);
    if (!identify(job, person, json_string_or(row, "email", "")))
        return false;
    const struct words words = {
        .first_name = json_string_or(row, "first_name", ""),
        .last_name = json_string_or(row, "last_name", ""),
        .phone = json_string_or(row, "phone", ""),
        .firm = json_string_or(row, "company_id.name", ""),
        .country = json_string_or(row, "company_id.country", ""),
        .language = json_string_or(row, "language", ""),
    };
    person->fields = fields_of(job, person, &words);
    return true;
}

static struct words
words_of_lead(struct json_object *row)
{
    return (struct words){
        .first_name = json_string_or(row, "first_name", ""),
        .last_name = json_string_or(row, "last_name", ""),
        .phone = json_string_or(row, "phone", ""),
        .firm = json_string_or(row, "company_name", ""),
        .country = json_string_or(row, "country", ""),
        .language = json_string_or(row, "language", ""),
    };
}

bool
mautic_person_of_lead(struct job *job, struct mautic_person *person,
                      struct json_object *row)
{
    name_row(job, person, "leads", row);
    person->opted_in = json_bool_or(row, "contact_id.email_opted_in", true);
    if (!identify(job, person, json_string_or(row, "email", "")))
        return false;
    const struct words words = words_of_lead(row);
    person->fields = fields_of(job, person, &words);
    return true;
}

bool
mautic_person_of_body(struct job *job, struct mautic_person *person,
                      struct json_object *body)
{
    person->who = "";
    person->opted_in = json_bool_or(body, "email_opted_in", true);
    if (person->company == NULL)
        person->company = json_string_or(body, "owner_company", person->ev->company);
    if (!identify(job, person, json_string_or(body, "email", "")))
        return false;
    const struct words words = words_of_lead(body);
    person->fields = fields_of(job, person, &words);
    return true;
}

void
mautic_person_say(struct job *job, struct mautic_person *person, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = job_vprintf(job, fmt, args);
    va_end(args);
    person->said =
        person->said == NULL ? text : job_printf(job, "%s; %s", person->said, text);
    settlement_note(job, "%s", person->said);
}
