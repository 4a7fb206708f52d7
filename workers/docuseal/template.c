// Templates: which one, and what it has.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/config.h"
#include "common/json.h"
#include "common/str.h"
#include "workers/docuseal/order.h"
#include "workers/docuseal/submission.h"

// Text as it stands in the name of an environment variable.
static const char *
variable_part(struct job *job, const char *text)
{
    char *part = job_strdup(job, text);
    for (char *c = part; *c != '\0'; c++) {
        bool lower = *c >= 'a' && *c <= 'z';
        bool plain = (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (lower)
            *c = (char)(*c - 'a' + 'A');
        else if (!plain)
            *c = '_';
    }
    return part;
}

static const char *
look_up(struct job *job, const char *name)
{
    char *value = config_lookup(name);
    const char *kept =
        value != NULL && value[0] != '\0' ? job_strdup(job, value) : NULL;
    free(value);
    return kept;
}

const char *
docuseal_template_setting(struct job *job, const char *base, const char *company,
                          enum docuseal_level level)
{
    const char *code = variable_part(job, company);
    const char *grade = variable_part(job, docuseal_level_name(level));
    bool simple = level == DOCUSEAL_SES;
    const char *const names[] = {
        code[0] != '\0' ? job_printf(job, "%s_%s_%s", base, code, grade) : NULL,
        code[0] != '\0' && simple ? job_printf(job, "%s_%s", base, code) : NULL,
        job_printf(job, "%s_%s", base, grade),
        simple ? base : NULL,
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = names[i] != NULL ? look_up(job, names[i]) : NULL;
        if (value != NULL)
            return value;
    }
    error_permanent(&job->error, "no template for level %s: set %s",
                    docuseal_level_name(level), simple ? base : names[2]);
    job->error.hint = "set the template's id or external_id, then replay";
    return NULL;
}

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

static bool
is_of_role(struct json_object *field, struct json_object *role)
{
    return strcmp(json_string_or(field, "submitter_uuid", ""),
                  json_string_or(role, "uuid", "-"))
           == 0;
}

// Types whose value is text that we can give.
static bool
takes_text(struct json_object *field)
{
    static const char *const types[] = {"text",  "number", "date",
                                        "cells", "phone",  NULL};
    const char *type = json_string_or(field, "type", "text");
    for (int i = 0; types[i] != NULL; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

static const char *
value_for(const struct docuseal_order *order, const char *name)
{
    for (const struct docuseal_column *column = order->columns; column->name != NULL;
         column++)
        if (strcmp(column->name, name) == 0)
            return json_text_or(order->row, column->path, NULL);
    return NULL;
}

static struct json_object *
fields_for(struct job *job, const struct docuseal_order *order,
           struct json_object *template, struct json_object *role)
{
    struct json_object *filled = json_array_in(job);
    struct json_object *fields = json_array_or_null(template, "fields");
    size_t count = fields != NULL ? json_object_array_length(fields) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *field = json_object_array_get_idx(fields, i);
        const char *name = json_string_or(field, "name", "");
        const char *value = takes_text(field) ? value_for(order, name) : NULL;
        if (value == NULL || value[0] == '\0' || !is_of_role(field, role))
            continue;
        struct json_object *fill = json_object_in(job);
        json_set_string(fill, "name", name);
        json_set_string(fill, "default_value", value);
        json_set_bool(fill, "readonly", true);
        json_add(filled, fill);
    }
    return filled;
}

static struct json_object *
submitter(struct job *job, const struct docuseal_order *order,
          const struct docuseal_signer *signer, struct json_object *template)
{
    struct json_object *role = role_of(template, signer->role);
    if (role == NULL) {
        error_permanent(&job->error,
                        "the DocuSeal template %s has no role \"%.40s\" (%s)",
                        order->template, signer->role, signer->part);
        job->error.hint = "name the role in DocuSeal as DOCUSEAL_ROLE_CLIENT and "
                          "DOCUSEAL_ROLE_COMPANY say, or change those";
        return NULL;
    }
    struct json_object *person = json_object_in(job);
    json_set_string(person, "role", json_string_or(role, "name", signer->role));
    json_set_string(person, "email", signer->email);
    if (signer->name != NULL && signer->name[0] != '\0')
        json_set_string(person, "name", signer->name);
    json_set_string(person, "external_id",
                    job_printf(job, "%s:%s", docuseal_round_identity(job, order->round),
                               signer->part));
    json_set(person, "metadata", order->metadata);
    struct json_object *fields = fields_for(job, order, template, role);
    if (json_object_array_length(fields) > 0)
        json_set(person, "fields", fields);
    return person;
}

// An acceptance of terms is a box that the client must tick.
static bool
has_checkbox(struct json_object *template, struct json_object *role)
{
    struct json_object *fields = json_array_or_null(template, "fields");
    size_t count = fields != NULL ? json_object_array_length(fields) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *field = json_object_array_get_idx(fields, i);
        if (strcmp(json_string_or(field, "type", ""), "checkbox") == 0
            && json_bool_or(field, "required", true) && is_of_role(field, role))
            return true;
    }
    return false;
}

static bool
check_template(struct job *job, const struct docuseal_order *order,
               struct json_object *template)
{
    struct json_object *role = role_of(template, order->signers[0].role);
    if (!order->needs_checkbox || role == NULL || has_checkbox(template, role))
        return true;
    error_permanent(&job->error,
                    "the DocuSeal template %s has no required checkbox for the role "
                    "%.40s: nobody would accept anything",
                    order->template, order->signers[0].role);
    job->error.hint = "add a required checkbox field to the template, then replay";
    return false;
}

struct json_object *
docuseal_order_body(struct job *job, const struct docuseal_order *order)
{
    struct json_object *template =
        docuseal_template_read(job, order->ds, order->template);
    int64_t id;
    if (template == NULL || !json_i64(job, template, "id", &id)
        || !check_template(job, order, template))
        return NULL;
    struct json_object *submitters = json_array_in(job);
    for (int i = 0; i < order->signer_count; i++) {
        struct json_object *person =
            submitter(job, order, &order->signers[i], template);
        if (person == NULL)
            return NULL;
        json_add(submitters, person);
    }
    struct json_object *body = json_object_in(job);
    json_set_i64(body, "template_id", id);
    json_set_bool(body, "send_email", order->ds->send_email);
    json_set_string(body, "order", "preserved");
    if (order->expire_at != NULL)
        json_set_string(body, "expire_at", order->expire_at);
    json_set(body, "submitters", submitters);
    return body;
}
