// Lanes that wait for their turn: a line a company, served round-robin, so that nobody
// waits behind all that somebody else has to do.
#include <stdlib.h>
#include <string.h>

#include "common/lanes.h"
#include "common/str.h"

enum { COMPANIES_MAX = 64, NAME_MAX_BYTES = 200 };

struct company {
    char *name;
    struct company *next;        // of all
    struct company *active_next; // of those with lanes in their line
    struct lane *first, **last;
    size_t records; // of those lanes, as they came
};

void
fair_line_begin(struct fair_line *line)
{
    *line = (struct fair_line){.active_last = NULL};
    line->active_last = &line->active;
}

void
fair_line_end(struct fair_line *line)
{
    while (line->companies != NULL) {
        struct company *company = line->companies;
        line->companies = company->next;
        free(company->name);
        free(company);
    }
}

static struct company *
company_of(struct fair_line *line, const struct lane *lane)
{
    const char *name = record_header(lane->first->record, "ce_company");
    if (name == NULL || strlen(name) > NAME_MAX_BYTES)
        name = "";
    int count = 0;
    struct company *company = line->companies;
    while (company != NULL && strcmp(company->name, name) != 0) {
        // Names from outside must not grow the list for ever: the rest shares the last.
        if (++count >= COMPANIES_MAX && company->next == NULL)
            return company;
        company = company->next;
    }
    if (company != NULL)
        return company;
    company = str_calloc(1, sizeof *company);
    company->name = str_dup(name);
    company->last = &company->first;
    company->next = line->companies;
    return line->companies = company;
}

static void
activate(struct fair_line *line, struct company *company)
{
    company->active_next = NULL;
    *line->active_last = company;
    line->active_last = &company->active_next;
}

static void
deactivate(struct fair_line *line, struct company *company)
{
    struct company **at = &line->active;
    while (*at != company)
        at = &(*at)->active_next;
    *at = company->active_next;
    if (line->active_last == &company->active_next)
        line->active_last = at;
}

void
fair_line_push(struct fair_line *line, struct lane *lane)
{
    struct company *company = company_of(line, lane);
    if (company->first == NULL)
        activate(line, company);
    lane->line_next = NULL;
    *company->last = lane;
    company->last = &lane->line_next;
    company->records += lane->line_records = lane->count;
}

static struct lane *
take(struct fair_line *line, struct company *company)
{
    struct lane *lane = company->first;
    company->first = lane->line_next;
    company->records -= lane->line_records;
    deactivate(line, company);
    if (company->first != NULL)
        activate(line, company); // at the end
    else
        company->last = &company->first;
    lane->state = LANE_IDLE;
    return lane;
}

struct lane *
fair_line_pop(struct fair_line *line)
{
    return line->active != NULL ? take(line, line->active) : NULL;
}

struct lane *
fair_line_pop_older(struct fair_line *line, int64_t since_ms)
{
    for (struct company *c = line->active; c != NULL; c = c->active_next) {
        if (c->first->gated_since_ms < since_ms)
            return take(line, c);
    }
    return NULL;
}

struct lane *
fair_line_pop_largest(struct fair_line *line, size_t records)
{
    struct company *largest = line->active;
    size_t held = 0;
    for (struct company *c = line->active; c != NULL; c = c->active_next) {
        held += c->records;
        if (c->records > largest->records)
            largest = c;
    }
    return held > records ? take(line, largest) : NULL;
}
