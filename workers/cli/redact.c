// workers/cli/redact.c - JSON without secrets.
#include "workers/cli/redact.h"

#include "common/json.h"
#include "common/redact.h"

void
redact_json(struct str *out, const char *text, size_t length)
{
    struct json_object *value = json_parse_raw(text, length);

    if (value == NULL)
        str_printf(out, "\"not JSON, %zu bytes\"", length);
    else
        redact_text(out, text, length, NULL);
    json_drop(value);
}
