#include "workers/capture/triggers.h"

#include <stdio.h>

#include "common/log.h"
#include "common/str.h"

enum { NAMES_BYTES = 200 };

// "quotes=devis,...": what install() and standing() take.
static void
name_collections(const struct capture_settings *settings, struct pg_array *names)
{
    pg_array_begin(names, PG_TYPE_TEXT);
    for (size_t i = 0; i < ACTIVITY_COLLECTIONS; i++) {
        char entry[200];
        snprintf(entry, sizeof entry, "%s=%s", activity_collections[i],
                 settings->collections[i]);
        pg_array_text(names, entry);
    }
}

struct standing {
    // Collections that are there, but not all changes are captured: "quotes, leads".
    char silent[NAMES_BYTES];
    bool no_quotes; // without which there is nothing to do for anybody
};

static bool
look(struct pg *pg, const struct pg_param *names, struct standing *standing,
     struct error *err)
{
    struct pg_rows *rows = NULL;
    if (!pg_run(pg,
                "SELECT coalesce(string_agg(name, ', ') FILTER (WHERE target IS NOT"
                " NULL AND NOT captured), ''),"
                " count(*) FILTER (WHERE name = 'quotes' AND target IS NULL)"
                " FROM relais_capture.standing($1)",
                names, 1, &rows, err))
        return false;
    str_copy(standing->silent, sizeof standing->silent, pg_text(rows, 0, 0));
    standing->no_quotes = pg_i64(rows, 0, 1) > 0;
    pg_rows_free(rows);
    return true;
}

static bool
mend(struct pg *pg, const struct pg_param *names, struct standing *standing,
     struct error *err)
{
    const struct standing before = *standing;
    if (!pg_run(pg, "SELECT relais_capture.install($1)", names, 1, NULL, err)) {
        log_warn("triggers", "not all are in place: %s", err->text);
        if (!pg_ok(pg))
            return false;
    }
    if (!look(pg, names, standing, err))
        return false;
    if (standing->silent[0] == '\0')
        log_warn("triggers",
                 "put in place on %s: what was changed there before, while there was "
                 "none or it was switched off, was told to nobody",
                 before.silent);
    return true;
}

static bool
keep(struct pg *pg, const struct pg_param *names, char gap[CAPTURE_GAP_BYTES],
     struct error *err)
{
    struct standing standing;

    gap[0] = '\0';
    if (!look(pg, names, &standing, err)
        || (standing.silent[0] != '\0' && !mend(pg, names, &standing, err)))
        return false;
    if (standing.silent[0] != '\0')
        snprintf(gap, CAPTURE_GAP_BYTES,
                 "changes of %s are not captured: run `relais migrate` as the owner of "
                 "the tables",
                 standing.silent);
    else if (standing.no_quotes)
        str_copy(gap, CAPTURE_GAP_BYTES,
                 "there is no table of quotes, or none that this role may see: set "
                 "DIRECTUS_COLLECTION_QUOTES, or grant USAGE on its schema");
    return true;
}

bool
capture_triggers_keep(struct pg *pg, const struct capture_settings *settings,
                      char gap[CAPTURE_GAP_BYTES], struct error *err)
{
    struct pg_array names;
    name_collections(settings, &names);
    const struct pg_param param = pg_array_param(&names);
    bool good = keep(pg, &param, gap, err);
    pg_array_end(&names);
    return good;
}
