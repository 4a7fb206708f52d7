// The doctor's checks of Directus: whether it answers, knows the companies, and gives a
// worker its rights.
#include <string.h>

#include "common/directus.h"
#include "common/directus_sql.h"
#include "common/json.h"
#include "workers/cli/doctor.h"

static const char *
codes_of(struct job *job, struct json_object *rows)
{
    const char *codes = "";
    for (size_t i = 0; i < json_object_array_length(rows); i++)
        codes =
            job_printf(job, "%s%s%s", codes, i > 0 ? ", " : "",
                       json_string_or(json_object_array_get_idx(rows, i), "code", ""));
    return codes;
}

// The companies are kept for the checks that follow.
static bool
check_companies(struct doctor *doctor, const struct directus *directus)
{
    static const struct http_header query[] = {
        {"fields", "code,name"}, {"sort", "code"}, {"limit", "-1"}, {NULL}};
    struct json_object *rows =
        directus_list(directus, doctor->job, "owner_companies", query);
    if (rows == NULL) {
        const struct error *err = &doctor->job->error;
        doctor_say(doctor, DOCTOR_WRONG, "DIRECTUS_URL", err->hint, "%s", err->text);
        error_clear(&doctor->job->error);
        return false;
    }
    doctor->companies = rows;
    if (json_object_array_length(rows) == 0)
        doctor_say(doctor, DOCTOR_WRONG, "DIRECTUS_URL",
                   "enter one row for each company that sends quotes",
                   "owner_companies is empty");
    else
        doctor_say(doctor, DOCTOR_OK, "DIRECTUS_URL", NULL, "answers; companies: %s",
                   codes_of(doctor->job, rows));
    return true;
}

// The next word of a line, cut out of it; "" at its end.
static const char *
next_word(struct job *job, const char **at, const char *separators)
{
    *at += strspn(*at, separators);
    size_t length = strcspn(*at, separators);
    char *word = job_strdup(job, *at);
    word[length] = '\0';
    *at += length;
    return word;
}

struct rights {
    struct doctor *doctor;
    const struct directus *directus;
    struct json_object *mine; // what /permissions/me says
    int wanted, missing;
};

static void
check_right(struct rights *rights, const char *collection, const char *action)
{
    struct job *job = rights->doctor->job;
    const char *name = directus_collection(rights->directus, collection);
    const char *access = json_string_or(
        rights->mine, job_printf(job, "%s.%s.access", name, action), "none");
    rights->wanted++;
    if (strcmp(access, "full") == 0)
        return;
    rights->missing++;
    doctor_say(rights->doctor, DOCTOR_WRONG,
               job_printf(job, "rights of %s", rights->doctor->as),
               "give its role the rights of schemas/directus/rights.txt",
               "may not %s %s (%s)", action, name, access);
}

// "<worker> <action,action> <collection> <collection> ..."
static void
check_line(struct rights *rights, const char *line)
{
    struct job *job = rights->doctor->job;
    const char *worker = next_word(job, &line, " ");
    if (strcmp(worker, rights->doctor->as) != 0)
        return;
    const char *actions = next_word(job, &line, " ");
    const char *collection;
    while ((collection = next_word(job, &line, " "))[0] != '\0') {
        const char *at = actions;
        const char *action;
        while ((action = next_word(job, &at, ","))[0] != '\0')
            check_right(rights, collection, action);
    }
}

static void
check_rights(struct doctor *doctor, const struct directus *directus)
{
    struct rights rights = {.doctor = doctor, .directus = directus};
    struct json_object *answer =
        doctor_get(doctor, &directus->service, "/permissions/me",
                   directus_headers(directus, doctor->job),
                   "set DIRECTUS_TOKEN to the static token of this program's user");
    if (answer == NULL)
        return;
    rights.mine = json_at(answer, "data");
    const char *at = (const char *)doctor_rights;
    while (*at != '\0') {
        const char *line = next_word(doctor->job, &at, "\n");
        if (line[0] != '#')
            check_line(&rights, line);
    }
    const char *what = job_printf(doctor->job, "rights of %s", doctor->as);
    if (rights.wanted == 0)
        doctor_say(doctor, DOCTOR_WRONG, what, "--as names a worker, such as docuseal",
                   "there is no such worker");
    else if (rights.missing == 0)
        doctor_say(doctor, DOCTOR_OK, what, NULL, "all %d are there", rights.wanted);
}

// Where workers read rows, if it is set.
static void
check_database(struct doctor *doctor)
{
    static const char setting[] = "DIRECTUS_DATABASE_URL";
    const char *url = doctor_setting(doctor, setting);
    struct error err = {0};
    int tables = 0;
    if (url[0] == '\0')
        return;
    if (!directus_sql_try(url, &tables, &err))
        doctor_say(doctor, DOCTOR_WRONG, setting,
                   "give its role the rights of docs/directus.md, or leave it away",
                   "%s", err.text);
    else if (tables == 0)
        doctor_say(doctor, DOCTOR_WRONG, setting,
                   "GRANT SELECT on the collections to its role",
                   "its role may read no collection");
    else
        doctor_say(doctor, DOCTOR_OK, setting, NULL, "may read %d tables", tables);
}

bool
doctor_countersigns(struct doctor *doctor, const char *code)
{
    const struct http_header query[] = {
        {"fields", "id"},
        {"filter[owner_company_id][code][_eq]", code},
        {"filter[requires_company_signature][_eq]", "true"},
        {"filter[status][_in]", "draft,sent,viewed"},
        {"limit", "1"},
        {NULL}};
    struct directus directus = {0};
    struct error err = {0};
    if (!directus_open(&directus, "cli", &err))
        return false;
    struct json_object *rows = directus_list(&directus, doctor->job, "quotes", query);
    directus_close(&directus);
    error_clear(&doctor->job->error); // that rights are missing was said
    return rows != NULL && json_object_array_length(rows) > 0;
}

void
doctor_directus(struct doctor *doctor)
{
    struct directus directus = {0};
    struct error err = {0};
    if (!directus_open(&directus, "cli", &err)) {
        doctor_say(doctor, DOCTOR_WRONG, "DIRECTUS_URL", "set it", "%s", err.text);
        return;
    }
    if (check_companies(doctor, &directus))
        check_rights(doctor, &directus);
    check_database(doctor);
    directus_close(&directus);
}
