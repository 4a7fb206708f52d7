// workers/cli/table.h - rows of text in columns that line up, for people; the same rows
// as JSON objects, for programs.
#ifndef RELAIS_CLI_TABLE_H
#define RELAIS_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"

struct table_column {
    const char *title; // printed in capitals as it is
    const char *name;  // JSON member
    bool number;       // right-aligned, and a number in JSON
};

enum { TABLE_COLUMNS = 12 };

struct table {
    const struct table_column *columns; // ends with {0}
    size_t width;                       // columns
    char **cells;                       // rows * width, NULL = null
    size_t rows;
    size_t room;
};

// columns must outlive the table. Ends with table_end().
void table_begin(struct table *table, const struct table_column columns[]);
void table_end(struct table *table);

// Adds a row of `width` texts (copied; NULL is shown as "-" and as null).
void table_row(struct table *table, const char *const cells[]);

// Appends the rows with their titles, or nothing if there is none. Control characters
// are shown as "?", so that a stored text cannot play with a terminal.
void table_print(const struct table *table, struct str *out);

// Appends a JSON array of objects.
void table_json(const struct table *table, struct str *out);

// Appends text as a JSON string, or null.
void table_json_string(struct str *out, const char *text);

#endif
