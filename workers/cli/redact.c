// workers/cli/redact.c - JSON without secrets.
#include "workers/cli/redact.h"

#include <stdbool.h>
#include <string.h>

#include "common/json.h"
#include "workers/cli/table.h"

// Who holds a signing link can sign: it is a secret like a password.
static const char *const secret_members[] = {
    "embed_src",     "embed_url", "slug",   "token", "api_key",
    "authorization", "password",  "secret", NULL,
};

static bool
is_secret(const char *name)
{
    for (size_t i = 0; secret_members[i] != NULL; i++)
        if (strcasestr(name, secret_members[i]) != NULL)
            return true;
    return false;
}

static void put_value(struct str *out, struct json_object *value);

static void
put_object(struct str *out, struct json_object *object)
{
    struct json_object_iterator at = json_object_iter_begin(object);
    struct json_object_iterator end = json_object_iter_end(object);
    bool first = true;

    str_puts(out, "{");
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *name = json_object_iter_peek_name(&at);
        struct json_object *value = json_object_iter_peek_value(&at);
        str_puts(out, first ? "" : ",");
        first = false;
        table_json_string(out, name);
        str_puts(out, ":");
        if (value != NULL && is_secret(name))
            str_puts(out, "\"***\"");
        else
            put_value(out, value);
    }
    str_puts(out, "}");
}

static void
put_array(struct str *out, struct json_object *array)
{
    str_puts(out, "[");
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        str_puts(out, i == 0 ? "" : ",");
        put_value(out, json_object_array_get_idx(array, i));
    }
    str_puts(out, "]");
}

static void
put_value(struct str *out, struct json_object *value)
{
    if (json_object_is_type(value, json_type_object))
        put_object(out, value);
    else if (json_object_is_type(value, json_type_array))
        put_array(out, value);
    else if (value == NULL)
        str_puts(out, "null");
    else
        str_puts(out, json_print(value, NULL));
}

void
redact_json(struct str *out, const char *text, size_t length)
{
    struct json_object *value = json_parse_raw(text, length);

    if (value == NULL) {
        str_printf(out, "\"not JSON, %zu bytes\"", length);
        return;
    }
    put_value(out, value);
    json_drop(value);
}
