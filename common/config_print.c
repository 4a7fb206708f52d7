#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static void
print_text(const struct config_setting *setting, const char *text, FILE *out)
{
    bool hidden = setting->type == CONFIG_SECRET && text != NULL && *text;
    fputs(hidden ? "***" : text != NULL ? text : "", out);
    fputc('\n', out);
}

void
config_print(const struct config_setting settings[], const void *from, FILE *out)
{
    for (; settings->name != NULL; settings++) {
        const void *place = (const char *)from + settings->offset;
        fprintf(out, "%s=", settings->name);
        if (settings->type == CONFIG_BOOL)
            fprintf(out, "%s\n", *(const bool *)place ? "true" : "false");
        else if (settings->type == CONFIG_INT || settings->type == CONFIG_MS
                 || settings->type == CONFIG_BYTES)
            fprintf(out, "%" PRId64 "\n", *(const int64_t *)place);
        else
            print_text(settings, *(const char *const *)place, out);
    }
}

static void
print_family(const struct config_setting *setting, size_t prefix, FILE *out)
{
    for (char *const *variable = environ; *variable != NULL; variable++) {
        const char *value = strchr(*variable, '=');
        if (value == NULL || strncmp(*variable, setting->name, prefix) != 0)
            continue;
        fprintf(out, "%.*s=", (int)(value - *variable), *variable);
        print_text(setting, value + 1, out);
    }
}

void
config_print_given(const struct config_setting settings[], FILE *out)
{
    for (; settings->name != NULL; settings++) {
        size_t prefix = strcspn(settings->name, "[<");
        if (settings->name[prefix] != '\0') {
            print_family(settings, prefix, out);
            continue;
        }
        char *given = config_lookup(settings->name);
        fprintf(out, "%s=", settings->name);
        print_text(settings, given != NULL ? given : settings->fallback, out);
        free(given);
    }
}
