// Whether a person still belongs to a segment that one of his papers leaves: papers in
// Directus say so.
#include <string.h>

#include "common/json.h"
#include "common/money.h"
#include "workers/mautic/play.h"

// A kind of paper that keeps a person in a segment.
struct standing {
    enum mautic_segment segment;
    const char *collection;
    const char *states;  // of the papers that count
    const char *company; // member with the owner company's code
    bool overdue;        // only those that are past due and not paid
};

static const struct standing standings[] = {
    {MAUTIC_PENDING_QUOTES, "quotes", "sent,viewed", "owner_company_id.code", false},
    {MAUTIC_OVERDUE_PAYMENTS, "client_invoices", "sent,partial,overdue",
     "owner_company", true},
    {MAUTIC_NO_SEGMENT},
};

static struct json_object *
read_papers(struct job *job, const struct mautic_occasion *occasion,
            const struct standing *standing)
{
    const char *fields = job_printf(job, "id,contact_id.email,%s%s", standing->company,
                                    standing->overdue ? ",balance" : "");
    const struct http_header query[] = {
        {"filter[contact_id][email][_icontains]", occasion->person->email},
        {"filter[status][_in]", standing->states},
        {"fields", fields},
        {"limit", "-1"},
        {standing->overdue ? "filter[due_date][_lt]" : NULL, job_today(job)},
        {NULL}};
    return directus_list(&occasion->m->directus, job, standing->collection, query);
}

// A balance that nobody has figured out yet counts as owed.
static bool
is_owed(struct json_object *row)
{
    int64_t cents;
    const char *balance = json_text_or(row, "balance", NULL);
    return balance == NULL || !money_parse(balance, &cents) || cents > 0;
}

// Companies may have segments of their own: only papers of the same segment count.
static bool
counts(struct job *job, const struct mautic_occasion *occasion,
       const struct standing *standing, struct json_object *row, bool *yes)
{
    int64_t ours;
    int64_t its;
    *yes = mautic_person_has(job, json_string_or(row, "contact_id.email", ""),
                             occasion->person->email)
           && (!standing->overdue || is_owed(row));
    if (!*yes)
        return true;
    if (!mautic_segment_id(job, occasion->m, standing->segment, occasion->company,
                           &ours)
        || !mautic_segment_id(job, occasion->m, standing->segment,
                              json_string_or(row, standing->company, ""), &its))
        return false;
    *yes = ours == its;
    return true;
}

bool
mautic_standing(struct job *job, const struct mautic_occasion *occasion,
                enum mautic_segment segment, bool *belongs)
{
    const struct standing *standing = standings;
    while (standing->segment != MAUTIC_NO_SEGMENT && standing->segment != segment)
        standing++;
    *belongs = false;
    if (standing->segment == MAUTIC_NO_SEGMENT)
        return true;
    struct json_object *rows = read_papers(job, occasion, standing);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < json_object_array_length(rows) && !*belongs; i++)
        if (!counts(job, occasion, standing, json_object_array_get_idx(rows, i),
                    belongs))
            return false;
    return true;
}
