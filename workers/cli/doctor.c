// workers/cli/doctor.c - relais doctor: whether the settings fit the real services.
#include "workers/cli/doctor.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

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

// What other statuses mean is each check's to say.
static const struct error_rule no_rules[] = {{0}};

bool
doctor_open(struct doctor *doctor, struct http_service *service, const char *setting)
{
    const char *url = doctor_setting(doctor, setting);
    *service = (struct http_service){
        .name = setting, .base_url = url, .rules = no_rules, .timeout_ms = 10000};
    if (url[0] == '\0') {
        doctor_say(doctor, DOCTOR_WRONG, setting,
                   "set it, or take it out of INTEGRATIONS", "is not set");
        return false;
    }
    http_service_open(service);
    return true;
}

const char *
doctor_variable(struct doctor *doctor, const char *prefix, const char *code)
{
    char *name = job_printf(doctor->job, "%s%s", prefix, code);
    for (char *at = name; *at != '\0'; at++) {
        int letter = (toupper)((unsigned char)*at); // the function, not a macro
        *at = isalnum(letter) ? (char)letter : '_';
    }
    return name;
}

struct json_object *
doctor_shelf_get(const struct doctor_shelf *shelf, const char *setting,
                 const char *path)
{
    struct http_service named = *shelf->service;
    named.name = setting;
    return doctor_get(shelf->doctor, &named, path, shelf->headers, shelf->hint);
}

struct json_object *
doctor_shelf_one(const struct doctor_shelf *shelf, const char *setting, const char *id)
{
    struct job *job = shelf->doctor->job;
    return doctor_shelf_get(
        shelf, setting, job_printf(job, "%s/%s", shelf->path, http_escape(job, id)));
}

// NAME of "NAME=value" and of "NAME_FILE=path".
static const char *
setting_of(struct doctor *doctor, const char *variable)
{
    char *name = job_strdup(doctor->job, variable);
    name[strcspn(name, "=")] = '\0';
    size_t length = strlen(name);
    if (length > 5 && strcmp(name + length - 5, "_FILE") == 0)
        name[length - 5] = '\0';
    return name;
}

void
doctor_shelf_particular(const struct doctor_shelf *shelf, const char *setting)
{
    size_t length = strlen(setting);
    for (char *const *variable = environ; *variable != NULL; variable++) {
        const char *name = setting_of(shelf->doctor, *variable);
        if (strncmp(name, setting, length) != 0 || name[length] != '_')
            continue;
        const char *id = doctor_setting(shelf->doctor, name);
        if (id[0] != '\0')
            shelf->check(shelf, name, id);
    }
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
