// workers/cli/table.c - aligned columns.
#include "workers/cli/table.h"

#include <stdlib.h>
#include <string.h>

void
table_begin(struct table *table, const struct table_column columns[])
{
    *table = (struct table){.columns = columns};
    while (columns[table->width].title != NULL)
        table->width++;
}

void
table_end(struct table *table)
{
    for (size_t i = 0; i < table->rows * table->width; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (struct table){0};
}

void
table_row(struct table *table, const char *const cells[])
{
    if (table->rows == table->room) {
        table->room = table->room == 0 ? 16 : table->room * 2;
        table->cells = str_realloc(table->cells,
                                   table->room * table->width * sizeof *table->cells);
    }
    char **row = table->cells + table->rows * table->width;
    for (size_t i = 0; i < table->width; i++)
        row[i] = cells[i] == NULL ? NULL : str_dup(cells[i]);
    table->rows++;
}

// Characters, not bytes: names and error texts are UTF-8.
static size_t
shown_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        if (((unsigned char)*text & 0xC0) != 0x80)
            width++;
    return width;
}

static void
spaces(struct str *out, size_t count)
{
    while (count-- > 0)
        str_puts(out, " ");
}

static void
put_clean(struct str *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        str_append(out, c < 0x20 || c == 0x7F ? "?" : text, 1);
    }
}

static void
put_cell(struct str *out, const char *text, size_t width, bool right, bool last)
{
    size_t pad = width - shown_width(text);
    if (right)
        spaces(out, pad);
    put_clean(out, text);
    if (!right && !last)
        spaces(out, pad);
    str_puts(out, last ? "\n" : "  ");
}

void
table_print(const struct table *table, struct str *out)
{
    size_t widths[TABLE_COLUMNS] = {0};
    if (table->rows == 0)
        return;
    for (size_t c = 0; c < table->width; c++)
        widths[c] = shown_width(table->columns[c].title);
    for (size_t i = 0; i < table->rows * table->width; i++) {
        size_t width = table->cells[i] == NULL ? 1 : shown_width(table->cells[i]);
        if (width > widths[i % table->width])
            widths[i % table->width] = width;
    }
    for (size_t c = 0; c < table->width; c++)
        put_cell(out, table->columns[c].title, widths[c], table->columns[c].number,
                 c + 1 == table->width);
    for (size_t i = 0; i < table->rows * table->width; i++) {
        size_t c = i % table->width;
        const char *text = table->cells[i] == NULL ? "-" : table->cells[i];
        put_cell(out, text, widths[c], table->columns[c].number, c + 1 == table->width);
    }
}

void
table_json_string(struct str *out, const char *text)
{
    if (text == NULL) {
        str_puts(out, "null");
        return;
    }
    str_puts(out, "\"");
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            str_printf(out, "\\%c", c);
        else if (c < 0x20)
            str_printf(out, "\\u%04x", c);
        else
            str_append(out, text, 1);
    }
    str_puts(out, "\"");
}

void
table_json(const struct table *table, struct str *out)
{
    str_puts(out, "[");
    for (size_t r = 0; r < table->rows; r++) {
        str_puts(out, r == 0 ? "{" : ",{");
        for (size_t c = 0; c < table->width; c++) {
            const char *text = table->cells[r * table->width + c];
            str_puts(out, c == 0 ? "" : ",");
            table_json_string(out, table->columns[c].name);
            str_puts(out, ":");
            if (table->columns[c].number && text != NULL)
                str_puts(out, text);
            else
                table_json_string(out, text);
        }
        str_puts(out, "}");
    }
    str_puts(out, "]");
}
