// workers/cli/doctor.h - what the checks of `relais doctor` share: each finding is one
// line, and what is wrong says what to do.
#ifndef RELAIS_CLI_DOCTOR_H
#define RELAIS_CLI_DOCTOR_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/http.h"
#include "common/job.h"
#include "workers/cli/cli.h"

struct json_object;

enum doctor_state {
    DOCTOR_OK,
    DOCTOR_NOTE,  // may be meant so
    DOCTOR_WRONG, // work will fail
};

struct doctor {
    struct cli *cli;
    struct job *job;               // of the check that runs
    const char *as;                // whose rights are looked at: --as, or "cli"
    struct json_object *companies; // rows of owner_companies: code, name; NULL if they
                                   // are not known
    struct table table;
    int wrong;
};

// One line. do_this is NULL where there is nothing to do.
void doctor_say(struct doctor *doctor, enum doctor_state state, const char *what,
                const char *do_this, const char *fmt, ...) ATTR_PRINTF(5, 6);

// A setting as the programs read it (also from its _FILE), "" where it is not set. In
// the job.
const char *doctor_setting(struct doctor *doctor, const char *name);

// GET of JSON with these headers; NULL where it was refused, which was said, with
// do_this.
struct json_object *doctor_get(struct doctor *doctor,
                               const struct http_service *service, const char *path,
                               const struct http_header *headers, const char *do_this);

// A service at the address that a setting names, to be closed. False: it is not set,
// which was said.
bool doctor_open(struct doctor *doctor, struct http_service *service,
                 const char *setting) ATTR_MUST_CHECK;

// The name of the variable that is a company's own: prefix and its code, in capitals,
// with _ for what is neither letter nor digit. In the job.
const char *doctor_variable(struct doctor *doctor, const char *prefix,
                            const char *code);

// Where things with a number are at a provider, and how to check one of them.
struct doctor_shelf {
    void (*check)(const struct doctor_shelf *shelf, const char *setting,
                  const char *id);
    struct doctor *doctor;
    const struct http_service *service;
    const struct http_header *headers;
    const char *path;
    const char *hint; // what to do where there is no such thing
};

// The answer about one thing. NULL: it was refused, which was said of the setting.
struct json_object *doctor_shelf_get(const struct doctor_shelf *shelf,
                                     const char *setting, const char *path);
struct json_object *doctor_shelf_one(const struct doctor_shelf *shelf,
                                     const char *setting, const char *id);

// Checks the settings of one company or level: the same name with more behind it.
void doctor_shelf_particular(const struct doctor_shelf *shelf, const char *setting);

// Whether a company has open quotes that it signs as well. False also where Directus
// does not tell.
bool doctor_countersigns(struct doctor *doctor, const char *code);

// The checks, in doctor_stack.c, doctor_directus.c, doctor_docuseal.c, doctor_ninja.c
// and doctor_mautic.c.
void doctor_ledger(struct doctor *doctor);
void doctor_capture(struct doctor *doctor);
void doctor_kafka(struct doctor *doctor);
void doctor_redis(struct doctor *doctor);
void doctor_directus(struct doctor *doctor);
void doctor_docuseal(struct doctor *doctor);
void doctor_invoice_ninja(struct doctor *doctor);
void doctor_mautic(struct doctor *doctor);

// schemas/directus/rights.txt, embedded at build time: "<worker> <actions>
// <collections>" a line.
extern const unsigned char doctor_rights[];

#endif
