// What POST and PUT /invoices refuse.
#include <stdio.h>
#include <string.h>

#include "harness_json.h"
#include "invoice_ninja.h"

static void
check_client(struct call *call, struct json_object *errors)
{
    const char *hash = json_str(call->body, "client_id");
    if (hash == NULL) {
        problem(errors, "client_id", "The client id field is required.");
        return;
    }
    struct json_object *client =
        row_by_hash(call->sim, call->account, ENTITY_CLIENT, hash);
    if (client == NULL || row_deleted(client))
        problem(errors, "client_id", "The selected client id is invalid.");
}

static void
check_dates(struct json_object *body, struct json_object *errors)
{
    static const char *const keys[] = {"date", "due_date", "partial_due_date"};
    for (int i = 0; i < 3; i++) {
        const char *date = json_str(body, keys[i]);
        char text[100];
        if (date == NULL || *date == '\0' || is_date(date))
            continue;
        snprintf(text, sizeof text, "The %s is not a valid date.", keys[i]);
        problem(errors, keys[i], text);
    }
}

// The body's member if it is there, else what the invoice has.
static const char *
new_text(struct json_object *invoice, struct json_object *body, const char *key)
{
    if (json_has(body, key))
        return json_str(body, key);
    return invoice == NULL ? NULL : row_text(invoice, key);
}

static void
check_partial(struct json_object *invoice, struct json_object *body,
              struct json_object *errors)
{
    static const char key[] = "partial_due_date";
    const char *partial = new_text(invoice, body, key);
    const char *date = new_text(invoice, body, "date");
    const char *due = new_text(invoice, body, "due_date");
    if (cents_of(body, "partial") == 0 || partial == NULL || *partial == '\0')
        return;
    if (date != NULL && *date != '\0' && strcmp(partial, date) < 0)
        problem(errors, key,
                "The partial due date must be a date after or equal to date.");
    if (due != NULL && *due != '\0' && strcmp(partial, due) >= 0)
        problem(errors, key, "The partial due date must be a date before due date.");
}

void
invoice_check(struct call *call, struct json_object *invoice,
              struct json_object *errors)
{
    struct json_object *body = call->body;
    const char *number = json_object_get_string(json_at(body, "number"));
    struct json_object *lines = json_at(body, "line_items");
    if (invoice == NULL)
        check_client(call, errors);
    row_check(ENTITY_INVOICE, body, errors);
    check_dates(body, errors);
    check_partial(invoice, body, errors);
    if (number != NULL && *number != '\0'
        && row_with(call->sim, call->account, ENTITY_INVOICE, "number", number, invoice)
               != NULL)
        problem(errors, "number", "The number has already been taken.");
    if (lines != NULL && !json_object_is_type(lines, json_type_array)
        && !json_object_is_type(lines, json_type_object))
        problem(errors, "line_items", "The line items must be an array.");
    // Any other status is ignored: it cannot be written at all.
    if (invoice != NULL && json_int(body, "status_id", 0) == 5)
        problem(errors, "status_id", "The selected status id is invalid.");
}
