// workers/mautic/tests/scene.h - the Mautic worker on a stage: its state opened from
// settings, its services answered by the harness's fake. The person on it is Martina
// Keller, Mautic's contact 47.
#ifndef RELAIS_MAUTIC_SCENE_H
#define RELAIS_MAUTIC_SCENE_H

#include "tests/harness/test.h"

#include "common/json.h"
#include "tests/harness/fake.h"
#include "workers/mautic/mautic.h"

#define EMAIL "martina.keller@alpenblick-immo.ch"
// sha256 of the address.
#define PERSON "person:dcdc43d769f62d8e95d2afb8fc54bc3e48c29c14c6c7c006444edacc45b1db58"
#define CONTACT "5c1f6f0e-1c1d-4a9a-9d51-0b6b8d7b1a01"
#define OTHER_CONTACT "8d2a7b1c-2e3f-4a5b-8c6d-7e8f9a0b1c2d"
#define QUOTE "6f1c2f0e-9d3b-4b7e-8a55-0c1d2e3f4a5b"
#define INVOICE "0d4c3b2a-1f6e-4e0c-8c58-53a76b0e2b0c"
#define PAYMENT "b2c3d4e5-f6a7-4b8c-9d0e-1f2a3b4c5d6e"
#define LEAD "77b3ad10-5a6b-4c7d-8e9f-0a1b2c3d4e5f"

#define QUOTE_COMMAND "{\"company\":\"HYPERVISUAL\",\"quote\":\"" QUOTE "\"}"

#define SECRET "password-that-nobody-may-see"

extern const struct integration mautic;

struct scene {
    struct fake fake;
    struct mautic mautic;
};

// For cmocka_unit_test_setup_teardown. The second begins with a person that was met
// before: Mautic's contact 47, told everything, contactable, made by us and so in no
// segment; the third with one of whom it is not known where he is.
int scene_begin(void **state);
int scene_begin_met(void **state);
int scene_begin_somewhere(void **state);
int scene_end(void **state);

// Opens the state again, after the environment was changed.
void scene_reopen(struct scene *scene);

// The text of a file in fixtures/.
const char *fixture(struct scene *scene, const char *name);

// printf into the memory of the fake.
const char *text(struct scene *scene, const char *fmt, ...) ATTR_PRINTF(2, 3);

// Martina's row of people, as a member of other rows or by itself; changes are members
// that replace those of the row: "\"email_opted_in\":false", or "".
const char *person_row(struct scene *scene, const char *changes);
// {"data": row}, {"data": [rows]}
const char *data(struct scene *scene, const char *row);
const char *list(struct scene *scene, const char *rows);
// A quote or an invoice of hers in that status; changes as above.
const char *quote_row(struct scene *scene, const char *status, const char *changes);
const char *invoice_row(struct scene *scene, const char *status, const char *changes);

// Mautic's contact of that number and address; dnc is the reason why it is not to be
// contacted, 0 for none.
const char *contact_json(struct scene *scene, int id, const char *email, int dnc);
// {"contact": ..}, and {"total", "contacts": {..}} of up to two contacts.
const char *contact_answer(struct scene *scene, int id, const char *email, int dnc);
const char *contacts_answer(struct scene *scene, const char *contacts);

// Runs one event in Martina's lane.
struct error deliver(struct scene *scene, const char *type, const char *payload,
                     const struct fake_reply replies[]);

// Her quote was sent: the whole of it, and she enters the campaign the first time.
struct error send_quote(struct scene *scene);

// The body of the last call that was sent to that path (prefix), as JSON.
struct json_object *sent(struct scene *scene, const char *method, const char *path);
int calls_to(struct scene *scene, const char *method, const char *path);

// ---- replies that come up again and again

#define END \
    {       \
        0   \
    }
#define OK_BODY "{\"success\":1}"
#define READ_CONTACT(answer)                             \
    {                                                    \
        "GET", "/api/contacts/47", 200, .body = (answer) \
    }
#define MARTINA READ_CONTACT(contact_answer(scene, 47, EMAIL, 0))
#define LOOKED_UP(answer)                                    \
    {                                                        \
        "GET", "/api/contacts?where*", 200, .body = (answer) \
    }
#define NOBODY LOOKED_UP(fixture(scene, "contact-search.2-none.response.200"))
#define MADE                                                     \
    {                                                            \
        "POST", "/api/contacts/new", 201,                        \
            .body = fixture(scene, "contact-new.1.response.201") \
    }
#define JOINS(segment)                                                   \
    {                                                                    \
        "POST", "/api/segments/" segment "/contact/47/add", 200, OK_BODY \
    }
#define LEAVES(segment)                                                     \
    {                                                                       \
        "POST", "/api/segments/" segment "/contact/47/remove", 200, OK_BODY \
    }
#define MEMBERSHIP(answer)                                          \
    {                                                               \
        "GET", "/api/stats/campaign_leads?*", 200, .body = (answer) \
    }
#define NO_MEMBER MEMBERSHIP("{\"total\":\"0\",\"stats\":[]}")
#define MEMBER(rotation, since)                                                       \
    MEMBERSHIP(text(scene,                                                            \
                    "{\"total\":\"1\",\"stats\":[{\"campaign_id\":\"1\",\"lead_id\":" \
                    "\"47\",\"date_added\":\"%s\",\"date_last_exited\":null,"         \
                    "\"manually_removed\":\"0\",\"manually_added\":\"1\","            \
                    "\"rotation\":\"%d\"}]}",                                         \
                    since, rotation))
// Two calls: what was made of it is read once more.
#define ENTERS_AS(campaign, rotation)                                     \
    {"POST", "/api/campaigns/" campaign "/contact/47/add", 200, OK_BODY}, \
        MEMBER(rotation, "2999-01-01 00:00:00")
#define ENTERS(campaign) ENTERS_AS(campaign, 1)
#define NOTED                                                 \
    {                                                         \
        "POST", "/api/notes/new", 201,                        \
            .body = fixture(scene, "note-new.1.response.201") \
    }
#define ROW_TOLD(collection, id)                                                \
    {                                                                           \
        "PATCH", "/items/" collection "/" id "?fields=id", 200, "{\"data\":{}}" \
    }
#define PERSON_TOLD ROW_TOLD("people", CONTACT)
#define READ_QUOTE(row)                                                   \
    {                                                                     \
        "GET", "/items/quotes/" QUOTE "?*", 200, .body = data(scene, row) \
    }
#define READ_INVOICE(row)                                                            \
    {                                                                                \
        "GET", "/items/client_invoices/" INVOICE "?*", 200, .body = data(scene, row) \
    }
#define SENT READ_QUOTE(quote_row(scene, "sent", ""))
#define OPEN_QUOTES(rows)                                              \
    {                                                                  \
        "GET", "/items/quotes?filter*", 200, .body = list(scene, rows) \
    }
#define OVERDUE_INVOICES(rows)                                                  \
    {                                                                           \
        "GET", "/items/client_invoices?filter*", 200, .body = list(scene, rows) \
    }
#define PEOPLE(rows)                                                   \
    {                                                                  \
        "GET", "/items/people?filter*", 200, .body = list(scene, rows) \
    }

// Nobody else with the address: nobody who wants no mails.
#define ALL_WILLING PEOPLE("")

#endif
