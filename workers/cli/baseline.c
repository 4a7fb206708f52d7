// workers/cli/baseline.c - relais baseline: prepares a system that already lives.
//
// Papers that were sent for signature before anyone kept a ledger have a submission
// that would be taken for a stray, or asked for a second time: each becomes a confirmed
// effect with its reference. So does what is in Invoice Ninja (baseline_money.c), what
// has a date gets its timer (baseline_dates.c), and flows need to know what each row is
// (baseline_states.c). Nothing that a worker has written is overwritten.
#include <string.h>
#include <sysexits.h>

#include "common/directus.h"
#include "common/json.h"
#include "workers/cli/baseline.h"

// A collection whose rows may have been sent for signature.
struct papers {
    const char *collection;
    const char *prefix; // of roots: "quote"
    const char *fields;
};

static const struct papers quotes = {
    "quotes", "quote",
    "id,status,contact_id,owner_company_id.code,signature_status,signature_level,"
    "docuseal_submission_id"};
static const struct papers acceptances = {
    "cgv_acceptances", "cgv",
    "id,status,contact_id,owner_company_id.code,docuseal_submission_id"};

// One column per array, one entry per row.
struct batch {
    struct pg_array identities, results, ids, submissions, roots, rounds;
};

static void
batch_begin(struct batch *batch)
{
    pg_array_begin(&batch->identities, PG_TYPE_TEXT);
    pg_array_begin(&batch->results, PG_TYPE_TEXT);
    pg_array_begin(&batch->ids, PG_TYPE_TEXT);
    pg_array_begin(&batch->submissions, PG_TYPE_TEXT);
    pg_array_begin(&batch->roots, PG_TYPE_TEXT);
    pg_array_begin(&batch->rounds, PG_TYPE_TEXT);
}

static void
batch_end(struct batch *batch)
{
    pg_array_end(&batch->identities);
    pg_array_end(&batch->results);
    pg_array_end(&batch->ids);
    pg_array_end(&batch->submissions);
    pg_array_end(&batch->roots);
    pg_array_end(&batch->rounds);
}

// What Directus says became of the signature; where it says nothing, what the quote's
// own status implies.
static const char *
signature_status(struct json_object *row)
{
    static const struct {
        const char *status, *signature;
    } implied[] = {
        {"signed", "completed"},    {"awaiting_deposit", "completed"},
        {"completed", "completed"}, {"accepted", "completed"},
        {"rejected", "declined"},   {"declined", "declined"},
        {"expired", "expired"},     {0},
    };
    const char *said = json_string_or(row, "signature_status", "");
    if (said[0] != '\0' && strcmp(said, "none") != 0)
        return said;
    const char *status = json_string_or(row, "status", "");
    for (size_t i = 0; implied[i].status != NULL; i++)
        if (strcmp(implied[i].status, status) == 0)
            return implied[i].signature;
    return "pending";
}

// As the DocuSeal worker keeps its signing rounds.
static struct json_object *
round_of(struct job *job, struct json_object *row, const char *submission)
{
    struct json_object *round = json_object_in(job);
    const char *status = signature_status(row);
    bool completed = strcmp(status, "completed") == 0;
    const char *contact = json_string_or(row, "contact_id", NULL);
    const char *company = json_string_or(row, "owner_company_id.code", NULL);
    const char *level = json_string_or(row, "signature_level", NULL);

    json_set_i64(round, "round", 1);
    if (company != NULL)
        json_set_string(round, "company", company);
    if (contact != NULL)
        json_set_string(round, "contact", contact);
    if (level != NULL)
        json_set_string(round, "level", level);
    json_set_string(round, "submission", submission);
    json_set_string(round, "status", status);
    if (completed)
        json_set_string(round, "signed_by", submission);
    json_set_bool(round, "viewed", strcmp(status, "pending") != 0);
    json_set(round, "logged", json_object_in(job));
    json_set(round, "former", json_array_in(job));
    return round;
}

static void
add_submission(struct job *job, struct batch *batch, const struct papers *papers,
               struct json_object *row, const char *submission)
{
    const char *id = json_string_or(row, "id", "");
    const char *root = job_printf(job, "%s:%s", papers->prefix, id);
    struct json_object *result = json_object_in(job);

    json_set_string(result, "submission", submission);
    json_set_string(result, "status", signature_status(row));
    pg_array_text(&batch->identities, job_printf(job, "%s:r1", root));
    pg_array_text(&batch->results, json_print(result, NULL));
    pg_array_text(&batch->ids, id);
    pg_array_text(&batch->submissions, submission);
    pg_array_text(&batch->roots, root);
    pg_array_text(&batch->rounds, json_print(round_of(job, row, submission), NULL));
}

bool
baseline_insert(struct cli *cli, const char *sql, struct pg_array *arrays[], int count,
                int64_t *inserted, int *status)
{
    struct pg_param params[BASELINE_COLUMNS];
    for (int i = 0; i < count; i++)
        params[i] = pg_array_param(arrays[i]);
    struct pg_rows *rows = cli_query(cli, sql, params, count, status);
    if (rows == NULL)
        return false;
    *inserted += pg_affected(rows);
    pg_rows_free(rows);
    return true;
}

bool
baseline_remember(struct baseline *baseline, struct pg_array *entities,
                  struct pg_array *states, int64_t *inserted, int *status)
{
    static const char sql[] =
        "INSERT INTO relais.entity_state (worker, entity, state)"
        " SELECT 'relais-orchestrator', e, convert_to(s, 'UTF8')"
        " FROM unnest($1::text[], $2::text[]) AS t(e, s) ON CONFLICT DO NOTHING";
    return baseline_insert(baseline->cli, sql, (struct pg_array *[]){entities, states},
                           2, inserted, status);
}

static bool
write_batch(struct baseline *baseline, struct batch *batch, const char *collection,
            int *status)
{
    static const char effects[] =
        "INSERT INTO relais.effect (kind, identity, state, worker, result)"
        " SELECT 'docuseal.submission', i, 'confirmed', 'relais-docuseal',"
        " convert_to(r, 'UTF8') FROM unnest($1::text[], $2::text[]) AS t(i, r)"
        " ON CONFLICT DO NOTHING";
    static const char rounds[] =
        "INSERT INTO relais.entity_state (worker, entity, state)"
        " SELECT 'relais-docuseal', e, convert_to(s, 'UTF8')"
        " FROM unnest($1::text[], $2::text[]) AS t(e, s) ON CONFLICT DO NOTHING";
    static const char references[] =
        "INSERT INTO relais.external_ref (system, company, collection, local_id,"
        " remote_type, remote_id, lane_key) SELECT 'docuseal', '', c, l, 'submission',"
        " r, k FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])"
        " AS t(c, l, r, k) ON CONFLICT DO NOTHING";
    struct cli *cli = baseline->cli;
    struct pg_array names;

    pg_array_begin(&names, PG_TYPE_TEXT);
    for (int32_t i = 0; i < batch->ids.count; i++)
        pg_array_text(&names, collection);
    bool good =
        baseline_insert(cli, effects,
                        (struct pg_array *[]){&batch->identities, &batch->results}, 2,
                        &baseline->effects, status)
        && baseline_insert(cli, rounds,
                           (struct pg_array *[]){&batch->roots, &batch->rounds}, 2,
                           &baseline->rounds, status)
        && baseline_insert(cli, references,
                           (struct pg_array *[]){&names, &batch->ids,
                                                 &batch->submissions, &batch->roots},
                           4, &baseline->references, status);
    pg_array_end(&names);
    return good;
}

static bool
take_page(struct baseline *baseline, struct job *job, struct json_object *rows,
          const void *ctx, int *status)
{
    const struct papers *papers = ctx;
    struct batch batch;
    batch_begin(&batch);
    size_t count = json_object_array_length(rows);
    for (size_t i = 0; i < count; i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        const char *submission = json_text_or(row, "docuseal_submission_id", "");
        baseline->rows++;
        if (submission[0] != '\0') {
            baseline->with_submission++;
            add_submission(job, &batch, papers, row, submission);
        }
    }
    bool good = write_batch(baseline, &batch, papers->collection, status);
    batch_end(&batch);
    return good;
}

static int
take_papers(struct baseline *baseline, const struct papers *papers)
{
    const struct baseline_query what = {.collection = papers->collection,
                                        .fields = papers->fields};
    return baseline_pages(baseline, &what, take_page, papers);
}

static void
report(const struct baseline *baseline)
{
    if (baseline->cli->json) {
        cli_say("{\"rows\":%lld,\"with_submission\":%lld,\"effects\":%lld,"
                "\"references\":%lld,\"rounds\":%lld,\"payments\":%lld,"
                "\"unclear\":%lld,\"states\":%lld,\"just_changed\":%lld,"
                "\"timers\":%lld,\"due\":%lld,\"clients\":%lld}\n",
                (long long)baseline->rows, (long long)baseline->with_submission,
                (long long)baseline->effects, (long long)baseline->references,
                (long long)baseline->rounds, (long long)baseline->payments,
                (long long)baseline->unclear, (long long)baseline->states,
                (long long)baseline->just_changed, (long long)baseline->timers,
                (long long)baseline->due, (long long)baseline->clients);
        return;
    }
    cli_say("%lld quotes and acceptances, %lld with a submission\n"
            "new in the ledger: %lld confirmed submissions and deposits, %lld "
            "references, %lld signing rounds, %lld payments, %lld states\n",
            (long long)baseline->rows, (long long)baseline->with_submission,
            (long long)baseline->effects, (long long)baseline->references,
            (long long)baseline->rounds, (long long)baseline->payments,
            (long long)baseline->states);
    cli_say("%lld timers of open quotes and invoices, %lld of them due now; %lld "
            "contacts that are clients\n",
            (long long)baseline->timers, (long long)baseline->due,
            (long long)baseline->clients);
    if (baseline->unclear > 0)
        cli_say("%lld invoices or deposits cannot be told when they are paid: see \"A "
                "system that already lives\" in docs/operations.md\n",
                (long long)baseline->unclear);
    if (baseline->just_changed > 0)
        cli_say("%lld were changed within the last minute: run it again for them\n",
                (long long)baseline->just_changed);
}

int
cli_baseline(struct cli *cli)
{
    struct baseline baseline = {.cli = cli};
    struct error err = {0};
    if (!cli_arguments(cli, 0, 0))
        return EX_USAGE;
    if (!directus_open(&baseline.directus, "cli", &err))
        return cli_fail(cli, EX_CONFIG, "%s", err.text);
    int status = take_papers(&baseline, &quotes);
    if (status == EX_OK)
        status = take_papers(&baseline, &acceptances);
    if (status == EX_OK)
        status = baseline_money(&baseline);
    if (status == EX_OK)
        status = baseline_dates(&baseline);
    if (status == EX_OK)
        status = baseline_states(&baseline);
    directus_close(&baseline.directus);
    if (status == EX_OK)
        report(&baseline);
    return status;
}
