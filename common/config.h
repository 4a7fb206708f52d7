// common/config.h - settings: tables of environment variables read into a struct.
#ifndef RELAIS_CONFIG_H
#define RELAIS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/attr.h"
#include "common/error.h"

enum config_type {
    CONFIG_TEXT,   // const char *
    CONFIG_SECRET, // const char *; NAME_FILE names a file instead; printed as ***
    CONFIG_URL, // const char *; http or https, no user or password in it, no trailing /
    CONFIG_BOOL,  // bool: true false yes no 1 0 on off
    CONFIG_INT,   // int64_t
    CONFIG_MS,    // int64_t milliseconds: plain number, or with ms s m h d behind it
    CONFIG_BYTES, // int64_t bytes: plain number, or with K M G behind it (powers of
                  // 1024)
};

// One row of a settings table, which ends with {0}.
struct config_setting {
    const char *name; // environment variable
    enum config_type type;
    size_t offset;        // into the struct that is filled
    const char *fallback; // text of the default; NULL: required; "" for optional text
    const char *description; // one sentence, for docs/settings.md
    long long min, max;      // bounds for INT, MS, BYTES; both 0: not checked
};

// Fills the struct at `into` from the environment; a variable set to nothing counts as
// not set. Every text is allocated and lives
// until config_free(). Reports every wrong setting at once: the error's text names the
// variable, and what to set. Secrets never appear in it.
bool config_load(const struct config_setting settings[], void *into,
                 struct error *err) ATTR_MUST_CHECK;
void config_free(const struct config_setting settings[], void *into);

// Reads the secrets of the table again (SIGHUP after a rotation); others stay as they
// are. The old strings stay allocated, until config_free(), for whoever still reads
// them.
bool config_reload_secrets(const struct config_setting settings[], void *into,
                           struct error *err) ATTR_MUST_CHECK;

// Looks one variable up (with its _FILE variant), for names that are not known
// beforehand, such as DOCUSEAL_TEMPLATE_QUOTE_<COMPANY>. Returns an allocated string or
// NULL; the caller frees it.
char *config_lookup(const char *name);

// Prints the table as Markdown rows (name, type, default, meaning) for
// docs/settings.md; the heading of the table is the caller's.
void config_print_markdown(const struct config_setting settings[], FILE *out);

// Prints "NAME=value" lines with secrets as ***.
void config_print(const struct config_setting settings[], const void *from, FILE *out);

// The same of a table whose struct is not at hand, as the environment has it. A name
// with [...] or <...> in it stands for every variable that begins like it.
void config_print_given(const struct config_setting settings[], FILE *out);

#endif
