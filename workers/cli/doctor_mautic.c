// The doctor's checks of Mautic: it answers yes to an entry also where it does
// nothing, so what would let it do nothing is looked for here.
#include <string.h>

#include "common/json.h"
#include "workers/cli/doctor.h"

// NULL where no token was given, which was said.
static const char *
oauth_login(struct doctor *doctor, const struct http_service *service)
{
    struct json_object *body = json_object_in(doctor->job);
    json_set_string(body, "grant_type", "client_credentials");
    json_set_string(body, "client_id", doctor_setting(doctor, "MAUTIC_CLIENT_ID"));
    json_set_string(body, "client_secret",
                    doctor_setting(doctor, "MAUTIC_CLIENT_SECRET"));
    struct http_request request = {.method = "POST", .path = "/oauth/v2/token"};
    struct json_object *answer = http_json(service, doctor->job, &request, body);
    const char *token = json_string_or(answer, "access_token", "");
    if (token[0] != '\0')
        return job_printf(doctor->job, "Bearer %s", token);
    doctor_say(doctor, DOCTOR_WRONG, "MAUTIC_CLIENT_ID",
               "set id and secret of API credentials of kind OAuth 2, and see that "
               "MAUTIC_URL is Mautic's own address",
               "no token: %s", answer == NULL ? doctor->job->error.text : "none given");
    error_clear(&doctor->job->error);
    return NULL;
}

static bool
is_published(const struct doctor_shelf *shelf, const char *setting,
             struct json_object *thing, const char *otherwise)
{
    if (json_bool_or(thing, "isPublished", true))
        return true;
    doctor_say(shelf->doctor, DOCTOR_WRONG, setting, "publish it in Mautic",
               "%s is not published: %s", json_string_or(thing, "name", "it"),
               otherwise);
    return false;
}

static bool
read_campaign(const struct doctor_shelf *shelf, const char *setting, const char *number,
              struct json_object **campaign)
{
    struct json_object *answer = doctor_shelf_one(shelf, setting, number);
    *campaign = json_at(answer, "campaign");
    return answer != NULL
           && is_published(shelf, setting, *campaign,
                           "nobody enters it and no mail goes out, without an error");
}

// A mail of that type in the campaign, by its event's name; NULL: there is none. Where
// no type is given, it is transactional.
static const char *
find_mail(struct json_object *campaign, const char *type)
{
    struct json_object *events = json_at(campaign, "events");
    if (!json_object_is_type(events, json_type_object))
        return NULL; // it has none: an empty array
    json_object_object_foreach(events, id, event)
    {
        const char *given =
            json_string_or(event, "properties.email_type", "transactional");
        if (strcmp(json_string_or(event, "type", ""), "email.send") == 0
            && strcmp(given, type) == 0)
            return json_string_or(event, "name", id);
    }
    return NULL;
}

// That one is entered once in a contact's life.
static void
check_campaign(const struct doctor_shelf *shelf, const char *setting,
               const char *number)
{
    struct json_object *campaign;
    if (!read_campaign(shelf, setting, number, &campaign))
        return;
    const char *name = json_string_or(campaign, "name", "it");
    const char *mail = find_mail(campaign, "transactional");
    if (mail == NULL)
        doctor_say(shelf->doctor, DOCTOR_OK, setting, NULL, "%s", name);
    else
        doctor_say(
            shelf->doctor, DOCTOR_NOTE, setting,
            "set the type of that mail to Marketing in Mautic",
            "%s: its mail \"%.60s\" is Transactional, which goes out also to who "
            "unsubscribes before it is sent",
            name, mail);
}

// That one is entered once for each quote, follow-up or reminder.
static void
check_repeated_campaign(const struct doctor_shelf *shelf, const char *setting,
                        const char *number)
{
    struct json_object *campaign;
    if (!read_campaign(shelf, setting, number, &campaign))
        return;
    const char *name = json_string_or(campaign, "name", "it");
    const char *mail = find_mail(campaign, "marketing");
    if (!json_bool_or(campaign, "allowRestart", true))
        doctor_say(shelf->doctor, DOCTOR_WRONG, setting,
                   "tick \"Allow contacts to restart the campaign\" in Mautic",
                   "%s allows no restart: each contact gets its mails once for ever, "
                   "without an error",
                   name);
    else if (mail != NULL)
        doctor_say(shelf->doctor, DOCTOR_WRONG, setting,
                   "set the type of that mail to Transactional in Mautic",
                   "%s: its mail \"%.60s\" is Marketing, which each contact gets once "
                   "for ever, without an error",
                   name, mail);
    else
        doctor_say(shelf->doctor, DOCTOR_OK, setting, NULL, "%s", name);
}

static void
check_segment(const struct doctor_shelf *shelf, const char *setting, const char *number)
{
    struct json_object *answer = doctor_shelf_one(shelf, setting, number);
    struct json_object *segment = json_at(answer, "list");
    if (answer == NULL
        || !is_published(shelf, setting, segment, "nobody can be put in or out"))
        return;
    const char *name = json_string_or(segment, "name", "is there");
    if (json_bool_or(segment, "isGlobal", true))
        doctor_say(shelf->doctor, DOCTOR_OK, setting, NULL, "%s", name);
    else
        doctor_say(shelf->doctor, DOCTOR_NOTE, setting, "make it public in Mautic",
                   "%s is private: only the user who made it can put somebody in or "
                   "out",
                   name);
}

static void
check_numbers(struct doctor *doctor, const struct http_service *service,
              const struct http_header *headers)
{
    static const struct {
        const char *setting, *path, *fallback;
        void (*check)(const struct doctor_shelf *shelf, const char *setting,
                      const char *number);
    } numbers[] = {
        {"MAUTIC_CAMPAIGN_QUOTE_SENT", "/api/campaigns", "1", check_repeated_campaign},
        {"MAUTIC_CAMPAIGN_QUOTE_FOLLOWUP", "/api/campaigns", "2",
         check_repeated_campaign},
        {"MAUTIC_CAMPAIGN_PAYMENT_REMINDER", "/api/campaigns", "3",
         check_repeated_campaign},
        {"MAUTIC_CAMPAIGN_WELCOME", "/api/campaigns", "4", check_campaign},
        {"MAUTIC_CAMPAIGN_LEAD_NURTURING", "/api/campaigns", "5", check_campaign},
        {"MAUTIC_SEGMENT_LEADS", "/api/segments", "1", check_segment},
        {"MAUTIC_SEGMENT_PROSPECTS", "/api/segments", "2", check_segment},
        {"MAUTIC_SEGMENT_CLIENTS", "/api/segments", "3", check_segment},
        {"MAUTIC_SEGMENT_PENDING_QUOTES", "/api/segments", "4", check_segment},
        {"MAUTIC_SEGMENT_OVERDUE_PAYMENTS", "/api/segments", "5", check_segment},
        {0},
    };
    for (size_t i = 0; numbers[i].setting != NULL; i++) {
        const struct doctor_shelf shelf = {
            numbers[i].check, doctor,          service,
            headers,          numbers[i].path, "set a number that Mautic shows"};
        const char *number = doctor_setting(doctor, numbers[i].setting);
        shelf.check(&shelf, numbers[i].setting,
                    number[0] != '\0' ? number : numbers[i].fallback);
        doctor_shelf_particular(&shelf, numbers[i].setting);
    }
}

// GET /api/contacts/list/fields: an object by id, or an array; published ones only.
static bool
has_field(struct json_object *answer, const char *alias)
{
    bool found = false;
    if (json_object_is_type(answer, json_type_object)) {
        json_object_object_foreach(answer, id, field)
        {
            (void)id;
            found = found || strcmp(json_string_or(field, "alias", ""), alias) == 0;
        }
    } else if (json_object_is_type(answer, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(answer); i++) {
            struct json_object *field = json_object_array_get_idx(answer, i);
            found = found || strcmp(json_string_or(field, "alias", ""), alias) == 0;
        }
    }
    return found;
}

// Those that people must make there: values of others are dropped without a word.
static void
check_fields(struct doctor *doctor, const struct http_service *service,
             const struct http_header *headers)
{
    static const char what[] = "contact fields";
    static const char *const made[] = {"directus_id", "owner_company", NULL};
    struct http_service named = *service;
    named.name = what;
    bool all = true;
    struct json_object *answer = doctor_get(doctor, &named, "/api/contacts/list/fields",
                                            headers, "may this user read contacts?");
    if (answer == NULL)
        return;
    for (int i = 0; made[i] != NULL; i++) {
        if (has_field(answer, made[i]))
            continue;
        all = false;
        doctor_say(doctor, DOCTOR_WRONG, what,
                   "make it in Mautic (Custom Fields), of type Text, and publish it",
                   "%s is missing: what it should hold is lost", made[i]);
    }
    if (all)
        doctor_say(doctor, DOCTOR_OK, what, NULL, "%s and %s are there", made[0],
                   made[1]);
}

void
doctor_mautic(struct doctor *doctor)
{
    struct http_service service;
    if (!doctor_open(doctor, &service, "MAUTIC_URL"))
        return;
    bool oauth = doctor_setting(doctor, "MAUTIC_CLIENT_ID")[0] != '\0';
    const char *login =
        oauth ? oauth_login(doctor, &service)
              : http_basic(doctor->job, doctor_setting(doctor, "MAUTIC_USERNAME"),
                           doctor_setting(doctor, "MAUTIC_PASSWORD"));
    const struct http_header headers[] = {{"Authorization", login}, {NULL}};
    if (login != NULL
        && doctor_get(doctor, &service, "/api/contacts?limit=1", headers,
                      "is the API on (and basic authentication, where it is used), and "
                      "may this user read contacts?")
               != NULL) {
        doctor_say(doctor, DOCTOR_OK, service.name, NULL,
                   "answers, and takes the login");
        check_fields(doctor, &service, headers);
        check_numbers(doctor, &service, headers);
    }
    http_service_close(&service);
}
