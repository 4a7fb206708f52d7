// Tags and companies: both are found or made by name.
#include <string.h>

#include "harness_json.h"
#include "mautic.h"

enum {
    FIRST_TAG = 7,
    FIRST_COMPANY = 1,
};

// The row whose member `key` equals the name as MySQL compares, or NULL.
static struct json_object *
find_named(struct sim *sim, const char *collection, const char *key, const char *name)
{
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(sim), collection, &cursor);
    while (row != NULL && !text_equal(json_str(row, key), name))
        row = store_newer(&cursor);
    return row;
}

static struct json_object *
put_row(struct sim *sim, const char *collection, int64_t first, const char *key,
        const char *name)
{
    int64_t id = store_next_id(sim_store(sim), collection, first);
    struct json_object *row = json_object_new_object();
    json_add_int(row, "id", id);
    json_add_str(row, key, name);
    store_put(sim_store(sim), collection, id, row);
    return row;
}

int64_t
tag_id(struct sim *sim, const char *name)
{
    struct json_object *row = find_named(sim, "tags", "tag", name);
    if (row == NULL)
        row = put_row(sim, "tags", FIRST_TAG, "tag", name);
    return json_int(row, "id", 0);
}

struct json_object *
tag_view(struct sim *sim, int64_t id)
{
    struct json_object *view = json_object_new_object();
    struct json_object *row = store_get(sim_store(sim), "tags", id);
    json_add_int(view, "id", id);
    json_add_str(view, "tag", json_str(row, "tag"));
    json_add_null(view, "description");
    return view;
}

void
tag_index(struct call *call)
{
    struct json_object *rows = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(call->sim), "tags", &cursor);
    for (; row != NULL; row = store_newer(&cursor))
        json_object_array_add(rows, tag_view(call->sim, json_int(row, "id", 0)));
    mautic_answer_list(call, "tags", rows, false);
}

void
tag_create(struct call *call)
{
    const char *name = json_str(call->body, "tag");
    if (name == NULL || *name == '\0') {
        mautic_answer_error(call, 400,
                            mautic_field_error(400, "tag", "This value is required."));
        return;
    }
    mautic_created(call, "tag", tag_view(call->sim, tag_id(call->sim, name)));
}

static struct json_object *
view_company(struct json_object *row)
{
    struct json_object *view = json_object_new_object();
    struct json_object *all = json_object_new_object();
    struct json_object *fields = json_object_new_object();
    json_share(all, "id", json_at(row, "id"));
    json_share(all, "companyname", json_at(row, "name"));
    json_share(all, "companyemail", json_at(row, "email"));
    json_add(fields, "all", all);
    json_add_bool(view, "isPublished", true);
    json_share(view, "id", json_at(row, "id"));
    json_add_int(view, "score", 0);
    json_add(view, "fields", fields);
    return view;
}

static void
fire_company(struct sim *sim, struct json_object *contact, struct json_object *company,
             bool added)
{
    struct json_object *item = json_object_new_object();
    json_add_bool(item, "added", added);
    json_add(item, "contact", contact_view_flat(sim, contact));
    json_add(item, "company", view_company(company));
    event_fire(sim, "mautic.lead_company_change", json_int(contact, "id", 0), item);
}

static struct json_object *
make_company(struct sim *sim, const char *name)
{
    struct json_object *row = put_row(sim, "companies", FIRST_COMPANY, "name", name);
    struct json_object *item = json_object_new_object();
    json_add(item, "company", view_company(row));
    event_fire(sim, "mautic.company_post_save", 0, item);
    return row;
}

int64_t
company_id(struct sim *sim, const char *name)
{
    struct json_object *row = find_named(sim, "companies", "name", name);
    if (row == NULL)
        row = make_company(sim, name);
    return json_int(row, "id", 0);
}

static size_t
place_of(struct json_object *ids, int64_t id)
{
    size_t i = 0;
    while (i < json_object_array_length(ids)
           && json_object_get_int64(json_object_array_get_idx(ids, i)) != id)
        i++;
    return i;
}

void
company_link(struct sim *sim, struct json_object *contact, int64_t company)
{
    struct json_object *ids = json_at(contact, "companies");
    if (place_of(ids, company) < json_object_array_length(ids))
        return;
    json_object_array_add(ids, json_object_new_int64(company));
    contact_touch(sim, contact);
    fire_company(sim, contact, store_get(sim_store(sim), "companies", company), true);
}

void
company_index(struct call *call)
{
    struct json_object *rows = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(call->sim), "companies", &cursor);
    for (; row != NULL; row = store_newer(&cursor))
        json_object_array_add(rows, view_company(row));
    mautic_answer_list(call, "companies", rows, true);
}

static struct json_object *
named_company(struct call *call)
{
    struct json_object *row =
        store_get(sim_store(call->sim), "companies", call->ids[0]);
    if (row == NULL)
        mautic_not_found(call);
    return row;
}

void
company_show(struct call *call)
{
    struct json_object *row = named_company(call);
    if (row != NULL)
        mautic_answer(call, 200, "company", view_company(row));
}

void
company_create(struct call *call)
{
    const char *name = json_str(call->body, "companyname");
    if (name == NULL || *name == '\0') {
        mautic_answer_error(
            call, 400,
            mautic_field_error(400, "companyname", "This value is required."));
        return;
    }
    struct json_object *row = make_company(call->sim, name);
    json_add_str(row, "email", json_str(call->body, "companyemail"));
    mautic_created(call, "company", view_company(row));
}

void
company_add(struct call *call)
{
    struct json_object *row = named_company(call);
    struct json_object *contact = row == NULL ? NULL : contact_named(call, 1);
    if (contact == NULL)
        return;
    company_link(call->sim, contact, call->ids[0]);
    mautic_success(call);
}

void
company_leave(struct call *call)
{
    struct json_object *row = named_company(call);
    struct json_object *contact = row == NULL ? NULL : contact_named(call, 1);
    if (contact == NULL)
        return;
    struct json_object *ids = json_at(contact, "companies");
    size_t place = place_of(ids, call->ids[0]);
    if (place < json_object_array_length(ids)) {
        json_object_array_del_idx(ids, place, 1);
        contact_touch(call->sim, contact);
        fire_company(call->sim, contact, row, false);
    }
    mautic_success(call);
}

void
contact_companies(struct call *call)
{
    struct json_object *contact = contact_named(call, 0);
    if (contact == NULL)
        return;
    struct json_object *ids = json_at(contact, "companies");
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(ids); i++) {
        int64_t id = json_object_get_int64(json_object_array_get_idx(ids, i));
        json_object_array_add(
            list, view_company(store_get(sim_store(call->sim), "companies", id)));
    }
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "total", (int64_t)json_object_array_length(list));
    json_add(reply, "companies", list);
    call_answer(call, 200, reply);
}
