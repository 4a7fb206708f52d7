// workers/cli/doctor.c - relais doctor: whether the settings fit the real services.
#include "workers/cli/doctor.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/json.h"

enum { CHECK_MS = 30 * 1000 };

static const struct table_column columns[] = {
    {"", "state"}, {"CHECKED", "what"}, {"FOUND", "found"}, {"DO", "do"}, {0},
};

static const char *const states[] = {
    [DOCTOR_OK] = "ok", [DOCTOR_NOTE] = "note", [DOCTOR_WRONG] = "WRONG"};

// The companies are known before the keys that belong to them are looked at.
static const struct check {
    const char *integration; // NULL: always
    void (*run)(struct doctor *doctor);
} checks[] = {
    {NULL, doctor_ledger},
    {NULL, doctor_capture},
    {NULL, doctor_kafka},
    {NULL, doctor_redis},
    {NULL, doctor_directus},
    {"docuseal", doctor_docuseal},
    {"invoice-ninja", doctor_invoice_ninja},
    {"mautic", doctor_mautic},
    {0},
};

void
doctor_say(struct doctor *doctor, enum doctor_state state, const char *what,
           const char *do_this, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *found = job_vprintf(doctor->job, fmt, args);
    va_end(args);
    const char *const cells[] = {states[state], what, found, do_this};
    table_row(&doctor->table, cells);
    if (state == DOCTOR_WRONG)
        doctor->wrong++;
}

const char *
doctor_setting(struct doctor *doctor, const char *name)
{
    char *value = config_lookup(name);
    const char *kept = value == NULL ? "" : job_strdup(doctor->job, value);
    free(value);
    return kept;
}

struct json_object *
doctor_get(struct doctor *doctor, const struct http_service *service, const char *path,
           const struct http_header *headers, const char *do_this)
{
    struct http_request request = {.method = "GET", .path = path, .headers = headers};
    struct json_object *answer = http_json(service, doctor->job, &request, NULL);
    if (answer == NULL) {
        const struct error *err = &doctor->job->error;
        doctor_say(doctor, DOCTOR_WRONG, service->name,
                   err->http_status == 0 && err->hint != NULL ? err->hint : do_this,
                   "%s", err->text);
        error_clear(&doctor->job->error);
    }
    return answer;
}

struct naming {
    const char *integration;
    bool found;
};

static bool
is_named(void *arg, const char *worker)
{
    struct naming *naming = arg;
    naming->found = naming->found || strcmp(worker, naming->integration) == 0;
    return true;
}

static bool
is_wanted(const struct cli *cli, const struct check *check)
{
    struct naming naming = {.integration = check->integration};
    if (check->integration == NULL)
        return true;
    (void)cli_each_worker(cli, is_named, &naming);
    return naming.found;
}

int
cli_doctor(struct cli *cli)
{
    struct doctor doctor = {.cli = cli, .as = "cli"};
    struct job all; // what one check leaves for the next
    const char *as = cli_option(cli, "--as");
    if (!cli_arguments(cli, 0, 0))
        return EX_USAGE;
    if (as != NULL)
        doctor.as = as;
    table_begin(&doctor.table, columns);
    job_begin(&all, CHECK_MS);
    doctor.job = &all;
    for (const struct check *check = checks; check->run != NULL; check++) {
        all.deadline_ms = clock_ms() + CHECK_MS;
        if (is_wanted(cli, check))
            check->run(&doctor);
    }
    job_end(&all);
    int status = cli_print_table(cli, &doctor.table, "nothing was checked");
    return status == EX_OK && doctor.wrong > 0 ? EX_CONFIG : status;
}
