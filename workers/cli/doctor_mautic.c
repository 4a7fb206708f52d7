// The doctor's checks of DocuSeal and Mautic.
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "workers/cli/doctor.h"

// What other statuses mean is each check's to say.
static const struct error_rule no_rules[] = {{0}};

bool
doctor_open(struct doctor *doctor, struct http_service *service, const char *setting)
{
    const char *url = doctor_setting(doctor, setting);
    *service = (struct http_service){
        .name = setting, .base_url = url, .rules = no_rules, .timeout_ms = 10000};
    if (url[0] == '\0') {
        doctor_say(doctor, DOCTOR_WRONG, setting,
                   "set it, or take it out of INTEGRATIONS", "is not set");
        return false;
    }
    http_service_open(service);
    return true;
}

// Where things with a number are at a provider, and how to look one up.
struct shelf {
    void (*check)(const struct shelf *shelf, const char *setting, const char *id);
    struct doctor *doctor;
    const struct http_service *service;
    const struct http_header *headers;
    const char *path, *hint;
};

static void
check_there(const struct shelf *shelf, const char *setting, const char *number)
{
    struct doctor *doctor = shelf->doctor;
    struct http_service named = *shelf->service;
    named.name = setting;
    struct json_object *answer = doctor_get(
        doctor, &named,
        job_printf(doctor->job, "%s/%s", shelf->path, http_escape(doctor->job, number)),
        shelf->headers, shelf->hint);
    if (answer != NULL)
        doctor_say(doctor, DOCTOR_OK, setting, NULL, "%s",
                   json_string_or(answer, "name", "is there"));
}

// Those of one company or level: the same name with more behind it.
static void
check_particular(const struct shelf *shelf, const char *setting)
{
    size_t length = strlen(setting);
    for (char *const *variable = environ; *variable != NULL; variable++) {
        if (strncmp(*variable, setting, length) != 0 || (*variable)[length] != '_')
            continue;
        char *name = job_strdup(shelf->doctor->job, *variable);
        name[strcspn(name, "=")] = '\0';
        const char *number = doctor_setting(shelf->doctor, name);
        if (number[0] != '\0')
            shelf->check(shelf, name, number);
    }
}

// ---- DocuSeal

// By the id that we may have given it there.
static void
check_named_template(const struct shelf *shelf, const char *setting, const char *id)
{
    struct doctor *doctor = shelf->doctor;
    struct http_service named = *shelf->service;
    named.name = setting;
    const struct http_header query[] = {{"external_id", id}, {"limit", "1"}, {0}};
    struct json_object *answer =
        doctor_get(doctor, &named, http_url(doctor->job, shelf->path, query),
                   shelf->headers, shelf->hint);
    if (answer == NULL)
        return;
    struct json_object *found = json_array_or_null(answer, "data");
    if (found == NULL || json_object_array_length(found) == 0)
        doctor_say(doctor, DOCTOR_WRONG, setting, shelf->hint,
                   "no template has the external_id %s", id);
    else
        doctor_say(doctor, DOCTOR_OK, setting, NULL, "%s",
                   json_string_or(json_object_array_get_idx(found, 0), "name", id));
}

static void
check_one_template(const struct shelf *shelf, const char *setting, const char *id)
{
    if (strspn(id, "0123456789") == strlen(id))
        check_there(shelf, setting, id);
    else
        check_named_template(shelf, setting, id);
}

static void
check_template(const struct shelf *shelf, const char *setting)
{
    const char *id = doctor_setting(shelf->doctor, setting);
    if (id[0] == '\0')
        doctor_say(shelf->doctor, DOCTOR_NOTE, setting, "set the number of a template",
                   "is not set: only companies with one of their own send such papers");
    else
        shelf->check(shelf, setting, id);
    check_particular(shelf, setting);
}

void
doctor_docuseal(struct doctor *doctor)
{
    struct http_service service;
    if (!doctor_open(doctor, &service, "DOCUSEAL_API_URL"))
        return;
    const struct http_header headers[] = {
        {"X-Auth-Token", doctor_setting(doctor, "DOCUSEAL_API_KEY")}, {NULL}};
    if (doctor_get(
            doctor, &service, "/templates?limit=1", headers,
            "is DOCUSEAL_API_KEY the key of this account, and the URL that of its "
            "API?")
        != NULL) {
        doctor_say(doctor, DOCTOR_OK, service.name, NULL, "answers, and takes the key");
        const struct shelf templates = {
            check_one_template,
            doctor,
            &service,
            headers,
            "/templates",
            "set the number or external_id of a template of this account"};
        check_template(&templates, "DOCUSEAL_TEMPLATE_QUOTE");
        check_template(&templates, "DOCUSEAL_TEMPLATE_CGV");
    }
    http_service_close(&service);
}

// ---- Mautic

static const char *
basic_login(struct doctor *doctor)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *login =
        job_printf(doctor->job, "%s:%s", doctor_setting(doctor, "MAUTIC_USERNAME"),
                   doctor_setting(doctor, "MAUTIC_PASSWORD"));
    size_t length = strlen(login);
    char *text = job_alloc(doctor->job, (length + 2) / 3 * 4 + 1);
    char *out = text;
    for (size_t i = 0; i < length; i += 3) {
        unsigned bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (i + k < length ? (unsigned char)login[i + k] : 0);
        for (size_t k = 0; k < 4; k++, bits <<= 6, out++)
            *out = (char)(i + k <= length ? digits[bits >> 18 & 63] : '=');
    }
    return job_printf(doctor->job, "Basic %s", text);
}

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

static void
check_numbers(struct doctor *doctor, const struct http_service *service,
              const struct http_header *headers)
{
    static const struct {
        const char *setting, *path, *fallback;
    } numbers[] = {
        {"MAUTIC_CAMPAIGN_QUOTE_SENT", "/api/campaigns", "1"},
        {"MAUTIC_CAMPAIGN_QUOTE_FOLLOWUP", "/api/campaigns", "2"},
        {"MAUTIC_CAMPAIGN_PAYMENT_REMINDER", "/api/campaigns", "3"},
        {"MAUTIC_CAMPAIGN_WELCOME", "/api/campaigns", "4"},
        {"MAUTIC_CAMPAIGN_LEAD_NURTURING", "/api/campaigns", "5"},
        {"MAUTIC_SEGMENT_LEADS", "/api/segments", "1"},
        {"MAUTIC_SEGMENT_PROSPECTS", "/api/segments", "2"},
        {"MAUTIC_SEGMENT_CLIENTS", "/api/segments", "3"},
        {"MAUTIC_SEGMENT_PENDING_QUOTES", "/api/segments", "4"},
        {"MAUTIC_SEGMENT_OVERDUE_PAYMENTS", "/api/segments", "5"},
        {0},
    };
    for (size_t i = 0; numbers[i].setting != NULL; i++) {
        const struct shelf shelf = {check_there,     doctor,
                                    service,         headers,
                                    numbers[i].path, "set a number that Mautic shows"};
        const char *number = doctor_setting(doctor, numbers[i].setting);
        check_there(&shelf, numbers[i].setting,
                    number[0] != '\0' ? number : numbers[i].fallback);
        check_particular(&shelf, numbers[i].setting);
    }
}

void
doctor_mautic(struct doctor *doctor)
{
    struct http_service service;
    if (!doctor_open(doctor, &service, "MAUTIC_URL"))
        return;
    bool oauth = doctor_setting(doctor, "MAUTIC_CLIENT_ID")[0] != '\0';
    const char *login = oauth ? oauth_login(doctor, &service) : basic_login(doctor);
    const struct http_header headers[] = {{"Authorization", login}, {NULL}};
    if (login != NULL
        && doctor_get(doctor, &service, "/api/contacts?limit=1", headers,
                      "is the API on (and basic authentication, where it is used), and "
                      "may this user read contacts?")
               != NULL) {
        doctor_say(doctor, DOCTOR_OK, service.name, NULL,
                   "answers, and takes the login");
        check_numbers(doctor, &service, headers);
    }
    http_service_close(&service);
}
