// workers/docuseal/tests/story.h - a quote that was asked about, and what DocuSeal may
// say of its submission 4107 with the signers 8841 (the client) and 8842 (our own).
#ifndef RELAIS_DOCUSEAL_STORY_H
#define RELAIS_DOCUSEAL_STORY_H

#include "workers/docuseal/tests/scene.h"

#define OBSERVED "docuseal.submission.observed"
#define LOOK                                                                     \
    "{\"company\":\"HYPERVISUAL\",\"remote_id\":\"4107\",\"root\":\"" QUOTE_ROOT \
    "\",\"why\":\"sweep\"}"
#define PDF "%PDF-1.4 signed"
#define PDF_HASH "8ed74dd5bdcfb6b5db56a79b93609e87b93bc8234fb6037e7ff070922fd5104b"

#define SUBMISSION(text)                      \
    {                                         \
        "GET", "/submissions/4107", 200, text \
    }
#define READ_ROW                                   \
    {                                              \
        "GET", "/items/quotes/" QUOTE "?*", 200,   \
            fixture(scene, "directus.quote.short") \
    }
#define WRITTEN                                                            \
    {                                                                      \
        "PATCH", "/items/quotes/" QUOTE "?fields=id", 200, "{\"data\":{}}" \
    }
#define FILE_READ                \
    {                            \
        "GET", "http*", 200, PDF \
    }
#define FILE_STORED                                      \
    {                                                    \
        "POST", "/files?fields=id", 200, "{\"data\":{}}" \
    }
#define NO_FORMS                                                \
    {                                                           \
        "GET", "/events/form/completed?*", 200, "{\"data\":[]}" \
    }
#define EVIDENCE FILE_READ, FILE_STORED, FILE_READ, FILE_STORED
#define END \
    {       \
        0   \
    }
#define DOCUMENTS                                                                    \
    "[{\"name\":\"Offerte\",\"url\":\"https://sign.hypervisual.ch/file/" FILE_SECRET \
    "/Offerte.pdf\"}]"

// The quote was asked about in round 1 and nothing was heard since. For setup.
int asked_before(void **state);
// The submission as GET /submissions/4107 answers it: nobody has looked at it;
const char *untouched(struct scene *scene);
// the client has;
const char *opened(struct scene *scene);
// the client has signed, our own signatory has not;
const char *signed_by_client(struct scene *scene);
// both have;
const char *signed_by_all(struct scene *scene);
// the client declined;
const char *declined(struct scene *scene);
// somebody archived it.
const char *archived(struct scene *scene);
// Delivers an observed event of the submission in its lane.
struct error look(struct scene *scene, const struct fake_reply replies[]);
// One more look costs that look, and nothing else happens.
void assert_quiet(struct scene *scene, const char *submission);
// What the quote was patched with last, and one row of its nested signature_logs
// ("create" or "update").
struct json_object *patch_of(struct scene *scene);
struct json_object *log_row(struct scene *scene, const char *list, size_t i);
// What entity_state says.
const char *status_of_round(struct scene *scene);
int64_t round_number(struct scene *scene);
// A look at signed_by_all(), as it goes the first time.
struct error complete(struct scene *scene);

#endif
