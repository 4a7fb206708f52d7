// The doctor's checks of DocuSeal: each template has what the papers made of it need.
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "workers/cli/doctor.h"

static const char quote_setting[] = "DOCUSEAL_TEMPLATE_QUOTE";
static const char cgv_setting[] = "DOCUSEAL_TEMPLATE_CGV";

// ---- What a template has

static struct json_object *
role_of(struct json_object *template, const char *name)
{
    struct json_object *roles = json_array_or_null(template, "submitters");
    size_t count = roles != NULL ? json_object_array_length(roles) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *role = json_object_array_get_idx(roles, i);
        if (strcasecmp(json_string_or(role, "name", ""), name) == 0)
            return role;
    }
    return NULL;
}

static const char *
roles_of(struct job *job, struct json_object *template)
{
    struct json_object *roles = json_array_or_null(template, "submitters");
    size_t count = roles != NULL ? json_object_array_length(roles) : 0;
    const char *names = count > 0 ? "" : "none";
    for (size_t i = 0; i < count; i++)
        names =
            job_printf(job, "%s%s\"%s\"", names, i > 0 ? ", " : "",
                       json_string_or(json_object_array_get_idx(roles, i), "name", ""));
    return names;
}

// A box that the role must tick.
static bool
has_checkbox(struct json_object *template, struct json_object *role)
{
    struct json_object *fields = json_array_or_null(template, "fields");
    size_t count = fields != NULL ? json_object_array_length(fields) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *field = json_object_array_get_idx(fields, i);
        if (strcmp(json_string_or(field, "type", ""), "checkbox") == 0
            && json_bool_or(field, "required", true)
            && strcmp(json_string_or(field, "submitter_uuid", ""),
                      json_string_or(role, "uuid", "-"))
                   == 0)
            return true;
    }
    return false;
}

static const char *
role_setting(struct doctor *doctor, const char *setting, const char *fallback)
{
    const char *name = doctor_setting(doctor, setting);
    return name[0] != '\0' ? name : fallback;
}

// ---- Whose a template is

// Whether papers of the company are made of the template that this setting names: the
// worker takes the first of four that is set, for each level.
static bool
serves(struct doctor *doctor, const char *setting, const char *code)
{
    static const char *const levels[] = {"SES", "AES", "QES"};
    const char *own =
        doctor_variable(doctor, job_printf(doctor->job, "%s_", quote_setting), code);
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        bool simple = i == 0;
        const char *const names[] = {
            job_printf(doctor->job, "%s_%s", own, levels[i]),
            simple ? own : NULL,
            job_printf(doctor->job, "%s_%s", quote_setting, levels[i]),
            simple ? quote_setting : NULL,
        };
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            if (names[k] == NULL || doctor_setting(doctor, names[k])[0] == '\0')
                continue;
            if (strcmp(names[k], setting) == 0)
                return true;
            break;
        }
    }
    return false;
}

// A company with quotes that nobody could sign for it. NULL: there is none.
static const char *
countersigner(struct doctor *doctor, const char *setting)
{
    struct json_object *rows = doctor->companies;
    size_t count = rows != NULL ? json_object_array_length(rows) : 0;
    for (size_t i = 0; i < count; i++) {
        const char *code =
            json_string_or(json_object_array_get_idx(rows, i), "code", "");
        if (serves(doctor, setting, code) && doctor_countersigns(doctor, code))
            return code;
    }
    return NULL;
}

// ---- The checks

// By the id that we may have given it there.
static struct json_object *
named_template(const struct doctor_shelf *shelf, const char *setting, const char *id)
{
    const struct http_header query[] = {{"external_id", id}, {"limit", "1"}, {0}};
    struct json_object *answer = doctor_shelf_get(
        shelf, setting, http_url(shelf->doctor->job, shelf->path, query));
    if (answer == NULL)
        return NULL;
    struct json_object *found = json_array_or_null(answer, "data");
    if (found != NULL && json_object_array_length(found) > 0)
        return json_object_array_get_idx(found, 0);
    doctor_say(shelf->doctor, DOCTOR_WRONG, setting, shelf->hint,
               "no template has the external_id %s", id);
    return NULL;
}

// One that papers can be made of, with a role for the client. NULL: what is missing was
// said.
static struct json_object *
read_template(const struct doctor_shelf *shelf, const char *setting, const char *id)
{
    struct doctor *doctor = shelf->doctor;
    bool numbered = strspn(id, "0123456789") == strlen(id);
    struct json_object *template = numbered ? doctor_shelf_one(shelf, setting, id)
                                            : named_template(shelf, setting, id);
    const char *client = role_setting(doctor, "DOCUSEAL_ROLE_CLIENT", "Client");
    const char *name = json_string_or(template, "name", id);
    if (template == NULL)
        return NULL;
    if (json_at(template, "archived_at") != NULL)
        doctor_say(doctor, DOCTOR_WRONG, setting, "restore it, or name another one",
                   "%s is archived: nothing can be made of it", name);
    else if (role_of(template, client) == NULL)
        doctor_say(doctor, DOCTOR_WRONG, setting,
                   "name the client's role there as DOCUSEAL_ROLE_CLIENT says, or "
                   "change that",
                   "%s has no role \"%s\" for the client; it has %s", name, client,
                   roles_of(doctor->job, template));
    else
        return template;
    return NULL;
}

// Whether a company signs is said of each quote.
static void
check_quote_template(const struct doctor_shelf *shelf, const char *setting,
                     const char *id)
{
    static const char add[] =
        "name the company's role there as DOCUSEAL_ROLE_COMPANY says, or change that";
    struct doctor *doctor = shelf->doctor;
    struct json_object *template = read_template(shelf, setting, id);
    if (template == NULL)
        return;
    const char *name = json_string_or(template, "name", id);
    const char *role = role_setting(doctor, "DOCUSEAL_ROLE_COMPANY", "Company");
    if (role_of(template, role) != NULL) {
        doctor_say(doctor, DOCTOR_OK, setting, NULL, "%s", name);
        return;
    }
    const char *roles = roles_of(doctor->job, template);
    const char *code = countersigner(doctor, setting);
    if (code != NULL)
        doctor_say(doctor, DOCTOR_WRONG, setting, add,
                   "%s has no role \"%s\", and %s has quotes that it signs as well; it "
                   "has %s",
                   name, role, code, roles);
    else
        doctor_say(doctor, DOCTOR_NOTE, setting, add,
                   "%s has no role \"%s\": a quote that your company signs as well is "
                   "refused; it has %s",
                   name, role, roles);
}

static void
check_cgv_template(const struct doctor_shelf *shelf, const char *setting,
                   const char *id)
{
    struct doctor *doctor = shelf->doctor;
    const char *client = role_setting(doctor, "DOCUSEAL_ROLE_CLIENT", "Client");
    struct json_object *template = read_template(shelf, setting, id);
    if (template == NULL)
        return;
    const char *name = json_string_or(template, "name", id);
    if (has_checkbox(template, role_of(template, client)))
        doctor_say(doctor, DOCTOR_OK, setting, NULL, "%s", name);
    else
        doctor_say(doctor, DOCTOR_WRONG, setting,
                   "add a required checkbox for that role there",
                   "%s has no required checkbox for the role \"%s\": nobody would "
                   "accept anything",
                   name, client);
}

static void
check_templates(const struct doctor_shelf *shelf, const char *setting)
{
    const char *id = doctor_setting(shelf->doctor, setting);
    if (id[0] == '\0')
        doctor_say(shelf->doctor, DOCTOR_NOTE, setting, "set the number of a template",
                   "is not set: only companies with one of their own send such papers");
    else
        shelf->check(shelf, setting, id);
    doctor_shelf_particular(shelf, setting);
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
        struct doctor_shelf templates = {
            check_quote_template,
            doctor,
            &service,
            headers,
            "/templates",
            "set the number or external_id of a template of this account"};
        check_templates(&templates, quote_setting);
        templates.check = check_cgv_template;
        check_templates(&templates, cgv_setting);
    }
    http_service_close(&service);
}
