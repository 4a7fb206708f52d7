// workers/invoice_ninja/tests/scene.h - the Invoice Ninja worker on a stage: its state
// opened from settings, its services answered by the harness's fake.
#ifndef RELAIS_NINJA_SCENE_H
#define RELAIS_NINJA_SCENE_H

#include "tests/harness/test.h"

#include "common/json.h"
#include "tests/harness/fake.h"
#include "workers/invoice_ninja/ninja.h"

#define QUOTE "6f1c2f0e-9d3b-4b7e-8a55-0c1d2e3f4a5b"
#define QUOTE_ROOT "quote:" QUOTE
#define DEPOSIT "75eb692c-c866-548a-a3a2-65a83022d959" // uuid v5 of (quote, "deposit")
#define FIRM "8b1d7c40-2c55-4f0a-9a3e-6f7081920a1b"
#define CONTACT "0d8d4a3a-5f52-4cf7-9f7b-7d6f1a2b3c4d"
#define LANE "HYPERVISUAL:" FIRM
#define PAYMENT_ROW \
    "dfe44c95-8abe-5334-ace6-b778da8ec128" // of (company, payment, invoice)

#define API_KEY "key-that-nobody-may-see"
#define OTHER_KEY "other-key-that-nobody-may-see"

extern const struct integration invoice_ninja;

struct scene {
    struct fake fake;
    struct ninja ninja;
};

// For cmocka_unit_test_setup_teardown. The second begins with the deposit billed: it is
// invoice 7LDdwrmb1Y there, sent, and nothing is paid.
int scene_begin(void **state);
int scene_begin_billed(void **state);
int scene_end(void **state);

// Opens the state again, after the environment was changed.
void scene_reopen(struct scene *scene);

// The text of a file in fixtures/.
const char *fixture(struct scene *scene, const char *name);

// The fixture with changes: pairs of a path ("data.lines.0.cost") and JSON text, ended
// by {NULL}. "-" as the text removes the member; a number behind an array adds to it.
struct edit {
    const char *path, *json;
};
const char *edited(struct scene *scene, const char *name, const struct edit edits[]);

// {"body": <the fixture>, "company": "HYPERVISUAL"}: a webhook as ingest keeps it.
const char *hook(struct scene *scene, const char *name);

// Runs one event in the lane of the billed party.
struct error deliver(struct scene *scene, const char *type, const char *data,
                     const struct fake_reply replies[]);

// The body of the last call that was sent to that path (prefix), as JSON.
struct json_object *sent(struct scene *scene, const char *method, const char *path);

// A member of JSON as text, "" if it is not there.
const char *text_at(struct json_object *obj, const char *path);

// Fails if a key is in an error, note, call line, event or state.
void assert_no_key(struct scene *scene, const struct error *err);

#define END \
    {       \
        0   \
    }
// OTHER_KEY, under a short code, fits no other company.
#define ONLY_REALTY                                   \
    {                                                 \
        "GET", "/items/owner_companies?*", 200,       \
            "{\"data\":[{\"code\":\"ENKI_REALTY\"}]}" \
    }
#define WRITTEN(path)                                     \
    {                                                     \
        "PATCH", path "?fields=id", 200, "{\"data\":{}}", \
    }

#endif
