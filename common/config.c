#include "common/config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/str.h"

enum { SECRET_MAX_BYTES = 64 * 1024 };

// A text that was read. The settings point at `text`; a secret that was read again
// keeps the one before alive, because another thread may still be reading it.
struct held {
    struct held *before;
    char text[];
};

static char *
hold(const char *text, size_t length, char *before)
{
    struct held *held = str_alloc(sizeof *held + length + 1);
    held->before = NULL;
    if (before != NULL)
        held->before = (struct held *)(void *)(before - offsetof(struct held, text));
    memcpy(held->text, text, length);
    held->text[length] = '\0';
    return held->text;
}

static void
let_go(char *text)
{
    if (text == NULL)
        return;
    struct held *held = (struct held *)(void *)(text - offsetof(struct held, text));
    while (held != NULL) {
        struct held *before = held->before;
        free(held);
        held = before;
    }
}

// Everything that is wrong, in two lists, so that one line holds much of it.
struct problems {
    struct str missing; // names
    struct str wrong;   // "NAME must be ..."
    int unsaid;         // what no longer fitted
};

static void
add_problem(struct problems *problems, const char *name, const char *what)
{
    struct str *list = what == NULL ? &problems->missing : &problems->wrong;
    const char *between = list->length == 0 ? "" : what == NULL ? ", " : "; ";
    size_t before = list->length;

    str_printf(list, "%s%s%s%s", between, name, what == NULL ? "" : " ",
               what == NULL ? "" : what);
    if (!list->failed)
        return;
    list->failed = false;
    list->length = before;
    list->data[before] = '\0';
    problems->unsaid++;
}

static void
problems_begin(struct problems *problems)
{
    *problems = (struct problems){0};
    str_begin(&problems->missing, 110);
    str_begin(&problems->wrong, 110);
}

// Makes an error of them, if there are any.
static bool
problems_end(struct problems *problems, struct error *err)
{
    bool missing = problems->missing.length > 0;
    bool wrong = problems->wrong.length > 0;
    bool fine = !missing && !wrong && problems->unsaid == 0;
    char more[24] = "";

    if (problems->unsaid > 0)
        snprintf(more, sizeof more, "; and %d more", problems->unsaid);
    if (!fine)
        error_fatal(err, "%s%s%s%s%s", missing ? "set " : "", problems->missing.data,
                    missing && wrong ? "; " : "", problems->wrong.data, more);
    str_end(&problems->missing);
    str_end(&problems->wrong);
    return fine;
}

// Reads a small file whole. NULL: errno says why.
static char *
read_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    char *text = str_alloc(SECRET_MAX_BYTES + 1);
    size_t length = 0;
    ssize_t took = 0;
    while (length < SECRET_MAX_BYTES
           && (took = read(fd, text + length, SECRET_MAX_BYTES - length)) > 0)
        length += (size_t)took;
    int problem = took < 0 ? errno : length == SECRET_MAX_BYTES ? EFBIG : 0;
    close(fd);
    if (problem != 0) {
        free(text);
        errno = problem;
        return NULL;
    }
    text[length] = '\0';
    return text;
}

static void
trim_end(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        length--;
    text[length] = '\0';
}

// An environment variable; one that is set to nothing counts as not set.
static const char *
from_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

// The path in NAME_FILE, or NULL.
static const char *
file_of(const char *name)
{
    char file_name[160];
    if ((size_t)snprintf(file_name, sizeof file_name, "%s_FILE", name)
        >= sizeof file_name)
        return NULL;
    return from_environment(file_name);
}

// The text of a setting, to be freed; NULL where it is not set and has no default, and
// where *problem says what is wrong.
static char *
read_text(const struct config_setting *setting, char problem[96])
{
    const char *value = from_environment(setting->name);
    const char *path = setting->type == CONFIG_SECRET ? file_of(setting->name) : NULL;

    if (path == NULL) {
        if (value == NULL)
            value = setting->fallback;
        return value != NULL ? str_dup(value) : NULL;
    }
    if (value != NULL) {
        snprintf(problem, 96, "is set, and so is %s_FILE: keep one", setting->name);
        return NULL;
    }
    char *text = read_file(path);
    if (text == NULL) {
        const char *why = strerrordesc_np(errno);
        snprintf(problem, 96, "cannot be read from its _FILE: %s", why);
        return NULL;
    }
    trim_end(text);
    if (text[0] == '\0')
        snprintf(problem, 96, "is empty in its _FILE");
    return text;
}

static const char *
check_line(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return "must be one line without control characters";
    return NULL;
}

// Cuts the slashes at its end off, in place.
static const char *
check_url(char *text)
{
    const char *host = text;
    if (str_starts(text, "https://"))
        host += strlen("https://");
    else if (str_starts(text, "http://"))
        host += strlen("http://");
    if (host == text || host[strcspn(host, "/")] == '@' || host[0] == '\0'
        || host[0] == '/' || host[0] == ':')
        return "must be an URL that begins with http:// or https:// and a host";
    if (memchr(host, '@', strcspn(host, "/")) != NULL)
        return "must be an URL without user and password: they have settings of their "
               "own";
    if (strpbrk(text, " \"<>\\^`{|}?#") != NULL)
        return "must be an URL without query, fragment and spaces";
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '/')
        text[--length] = '\0';
    return NULL;
}

static bool
read_bool(const char *text, bool *value)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        {"true", true}, {"false", false}, {"yes", true},  {"no", false}, {"1", true},
        {"0", false},   {"on", true},     {"off", false}, {0},
    };
    for (int i = 0; words[i].word != NULL; i++) {
        if (strcasecmp(text, words[i].word) != 0)
            continue;
        *value = words[i].value;
        return true;
    }
    return false;
}

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit time_units[] = {
    {"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {0},
};

static const struct unit byte_units[] = {
    {"", 1}, {"K", 1024}, {"M", 1048576}, {"G", 1073741824}, {0},
};

static const struct unit no_units[] = {{"", 1}, {0}};

// Reads a number with one of the units behind it.
static bool
read_number(const char *text, const struct unit units[], int64_t *value)
{
    char digits[24];
    size_t length = strspn(text, "-0123456789");
    long long number = 0;

    if (length >= sizeof digits)
        return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    if (!str_to_i64(digits, &number))
        return false;
    for (; units->name != NULL; units++)
        if (strcmp(text + length, units->name) == 0)
            return !__builtin_mul_overflow(number, units->factor, value);
    return false;
}

static const char *
what_it_must_be(const struct config_setting *setting, char problem[96])
{
    const char *kind = "a whole number";
    if (setting->type == CONFIG_MS)
        kind = "milliseconds, or a number with s, m, h or d";
    else if (setting->type == CONFIG_BYTES)
        kind = "bytes, or a number with K, M or G";
    if (setting->min == 0 && setting->max == 0)
        snprintf(problem, 96, "must be %s", kind);
    else
        snprintf(problem, 96, "must be %s (%lld to %lld)", kind, setting->min,
                 setting->max);
    return problem;
}

static bool
read_setting_number(const struct config_setting *setting, const char *text,
                    int64_t *value)
{
    const struct unit *units = no_units;
    if (setting->type == CONFIG_MS)
        units = time_units;
    else if (setting->type == CONFIG_BYTES)
        units = byte_units;
    if (!read_number(text, units, value) || (units != no_units && *value < 0))
        return false;
    bool bounded = setting->min != 0 || setting->max != 0;
    return !bounded || (*value >= setting->min && *value <= setting->max);
}

// Where a setting lives in the struct that is filled.
static void *
place_of(const struct config_setting *setting, void *into)
{
    return (char *)into + setting->offset;
}

static char **
text_place(const struct config_setting *setting, void *into)
{
    return (char **)place_of(setting, into);
}

static bool
is_text(const struct config_setting *setting)
{
    return setting->type == CONFIG_TEXT || setting->type == CONFIG_SECRET
           || setting->type == CONFIG_URL;
}

// Stores one setting's text. Returns what is wrong with it, or NULL.
static const char *
store(const struct config_setting *setting, char *text, void *into, char problem[96])
{
    if (is_text(setting)) {
        const char *wrong = check_line(text);
        if (wrong == NULL && setting->type == CONFIG_URL && text[0] != '\0')
            wrong = check_url(text);
        if (wrong == NULL)
            *text_place(setting, into) = hold(text, strlen(text), NULL);
        return wrong;
    }
    if (setting->type == CONFIG_BOOL) {
        bool *place = place_of(setting, into);
        return read_bool(text, place) ? NULL : "must be true or false";
    }
    int64_t *place = place_of(setting, into);
    int64_t value = 0;
    if (!read_setting_number(setting, text, &value))
        return what_it_must_be(setting, problem);
    *place = value;
    return NULL;
}

bool
config_load(const struct config_setting settings[], void *into, struct error *err)
{
    struct problems problems;
    problems_begin(&problems);
    for (const struct config_setting *setting = settings; setting->name; setting++) {
        if (is_text(setting))
            *text_place(setting, into) = NULL;
        char problem[96] = "";
        char *text = read_text(setting, problem);
        const char *wrong = problem;
        if (problem[0] == '\0' && text != NULL)
            wrong = store(setting, text, into, problem);
        else if (problem[0] == '\0')
            add_problem(&problems, setting->name, NULL);
        if (wrong != NULL && wrong[0] != '\0')
            add_problem(&problems, setting->name, wrong);
        free(text);
    }
    if (problems_end(&problems, err))
        return true;
    config_free(settings, into);
    return false;
}

void
config_free(const struct config_setting settings[], void *into)
{
    for (; settings->name != NULL; settings++) {
        if (!is_text(settings))
            continue;
        let_go(*text_place(settings, into));
        *text_place(settings, into) = NULL;
    }
}

bool
config_reload_secrets(const struct config_setting settings[], void *into,
                      struct error *err)
{
    struct problems problems;
    problems_begin(&problems);
    for (const struct config_setting *setting = settings; setting->name; setting++) {
        if (setting->type != CONFIG_SECRET)
            continue;
        char **place = text_place(setting, into);
        char problem[96] = "";
        char *text = read_text(setting, problem);
        if (problem[0] == '\0' && text == NULL)
            add_problem(&problems, setting->name, NULL);
        else if (problem[0] == '\0' && check_line(text) != NULL)
            add_problem(&problems, setting->name, check_line(text));
        else if (problem[0] != '\0')
            add_problem(&problems, setting->name, problem);
        else if (*place == NULL || strcmp(*place, text) != 0)
            __atomic_store_n(place, hold(text, strlen(text), *place), __ATOMIC_RELEASE);
        free(text);
    }
    return problems_end(&problems, err);
}

char *
config_lookup(const char *name)
{
    const char *value = from_environment(name);
    if (value != NULL)
        return str_dup(value);
    const char *path = file_of(name);
    char *text = path != NULL ? read_file(path) : NULL;
    if (text == NULL)
        return NULL;
    trim_end(text);
    if (text[0] != '\0')
        return text;
    free(text);
    return NULL;
}
