// common/directus.h - the platform every integration writes back to.
//
// Facts are from contract tests against Directus 11.11: missing rows, bad ids and
// missing rights are all 403; a unique violation is 400 RECORD_NOT_UNIQUE; wrong types
// and a dead database are both 500. All calls suspend the fiber.
#ifndef RELAIS_DIRECTUS_H
#define RELAIS_DIRECTUS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/config.h"
#include "common/http.h"
#include "common/job.h"

struct directus_sql;
struct json_object;

enum { DIRECTUS_COLLECTIONS = 13 };

struct directus {
    const char *url;   // DIRECTUS_URL
    const char *token; // DIRECTUS_TOKEN (secret): read by directus_headers()
    int64_t in_flight; // DIRECTUS_IN_FLIGHT, default 2
    int64_t timeout_ms;
    const char *database_url; // DIRECTUS_DATABASE_URL (secret), "" = rows come by REST
    struct directus_sql *sql; // NULL without it
    const char *origin;       // "relais://<program>": the loop guard others see
    const char *collections[DIRECTUS_COLLECTIONS]; // private: see directus_collection()
    char origin_text[80];
    struct http_header headers[2];
    struct http_service service;
};

extern const struct config_setting directus_settings[];

// Reads the settings and opens the service. program is the worker's name.
bool directus_open(struct directus *directus, const char *program,
                   struct error *err) ATTR_MUST_CHECK;
void directus_close(struct directus *directus);

// Reads the token again (SIGHUP), while others call.
bool directus_reload(struct directus *directus, struct error *err) ATTR_MUST_CHECK;

// The headers of a call that is made by directus->service itself: the token as it is
// now. Belong to the job.
const struct http_header *directus_headers(const struct directus *directus,
                                           struct job *job);

// The name of a collection here: a setting (DIRECTUS_COLLECTION_QUOTES for "quotes",
// ..._CONTACTS for "people", ..._INVOICES for "client_invoices"), else the name itself.
// Read once at open. The calls below do this look-up themselves.
const char *directus_collection(const struct directus *directus, const char *name);

// With DIRECTUS_DATABASE_URL the two that read ask Directus's own Postgres, where the
// query is one that directus_select.h understands, the role may read all of its tables
// and a loop runs the job; else, and while that Postgres is away, REST. The answers are
// the same.

// One row with the fields named ("id,status,contact_id.email"). NULL with PERMANENT
// "quotes <id> is not there" where it is missing; with FATAL where rights are missing
// (told apart by a filter query, as 403 says neither).
struct json_object *directus_read(const struct directus *directus, struct job *job,
                                  const char *collection, const char *id,
                                  const char *fields) ATTR_MUST_CHECK;

// Rows of a query; pairs as http_url() takes them. A JSON array.
struct json_object *directus_list(const struct directus *directus, struct job *job,
                                  const char *collection,
                                  const struct http_header query[]) ATTR_MUST_CHECK;

// Whether Directus itself answers, and shows rows of the collection. Always by REST.
bool directus_probe(const struct directus *directus, struct job *job,
                    const char *collection) ATTR_MUST_CHECK;

// Patches one row, with fields=id.
bool directus_update(const struct directus *directus, struct job *job,
                     const char *collection, const char *id,
                     struct json_object *patch) ATTR_MUST_CHECK;

// Stores a file under an id the caller chose; one that is there already with the same
// size is left as it is, one of another size (a crash in the middle) is replaced.
struct directus_file {
    const char *id, *title, *filename, *type;
    const void *data;
    size_t length;
};
bool directus_upload(const struct directus *directus, struct job *job,
                     const struct directus_file *file) ATTR_MUST_CHECK;

#endif
