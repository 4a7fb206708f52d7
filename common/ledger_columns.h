// common/ledger_columns.h - the rows of one group commit, gathered as columns: one
// statement per table, however many settles are in it. Private to ledger_*.c.
#ifndef RELAIS_LEDGER_COLUMNS_H
#define RELAIS_LEDGER_COLUMNS_H

#include "common/ledger_pg.h"
#include "common/pg.h"

// In the order in which they are written: what an attempt confirmed or gave back before
// what another begins.
enum ledger_table {
    TABLE_FINISHED,
    TABLE_CONFIRM,
    TABLE_REOPEN,
    TABLE_FLAG,
    TABLE_REF,
    TABLE_STATE,
    TABLE_CURSOR,
    TABLE_ATTENTION,
    TABLE_STEP,
    TABLE_OUT,
    TABLE_TIMER,
    TABLE_NEVER, // timers that are taken back
    TABLE_PARK,
    TABLE_REPARK,
    TABLE_UNPARK,
    TABLE_PUBLISHED,
    TABLE_INTENT,
    TABLE_EFFECTS, // reads back what TABLE_INTENT met
    TABLE_COUNT,
};

enum { LEDGER_COLUMNS = 12 };

struct ledger_columns {
    struct pg_array columns[TABLE_COUNT][LEDGER_COLUMNS];
    int rows[TABLE_COUNT];
    bool again; // an event may be finished already, which otherwise is refused
};

// clear() keeps the memory for the next commit.
void ledger_columns_begin(struct ledger_columns *columns);
void ledger_columns_end(struct ledger_columns *columns);
void ledger_columns_clear(struct ledger_columns *columns);

// Adds everything one request writes. fenced: only its confirmed and reopened effects.
void ledger_columns_add(struct ledger_columns *columns,
                        const struct ledger_write *write, bool fenced);

// Fills `statements` with one per table that has rows, between what the caller puts
// around them, and returns their number. `params` holds LEDGER_COLUMNS + 1 a statement.
// taken and effects receive the rows of TABLE_INTENT and TABLE_EFFECTS.
int ledger_columns_statements(struct ledger_columns *columns, const char *worker,
                              struct pg_statement statements[TABLE_COUNT],
                              struct pg_param params[TABLE_COUNT][LEDGER_COLUMNS + 1],
                              struct pg_rows **taken, struct pg_rows **effects);

#endif
