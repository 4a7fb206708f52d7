#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "invoice_ninja.h"

struct printer {
    FILE *out;
    bool pretty;
};

static void print_value(const struct printer *to, struct json_object *value, int depth);

// Reads one character of UTF-8 and moves behind it. What comes out of the parser is
// valid.
static uint32_t
take_character(const unsigned char **p)
{
    uint32_t c = *(*p)++;
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
    if (more > 0)
        c &= 0x3fU >> more;
    for (; more > 0 && **p != '\0'; more--)
        c = c << 6 | (*(*p)++ & 0x3fU);
    return c;
}

static void
print_escaped(FILE *out, uint32_t c)
{
    static const char plain[] = "\"\\/\b\f\n\r\t";
    static const char letter[] = "\"\\/bfnrt";
    const char *found = c < 0x80 ? strchr(plain, (int)c) : NULL;
    if (c != 0 && found != NULL)
        fprintf(out, "\\%c", letter[found - plain]);
    else if (c >= 0x10000)
        fprintf(out, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
    else if (c < 0x20 || c >= 0x80)
        fprintf(out, "\\u%04x", c);
    else
        fputc((int)c, out);
}

static void
print_text(FILE *out, const char *text, size_t bytes)
{
    const unsigned char *p = (const unsigned char *)text;
    const unsigned char *end = p + bytes;
    fputc('"', out);
    while (p < end)
        print_escaped(out, take_character(&p));
    fputc('"', out);
}

// The shortest text that is read as the same number; no ".0" behind a whole one.
static void
print_double(FILE *out, double number)
{
    char text[40];
    if (number == floor(number) && fabs(number) < 1e15) {
        fprintf(out, "%lld", (long long)number);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    fputs(text, out);
}

static void
print_break(const struct printer *to, int depth)
{
    if (to->pretty)
        fprintf(to->out, "\n%*s", depth * 4, "");
}

static void
print_object(const struct printer *to, struct json_object *object, int depth)
{
    const char *comma = "";
    fputc('{', to->out);
    json_object_object_foreach(object, key, value)
    {
        fputs(comma, to->out);
        print_break(to, depth + 1);
        print_text(to->out, key, strlen(key));
        fputs(to->pretty ? ": " : ":", to->out);
        print_value(to, value, depth + 1);
        comma = ",";
    }
    if (json_object_object_length(object) > 0)
        print_break(to, depth);
    fputc('}', to->out);
}

static void
print_array(const struct printer *to, struct json_object *array, int depth)
{
    size_t count = json_object_array_length(array);
    fputc('[', to->out);
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? "" : ",", to->out);
        print_break(to, depth + 1);
        print_value(to, json_object_array_get_idx(array, i), depth + 1);
    }
    if (count > 0)
        print_break(to, depth);
    fputc(']', to->out);
}

static void
print_value(const struct printer *to, struct json_object *value, int depth)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        fputs("null", to->out);
        break;
    case json_type_boolean:
        fputs(json_object_get_boolean(value) ? "true" : "false", to->out);
        break;
    case json_type_int:
        fprintf(to->out, "%lld", (long long)json_object_get_int64(value));
        break;
    case json_type_double:
        print_double(to->out, json_object_get_double(value));
        break;
    case json_type_string:
        print_text(to->out, json_object_get_string(value),
                   (size_t)json_object_get_string_len(value));
        break;
    case json_type_object:
        print_object(to, value, depth);
        break;
    case json_type_array:
        print_array(to, value, depth);
        break;
    }
}

char *
php_json(struct json_object *obj, bool pretty)
{
    char *text = NULL;
    size_t bytes = 0;
    struct printer to = {.out = open_memstream(&text, &bytes), .pretty = pretty};
    if (to.out == NULL)
        abort();
    print_value(&to, obj, 0);
    fclose(to.out);
    return text;
}

double
php_round(double number)
{
    // 15 digits take the noise of binary fractions away, as PHP does before it rounds.
    char text[40];
    snprintf(text, sizeof text, "%.15g", number * 100);
    return round(strtod(text, NULL)) / 100;
}

bool
php_true(struct json_object *value)
{
    const char *text = json_object_get_string(value);
    switch (json_object_get_type(value)) {
    case json_type_string:
        return strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    case json_type_array:
    case json_type_object:
        return false;
    default:
        return json_object_get_boolean(value);
    }
}

bool
php_number(struct json_object *value, double *number)
{
    char *end = NULL;
    if (json_object_is_type(value, json_type_int)
        || json_object_is_type(value, json_type_double)) {
        *number = json_object_get_double(value);
        return true;
    }
    if (!json_object_is_type(value, json_type_string))
        return false;
    const char *text = json_object_get_string(value);
    double read = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(read))
        return false;
    *number = read;
    return true;
}
