// Arrays in Postgres's binary format: dimensions, a flag for NULLs, the element type,
// then length and lower bound of the one dimension, and each element behind its length
// (PostgreSQL 15, src/backend/utils/adt/arrayfuncs.c, array_recv).
#include "common/pg.h"

#include <string.h>

enum {
    HEADER_BYTES = 20,
    AT_HAS_NULL = 4,
    AT_ELEMENT_TYPE = 8,
    AT_COUNT = 12,
    ARRAY_MAX_BYTES = 256 * 1024 * 1024,
};

struct array_type {
    unsigned element, array;
};

// Oids of pg_type; they never change.
static const struct array_type array_types[] = {
    {PG_TYPE_BYTEA, 1001},
    {PG_TYPE_INT8, 1016},
    {PG_TYPE_INT4, 1007},
    {PG_TYPE_TEXT, 1009},
    {0},
};

static void
put32(char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(unsigned char)(value >> (24 - 8 * i));
}

static void
append32(struct pg_array *array, uint32_t value)
{
    char bytes[4];

    put32(bytes, value);
    str_append(&array->bytes, bytes, sizeof bytes);
}

static void
header(struct pg_array *array)
{
    append32(array, 1); // dimensions
    append32(array, 0);
    append32(array, array->element_type);
    append32(array, 0);
    append32(array, 1); // lower bound
}

void
pg_array_begin(struct pg_array *array, unsigned element_type)
{
    *array = (struct pg_array){.element_type = element_type};
    str_begin(&array->bytes, ARRAY_MAX_BYTES);
    header(array);
}

void
pg_array_end(struct pg_array *array)
{
    str_end(&array->bytes);
}

void
pg_array_clear(struct pg_array *array)
{
    array->bytes.length = 0;
    array->bytes.failed = false;
    array->count = 0;
    header(array);
}

void
pg_array_text(struct pg_array *array, const char *text)
{
    if (text != NULL) {
        pg_array_bytes(array, text, strlen(text));
        return;
    }
    append32(array, UINT32_MAX);
    put32(array->bytes.data + AT_HAS_NULL, 1);
    array->count++;
}

void
pg_array_bytes(struct pg_array *array, const void *data, size_t length)
{
    // A length that does not fit is over the array's maximum in any case.
    append32(array, (uint32_t)length);
    str_append(&array->bytes, data, length);
    array->count++;
}

void
pg_array_i64(struct pg_array *array, int64_t value)
{
    uint64_t bits = (uint64_t)value;

    if (array->element_type == PG_TYPE_INT4) {
        append32(array, 4);
    } else {
        append32(array, 8);
        append32(array, (uint32_t)(bits >> 32));
    }
    append32(array, (uint32_t)bits);
    array->count++;
}

struct pg_param
pg_array_param(struct pg_array *array)
{
    struct pg_param param = {.data = array->bytes.data, .length = array->bytes.length};

    for (const struct array_type *t = array_types; t->element != 0; t++)
        if (t->element == array->element_type)
            param.type = t->array;
    if (array->bytes.failed) // pg_run() refuses it by its length
        param.length = SIZE_MAX;
    else
        put32(array->bytes.data + AT_COUNT, (uint32_t)array->count);
    return param;
}
