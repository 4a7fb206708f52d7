#include <inttypes.h>
#include <string.h>

#include "common/config.h"

static const char *
type_name(enum config_type type)
{
    static const char *const names[] = {
        [CONFIG_TEXT] = "text",   [CONFIG_SECRET] = "secret", [CONFIG_URL] = "URL",
        [CONFIG_BOOL] = "bool",   [CONFIG_INT] = "number",    [CONFIG_MS] = "duration",
        [CONFIG_BYTES] = "bytes",
    };
    return names[type];
}

void
config_print_markdown(const struct config_setting settings[], FILE *out)
{
    for (; settings->name != NULL; settings++) {
        fprintf(out, "| `%s` | %s | ", settings->name, type_name(settings->type));
        if (settings->fallback == NULL)
            fputs("required", out);
        else if (settings->fallback[0] != '\0')
            fprintf(out, "`%s`", settings->fallback);
        fputs(" | ", out);
        for (const char *c = settings->description; c != NULL && *c != '\0'; c++)
            fprintf(out, *c == '|' ? "\\%c" : "%c", *c);
        if (settings->min != 0 || settings->max != 0)
            fprintf(out, " (%lld to %lld)", settings->min, settings->max);
        fputs(" |\n", out);
    }
}

void
config_print(const struct config_setting settings[], const void *from, FILE *out)
{
    for (; settings->name != NULL; settings++) {
        const void *place = (const char *)from + settings->offset;
        fprintf(out, "%s=", settings->name);
        if (settings->type == CONFIG_BOOL) {
            fputs(*(const bool *)place ? "true" : "false", out);
        } else if (settings->type == CONFIG_INT || settings->type == CONFIG_MS
                   || settings->type == CONFIG_BYTES) {
            fprintf(out, "%" PRId64, *(const int64_t *)place);
        } else {
            const char *text = *(const char *const *)place;
            bool hidden = settings->type == CONFIG_SECRET && text != NULL && *text;
            fputs(hidden ? "***" : text != NULL ? text : "", out);
        }
        fputc('\n', out);
    }
}
