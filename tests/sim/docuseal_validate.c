#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "docuseal.h"
#include "harness_json.h"

struct typo {
    const char *wrong;
    const char *right;
};

static const struct typo typos[] = {
    {"gmial.com", "gmail.com"},
    {"gmai.com", "gmail.com"},
    {"gmal.com", "gmail.com"},
    {"gnail.com", "gmail.com"},
    {"gmail.co", "gmail.com"},
    {"gmail.con", "gmail.com"},
    {"hotmial.com", "hotmail.com"},
    {"hotmail.con", "hotmail.com"},
    {"outlok.com", "outlook.com"},
    {"yaho.com", "yahoo.com"},
    {0},
};

void
validate_mend_email(char *email)
{
    for (char *p = email; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    char *domain = strrchr(email, '@');
    for (const struct typo *typo = typos; domain != NULL && typo->wrong; typo++) {
        if (strcmp(domain + 1, typo->wrong) == 0) {
            // At most one character is added: the caller leaves room for it.
            memcpy(domain + 1, typo->right, strlen(typo->right) + 1);
            return;
        }
    }
}

static bool
is_email(const char *email)
{
    const char *at = strchr(email, '@');
    if (at == NULL || at == email || strchr(at + 1, '@') != NULL)
        return false;
    const char *dot = strrchr(at, '.');
    if (dot == NULL || dot == at + 1 || dot[1] == '\0' || strlen(email) > 200)
        return false;
    for (const char *p = email; *p != '\0'; p++) {
        if (isspace((unsigned char)*p) || strchr("<>(),;\"\\", *p) != NULL)
            return false;
    }
    return strstr(at, "..") == NULL;
}

static bool
is_phone(const char *phone)
{
    if (phone[0] != '+' || phone[1] == '\0')
        return false;
    return phone[1 + strspn(phone + 1, "0123456789")] == '\0';
}

// An empty text counts as none, as in Rails.
static const char *
filled(struct json_object *obj, const char *key)
{
    const char *text = json_str(obj, key);
    return text == NULL || *text == '\0' ? NULL : text;
}

bool
validate_message(struct call *call, struct json_object *message)
{
    if (message == NULL || filled(message, "body") != NULL)
        return true;
    docuseal_error(call, 422, "body is required in `message`.");
    return false;
}

bool
validate_submitter(struct call *call, struct json_object *submitter, const char *path)
{
    const char *email = filled(submitter, "email");
    const char *phone = filled(submitter, "phone");
    if (email != NULL && !is_email(email)) {
        docuseal_error(call, 422, "email is invalid in `%s`.", path);
        return false;
    }
    if (phone != NULL && !is_phone(phone)) {
        docuseal_error(
            call, 422,
            "phone should start with +<country code> and contain only digits in `%s`.",
            path);
        return false;
    }
    return true;
}

static bool
validate_one(struct call *call, struct json_object *submitter, size_t i)
{
    char path[40];
    snprintf(path, sizeof path, "submitters[%zu]", i);
    if (filled(submitter, "email") == NULL && filled(submitter, "phone") == NULL
        && filled(submitter, "name") == NULL) {
        docuseal_error(call, 422, "email or phone or name is required in `%s`.", path);
        return false;
    }
    if (!validate_submitter(call, submitter, path))
        return false;
    return validate_message(call, json_at(submitter, "message"));
}

static bool
same_member(struct json_object *list, size_t a, size_t b, const char *key)
{
    const char *left = filled(json_object_array_get_idx(list, a), key);
    const char *right = filled(json_object_array_get_idx(list, b), key);
    return left != NULL && right != NULL && strcasecmp(left, right) == 0;
}

static bool
has_twice(struct json_object *list, const char *key)
{
    size_t count = json_object_array_length(list);
    for (size_t a = 0; a < count; a++) {
        for (size_t b = a + 1; b < count; b++) {
            if (same_member(list, a, b, key))
                return true;
        }
    }
    return false;
}

bool
validate_submission(struct call *call, struct json_object *wish)
{
    struct json_object *list = json_at(wish, "submitters");
    if (!json_is_array(wish, "submitters") || json_object_array_length(list) == 0) {
        docuseal_error(call, 422, "submitters is required");
        return false;
    }
    if (!validate_message(call, json_at(wish, "message")))
        return false;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        if (!validate_one(call, json_object_array_get_idx(list, i), i))
            return false;
    }
    if (has_twice(list, "role")) {
        docuseal_error(call, 422, "role must be unique in `submitters`.");
        return false;
    }
    if (sim_setting_flag(call->sim, "distinct_emails") && has_twice(list, "email")) {
        docuseal_error(call, 422, "Recipient emails should differ");
        return false;
    }
    return true;
}

int
validate_role(struct json_object *template, struct json_object *submitter, size_t i)
{
    const char *role = filled(submitter, "role");
    struct json_object *roles = json_at(submitter, "roles");
    if (role == NULL && json_object_is_type(roles, json_type_array))
        role = json_object_get_string(json_object_array_get_idx(roles, 0));
    int found = template_role(template, role);
    if (found >= 0)
        return found;
    // A role that nobody knows silently becomes the one at the same place.
    return i < (size_t)template_role_count(template) ? (int)i : -1;
}

static void
refuse_role(struct call *call, struct json_object *template, const char *role)
{
    char names[400] = "";
    size_t at = 0;
    for (int i = 0; i < template_role_count(template) && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s\"%s\"",
                               i == 0 ? "" : ", ", template_role_name(template, i));
    docuseal_error(call, 422, "Unknown submitter role: %s. Template defines [%s]", role,
                   names);
}

bool
validate_signers(struct call *call, struct json_object *template,
                 struct json_object *wish)
{
    struct json_object *list = json_at(wish, "submitters");
    size_t count = json_object_array_length(list);
    if (count > (size_t)template_role_count(template)) {
        docuseal_error(call, 422, "Defined more signing parties than in template");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct json_object *submitter = json_object_array_get_idx(list, i);
        const char *role = filled(submitter, "role");
        bool prefilled = json_has(submitter, "values") || json_has(submitter, "fields");
        if (role != NULL && prefilled && template_role(template, role) < 0) {
            refuse_role(call, template, role);
            return false;
        }
        int index = validate_role(template, submitter, i);
        if (!values_check(call, template, template_role_name(template, index),
                          submitter))
            return false;
    }
    return true;
}
