#include "workers/mautic/tests/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/str.h"

void
scene_reopen(struct scene *scene)
{
    struct error err;
    if (scene->mautic.url != NULL) {
        mautic.close(&scene->mautic);
        config_free(mautic_settings, &scene->mautic);
    }
    memset(&scene->mautic, 0, sizeof scene->mautic);
    if (!config_load(mautic_settings, &scene->mautic, &err)
        || !mautic.open(&scene->mautic, &err))
        fail_msg("cannot open: %s", err.text);
    fake_service(&scene->fake, &scene->mautic.service);
    fake_service(&scene->fake, &scene->mautic.directus.service);
}

int
scene_begin(void **state)
{
    struct scene *scene = str_calloc(1, sizeof *scene);
    fake_setting("MAUTIC_URL", "https://mautic.hypervisual.ch");
    fake_setting("MAUTIC_USERNAME", "relais");
    fake_setting("MAUTIC_PASSWORD", SECRET);
    fake_setting("MAUTIC_CLIENT_ID", NULL);
    fake_setting("MAUTIC_CLIENT_SECRET", NULL);
    fake_setting("MAUTIC_SEGMENT_PENDING_QUOTES_LEXAIA", NULL);
    fake_setting("DIRECTUS_URL", "https://directus.hypervisual.ch");
    fake_setting("DIRECTUS_TOKEN", "directus-token-that-nobody-may-see");
    fake_begin(&scene->fake, &mautic, &scene->mautic);
    scene_reopen(scene);
    *state = scene;
    return 0;
}

int
scene_end(void **state)
{
    struct scene *scene = *state;
    mautic.close(&scene->mautic);
    config_free(mautic_settings, &scene->mautic);
    fake_end(&scene->fake);
    free(scene);
    return 0;
}

int
scene_begin_met(void **state)
{
    (void)scene_begin(state);
    struct scene *scene = *state;
    struct error err =
        deliver(scene, "mautic.contact.sync",
                "{\"company\":\"HYPERVISUAL\",\"contact\":\"" CONTACT "\"}",
                (struct fake_reply[]){
                    {"GET", "/items/people/" CONTACT "?*", 200,
                     .body = data(scene, person_row(scene, ""))},
                    NOBODY,
                    MADE,
                    PERSON_TOLD,
                    END,
                });
    if (err.kind != ERROR_NONE)
        fail_msg("Martina cannot be met: %s", err.text);
    return 0;
}

int
scene_begin_somewhere(void **state)
{
    (void)scene_begin_met(state);
    struct scene *scene = *state;
    struct json_object *memory = fake_state(&scene->fake, PERSON);
    json_object_object_del(memory, "fresh");
    fake_set_state(&scene->fake, PERSON, json_print(memory, NULL));
    return 0;
}

const char *
fixture(struct scene *scene, const char *name)
{
    enum { MAX = 64 * 1024 };
    char *content = job_alloc(&scene->fake.keep, MAX);
    FILE *file = fopen(job_printf(&scene->fake.keep, FIXTURES "/%s.json", name), "rb");
    if (file == NULL)
        fail_msg("no fixture %s", name);
    size_t length = fread(content, 1, MAX - 1, file);
    fclose(file);
    content[length] = '\0';
    return content;
}

const char *
text(struct scene *scene, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *made = job_vprintf(&scene->fake.keep, fmt, args);
    va_end(args);
    return made;
}

// The object with members of `changes` instead of its own.
static const char *
changed(struct scene *scene, const char *object, const char *changes)
{
    struct job *keep = &scene->fake.keep;
    const char *braced = job_printf(keep, "{%s}", changes);
    struct json_object *row = json_parse(keep, object, strlen(object));
    struct json_object *others = json_parse(keep, braced, strlen(braced));
    assert_non_null(row);
    assert_non_null(others);
    json_object_object_foreach(others, name, value)
    {
        json_set(row, name, value);
    }
    return job_strdup(keep, json_print(row, NULL));
}

const char *
person_row(struct scene *scene, const char *changes)
{
    return changed(
        scene,
        "{\"id\":\"" CONTACT "\",\"email\":\"Martina.Keller@alpenblick-immo.ch\","
        "\"first_name\":\"Martina\",\"last_name\":\"Keller\",\"phone\":\"+41 44 123 45 "
        "67\",\"language\":\"de\",\"owner_company\":\"HYPERVISUAL\",\"email_opted_in\":"
        "true,\"mautic_contact_id\":null,\"company_id\":{\"name\":\"Alpenblick "
        "Immobilien AG\",\"country\":\"CH\"}}",
        changes);
}

const char *
data(struct scene *scene, const char *row)
{
    return text(scene, "{\"data\":%s}", row);
}

const char *
list(struct scene *scene, const char *rows)
{
    return text(scene, "{\"data\":[%s]}", rows);
}

const char *
quote_row(struct scene *scene, const char *status, const char *changes)
{
    const char *row = text(
        scene,
        "{\"id\":\"" QUOTE "\",\"status\":\"%s\",\"quote_number\":\"HV-2026-0142\","
        "\"total\":\"18377.00\",\"currency\":\"CHF\",\"valid_until\":\"2999-07-11\","
        "\"owner_company_id\":{\"code\":\"HYPERVISUAL\"},\"contact_id\":%s}",
        status, person_row(scene, "\"mautic_contact_id\":\"47\""));
    return changed(scene, row, changes);
}

const char *
invoice_row(struct scene *scene, const char *status, const char *changes)
{
    const char *row =
        text(scene,
             "{\"id\":\"" INVOICE
             "\",\"status\":\"%s\",\"invoice_number\":\"HV-2026-0142-A\","
             "\"is_deposit\":true,\"amount\":\"5513.10\",\"amount_paid\":\"0.00\","
             "\"balance\":\"5513.10\",\"currency\":\"CHF\",\"due_date\":\"2020-01-31\","
             "\"owner_company\":\"HYPERVISUAL\",\"contact_id\":%s}",
             status, person_row(scene, "\"mautic_contact_id\":\"47\""));
    return changed(scene, row, changes);
}

const char *
contact_json(struct scene *scene, int id, const char *email, int dnc)
{
    const char *entry =
        dnc == 0 ? ""
                 : text(scene,
                        "{\"id\":16,\"dateAdded\":\"2026-08-21T07:00:00+00:00\","
                        "\"reason\":%d,\"channel\":\"email\",\"channelId\":5}",
                        dnc);
    return text(scene,
                "{\"id\":%d,\"dateAdded\":\"2026-08-12T09:00:01+00:00\","
                "\"dateModified\":null,\"fields\":{\"core\":{},\"all\":{\"id\":%d,"
                "\"email\":\"%s\"}},\"doNotContact\":[%s]}",
                id, id, email, entry);
}

const char *
contact_answer(struct scene *scene, int id, const char *email, int dnc)
{
    return text(scene, "{\"contact\":%s}", contact_json(scene, id, email, dnc));
}

const char *
contacts_answer(struct scene *scene, const char *contacts)
{
    return text(scene, "{\"total\":\"1\",\"contacts\":{%s}}", contacts);
}

struct error
deliver(struct scene *scene, const char *type, const char *payload,
        const struct fake_reply replies[])
{
    return fake_deliver(&scene->fake, type, PERSON, payload, replies);
}

struct error
send_quote(struct scene *scene)
{
    return deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                   (struct fake_reply[]){SENT, MARTINA, JOINS("4"), ALL_WILLING,
                                         NO_MEMBER, ENTERS("1"), NOTED, END});
}

struct json_object *
sent(struct scene *scene, const char *method, const char *path)
{
    for (int i = scene->fake.call_count - 1; i >= 0; i--) {
        const struct fake_call *call = &scene->fake.calls[i];
        if (strcmp(call->method, method) == 0 && str_starts(call->path, path))
            return json_parse(&scene->fake.keep, call->body, strlen(call->body));
    }
    fail_msg("no %s %s was sent", method, path);
    return NULL;
}

int
calls_to(struct scene *scene, const char *method, const char *path)
{
    int count = 0;
    for (int i = 0; i < scene->fake.call_count; i++) {
        const struct fake_call *call = &scene->fake.calls[i];
        count += strcmp(call->method, method) == 0 && str_starts(call->path, path);
    }
    return count;
}
