#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "docuseal.h"
#include "harness_json.h"

// Field types that a signer fills by the act of signing are last, as on a real page.
static const char default_templates[] =
    "[{\"id\":17,\"name\":\"Offerte\",\"external_id\":\"quote\",\"folder\":"
    "\"Offerten\","
    "\"roles\":[\"Client\",\"Company\"],\"fields\":["
    "{\"name\":\"quote_number\",\"role\":\"Client\"},"
    "{\"name\":\"title\",\"role\":\"Client\"},"
    "{\"name\":\"total\",\"role\":\"Client\"},"
    "{\"name\":\"currency\",\"role\":\"Client\"},"
    "{\"name\":\"valid_until\",\"role\":\"Client\"},"
    "{\"name\":\"signature_client\",\"role\":\"Client\",\"type\":\"signature\"},"
    "{\"name\":\"date\",\"role\":\"Client\",\"type\":\"date\"},"
    "{\"name\":\"signature_company\",\"role\":\"Company\",\"type\":\"signature\"}]},"
    "{\"id\":18,\"name\":\"CGV\",\"external_id\":\"cgv\",\"folder\":\"CGV\","
    "\"roles\":[\"Client\"],\"fields\":["
    "{\"name\":\"version\",\"role\":\"Client\"},"
    "{\"name\":\"title\",\"role\":\"Client\"},"
    "{\"name\":\"accepted\",\"role\":\"Client\",\"type\":\"checkbox\"},"
    "{\"name\":\"signature_client\",\"role\":\"Client\",\"type\":\"signature\"}]}]";

static bool
is_template(struct json_object *template)
{
    return json_int(template, "id", 0) > 0 && json_str(template, "name") != NULL
           && json_is_array(template, "roles") && json_is_array(template, "fields");
}

static void
keep(struct sim *sim, struct json_object *template)
{
    int64_t id = json_int(template, "id", 0);
    int64_t now_ms = sim_stamp_ms(sim);
    struct json_object *row = json_clone(template);
    if (!json_has(row, "account"))
        json_add_int(row, "account", ACCOUNT_MAIN);
    if (!json_has(row, "created_at"))
        json_add_int(row, "created_at", now_ms);
    json_add_int(row, "updated_at", now_ms);
    store_put(sim_store(sim), "templates", id, row);
}

bool
template_start(struct sim *sim)
{
    const char *text = sim_setting(sim, "templates");
    text = *text == '\0' ? default_templates : text;
    struct json_object *list = json_parse(text, strlen(text));
    bool ok = json_object_is_type(list, json_type_array);
    for (size_t i = 0; ok && i < json_object_array_length(list); i++) {
        struct json_object *template = json_object_array_get_idx(list, i);
        ok = is_template(template);
        if (ok && template_get(sim, json_int(template, "id", 0)) == NULL)
            keep(sim, template);
    }
    json_object_put(list);
    if (!ok)
        fprintf(stderr, "SIM_TEMPLATES is not a JSON array of {id, name, roles[],"
                        " fields[{name, role, type?}]}; correct it or leave it out\n");
    return ok;
}

struct json_object *
template_get(struct sim *sim, int64_t id)
{
    return store_get(sim_store(sim), "templates", id);
}

void
template_put(struct call *call)
{
    int64_t id = json_int(call->body, "id", 0);
    struct json_object *old = template_get(call->sim, id);
    struct json_object *merged =
        old == NULL ? json_object_new_object() : json_clone(old);
    if (json_object_is_type(call->body, json_type_object)) {
        json_object_object_foreach(call->body, key, value)
        {
            json_share(merged, key, value);
        }
    }
    if (is_template(merged)) {
        keep(call->sim, merged);
        call_answer(call, 200, json_clone(merged));
    } else {
        docuseal_error(call, 422, "a template needs id, name, roles[] and fields[]");
    }
    json_object_put(merged);
}

int
template_role_count(struct json_object *template)
{
    return (int)json_object_array_length(json_at(template, "roles"));
}

const char *
template_role_name(struct json_object *template, int index)
{
    return json_object_get_string(
        json_object_array_get_idx(json_at(template, "roles"), (size_t)index));
}

int
template_role(struct json_object *template, const char *role)
{
    for (int i = 0; role != NULL && i < template_role_count(template); i++) {
        if (strcasecmp(template_role_name(template, i), role) == 0)
            return i;
    }
    return -1;
}

struct json_object *
template_field(struct json_object *template, const char *role, const char *name)
{
    struct json_object *fields = json_at(template, "fields");
    for (size_t i = 0; i < json_object_array_length(fields); i++) {
        struct json_object *field = json_object_array_get_idx(fields, i);
        const char *its_role = json_str(field, "role");
        if (strcmp(json_str(field, "name"), name) == 0
            && (its_role == NULL || strcasecmp(its_role, role) == 0))
            return field;
    }
    return NULL;
}

void
template_role_uuid(struct json_object *template, int index, char out[37])
{
    char text[300];
    snprintf(text, sizeof text, "role %lld %s", (long long)json_int(template, "id", 0),
             template_role_name(template, index));
    crypto_uuid(text, out);
}

struct json_object *
template_documents(struct json_object *template)
{
    if (json_is_array(template, "documents"))
        return json_object_get(json_at(template, "documents"));
    struct json_object *list = json_object_new_array();
    json_push_str(list, json_str(template, "name"));
    return list;
}

static void
view_roles(struct json_object *view, struct json_object *template)
{
    struct json_object *list = json_object_new_array();
    for (int i = 0; i < template_role_count(template); i++) {
        char uuid[37];
        template_role_uuid(template, i, uuid);
        struct json_object *role = json_object_new_object();
        json_add_str(role, "name", template_role_name(template, i));
        json_add_str(role, "uuid", uuid);
        json_object_array_add(list, role);
    }
    json_add(view, "submitters", list);
}

static void
view_fields(struct json_object *view, struct json_object *template)
{
    struct json_object *list = json_object_new_array();
    struct json_object *fields = json_at(template, "fields");
    for (size_t i = 0; i < json_object_array_length(fields); i++) {
        struct json_object *field = json_object_array_get_idx(fields, i);
        const char *type = json_str(field, "type");
        int role = template_role(template, json_str(field, "role"));
        char text[300];
        char uuid[37];
        snprintf(text, sizeof text, "field %lld %s",
                 (long long)json_int(template, "id", 0), json_str(field, "name"));
        crypto_uuid(text, uuid);
        struct json_object *shown = json_object_new_object();
        json_add_str(shown, "uuid", uuid);
        template_role_uuid(template, role < 0 ? 0 : role, uuid);
        json_add_str(shown, "submitter_uuid", uuid);
        json_add_str(shown, "name", json_str(field, "name"));
        json_add_str(shown, "type", type == NULL ? "text" : type);
        json_add_bool(shown, "required", json_flag(field, "required", true));
        json_add(shown, "preferences", json_object_new_object());
        json_add(shown, "areas", json_object_new_array());
        json_object_array_add(list, shown);
    }
    json_add(view, "fields", list);
}

static struct json_object *
view_full(struct json_object *template)
{
    struct json_object *view = json_object_new_object();
    char text[40];
    char slug[15];
    snprintf(text, sizeof text, "template %lld",
             (long long)json_int(template, "id", 0));
    crypto_slug(text, slug);
    json_add_int(view, "id", json_int(template, "id", 0));
    json_add_int(view, "author_id", 3);
    json_add_int(view, "folder_id", 1);
    json_add_str(view, "folder_name", json_str(template, "folder"));
    json_add_str(view, "external_id", json_str(template, "external_id"));
    json_add_str(view, "application_key", json_str(template, "external_id"));
    json_add_str(view, "name", json_str(template, "name"));
    json_add_str(view, "slug", slug);
    json_add_str(view, "source", "native");
    json_add_bool(view, "shared_link", false);
    json_add(view, "preferences", json_object_new_object());
    json_add(view, "schema", json_object_new_array());
    view_fields(view, template);
    view_roles(view, template);
    json_add_time(view, "archived_at",
                  json_flag(template, "archived", false)
                      ? json_int(template, "updated_at", 1)
                      : 0);
    json_add_time(view, "created_at", json_int(template, "created_at", 0));
    json_add_time(view, "updated_at", json_int(template, "updated_at", 0));
    return view;
}

// The template inside a submission; a row of GET /submitters has two members fewer.
struct json_object *
view_template(struct json_object *template, bool full)
{
    struct json_object *view = json_object_new_object();
    json_add_int(view, "id", json_int(template, "id", 0));
    json_add_str(view, "name", json_str(template, "name"));
    if (full) {
        const char *folder = json_str(template, "folder");
        json_add_str(view, "external_id", json_str(template, "external_id"));
        json_add_str(view, "folder_name", folder == NULL ? "Default" : folder);
    }
    json_add_time(view, "created_at", json_int(template, "created_at", 0));
    json_add_time(view, "updated_at", json_int(template, "updated_at", 0));
    return view;
}

void
template_show(struct call *call)
{
    struct json_object *template = template_get(call->sim, call->ids[0]);
    if (template == NULL)
        docuseal_not_found(call);
    else if (docuseal_allowed(call, json_int(template, "account", 0), "Template",
                              call->ids[0]))
        call_answer(call, 200, view_full(template));
}

static bool
same(struct call *call, const char *parameter, struct json_object *row, const char *key)
{
    const char *wanted = call_query(call, parameter);
    const char *value = json_str(row, key);
    return wanted == NULL || (value != NULL && strcmp(wanted, value) == 0);
}

static bool
wanted(struct call *call, struct json_object *template)
{
    const char *q = call_query(call, "q");
    const char *archived = call_query(call, "archived");
    bool want_archived = archived != NULL && strcmp(archived, "true") == 0;
    int64_t id = json_int(template, "id", 0);
    int64_t bound = 0;
    if (json_int(template, "account", 0) != call->account)
        return false;
    if (json_flag(template, "archived", false) != want_archived)
        return false;
    if (page_bound(call, "after", &bound) && id >= bound)
        return false;
    if (page_bound(call, "before", &bound) && id <= bound)
        return false;
    if (q != NULL && strcasestr(json_str(template, "name"), q) == NULL)
        return false;
    return same(call, "external_id", template, "external_id")
           && same(call, "folder", template, "folder");
}

// Highest id first; templates may have been put in any order.
static struct json_object *
below(struct call *call, int64_t bound)
{
    struct store_cursor cursor;
    struct json_object *best = NULL;
    struct json_object *row = store_newest(sim_store(call->sim), "templates", &cursor);
    for (; row != NULL; row = store_older(&cursor)) {
        int64_t id = json_int(row, "id", 0);
        if (wanted(call, row) && id < bound && id > json_int(best, "id", 0))
            best = row;
    }
    return best;
}

void
template_index(struct call *call)
{
    struct json_object *data = json_object_new_array();
    struct json_object *row = below(call, INT64_MAX);
    for (int64_t left = page_limit(call); row != NULL && left > 0; left--) {
        json_object_array_add(data, view_full(row));
        row = below(call, json_int(row, "id", 0));
    }
    call_answer(call, 200, page_reply(data, "id"));
}
