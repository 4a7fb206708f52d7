// workers/docuseal/tests/scene.h - the DocuSeal worker on a stage: its state opened
// from settings, its services answered by the harness's fake.
#ifndef RELAIS_DOCUSEAL_SCENE_H
#define RELAIS_DOCUSEAL_SCENE_H

#include "tests/harness/test.h"

#include "common/json.h"
#include "tests/harness/fake.h"
#include "workers/docuseal/docuseal.h"

#define QUOTE "6f1c2f0e-9d3b-4b7e-8a55-0c1d2e3f4a5b"
#define QUOTE_ROOT "quote:" QUOTE
#define QUOTE_ROUND1 QUOTE_ROOT ":r1"
#define CGV "40de6f7c-5a3e-4bd1-b7f0-9e8d7c6b5a43"
#define CGV_ROOT "cgv:" CGV

#define API_KEY "token-that-nobody-may-see"
#define EMBED_SLUG "h8TzR4kVnYc2Pq"
#define FILE_SECRET "cbd36ca8f581f3d7"

extern const struct integration docuseal;

struct scene {
    struct fake fake;
    struct docuseal ds;
};

// For cmocka_unit_test_setup_teardown.
int scene_begin(void **state);
int scene_end(void **state);

// Opens the state again, after the environment was changed.
void scene_reopen(struct scene *scene);

// The text of a file in fixtures/.
const char *fixture(struct scene *scene, const char *name);

// The fixture with changes: pairs of a path ("submitters.0.status") and JSON text,
// ended by {NULL}. "-" as the text removes the member.
struct edit {
    const char *path, *json;
};
const char *edited(struct scene *scene, const char *name, const struct edit edits[]);

// {"body": <the fixture>, "company": "HYPERVISUAL"}: a webhook as ingest keeps it.
const char *hook(struct scene *scene, const char *name);
const char *hook_edited(struct scene *scene, const char *name,
                        const struct edit edits[]);

// Runs one event in the lane of the quote.
struct error deliver(struct scene *scene, const char *type, const char *data,
                     const struct fake_reply replies[]);

// The body of the last call that was sent to that path (prefix), as JSON.
struct json_object *sent(struct scene *scene, const char *method, const char *path);

// Fails if the text is in an error, note, call line, fact, event or state.
void assert_secret(struct scene *scene, const struct error *err, const char *secret);

#endif
