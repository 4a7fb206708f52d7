#include "workers/invoice_ninja/tests/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/schema.h"
#include "common/str.h"

void
scene_reopen(struct scene *scene)
{
    struct error err;
    if (scene->ninja.url != NULL) {
        invoice_ninja.close(&scene->ninja);
        config_free(ninja_settings, &scene->ninja);
    }
    memset(&scene->ninja, 0, sizeof scene->ninja);
    if (!config_load(ninja_settings, &scene->ninja, &err)
        || !invoice_ninja.open(&scene->ninja, &err))
        fail_msg("cannot open: %s", err.text);
    fake_service(&scene->fake, &scene->ninja.service);
    fake_service(&scene->fake, &scene->ninja.directus.service);
}

int
scene_begin(void **state)
{
    struct scene *scene = str_calloc(1, sizeof *scene);
    fake_setting("INVOICE_NINJA_URL", "https://invoice.hypervisual.ch");
    fake_setting("INVOICE_NINJA_KEY_HYPERVISUAL", API_KEY);
    fake_setting("INVOICE_NINJA_KEY_ENKI", OTHER_KEY);
    fake_setting("INVOICE_NINJA_WEBHOOK_SECRET", "secret-of-the-webhooks");
    fake_setting("WEBHOOK_BASE_URL", "https://ingest.hypervisual.ch");
    fake_setting("DIRECTUS_URL", "https://directus.hypervisual.ch");
    fake_setting("DIRECTUS_TOKEN", "directus-token-that-nobody-may-see");
    fake_begin(&scene->fake, &invoice_ninja, &scene->ninja);
    scene_reopen(scene);
    *state = scene;
    return 0;
}

int
scene_begin_billed(void **state)
{
    (void)scene_begin(state);
    struct scene *scene = *state;
    fake_set_state(&scene->fake, "invoice:" DEPOSIT,
                   "{\"company\":\"HYPERVISUAL\",\"lane\":\"" LANE
                   "\",\"quote\":\"" QUOTE "\",\"contact\":\"" CONTACT
                   "\",\"currency\":\"CHF\",\"is_deposit\":true,"
                   "\"ninja_id\":\"7LDdwrmb1Y\",\"number\":\"HV-2026-0142-A\","
                   "\"status\":\"sent\",\"paid\":0,\"balance\":551310}");
    return 0;
}

// The text of a file, in the fake's memory.
static const char *
read_text(struct scene *scene, const char *path)
{
    enum { MAX = 64 * 1024 };
    char *text = job_alloc(&scene->fake.keep, MAX);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("cannot read %s", path);
    size_t length = fread(text, 1, MAX - 1, file);
    fclose(file);
    text[length] = '\0';
    return text;
}

// What was published is what its schema says, whatever the test looked at.
static void
check_events(struct scene *scene)
{
    for (int i = 0; i < scene->fake.published_count; i++) {
        const struct fake_event *ev = &scene->fake.published[i];
        struct error err;
        const char *text = read_text(
            scene, job_printf(&scene->fake.keep, SCHEMAS "/%s.json", ev->type));
        struct schema *schema = schema_open(text, strlen(text), &err);
        if (schema == NULL || !schema_check(schema, ev->data, &err))
            fail_msg("%s: %s in %s", ev->type, err.text, json_print(ev->data, NULL));
        schema_close(schema);
    }
}

int
scene_end(void **state)
{
    struct scene *scene = *state;
    check_events(scene);
    invoice_ninja.close(&scene->ninja);
    config_free(ninja_settings, &scene->ninja);
    fake_end(&scene->fake);
    free(scene);
    return 0;
}

const char *
fixture(struct scene *scene, const char *name)
{
    return read_text(scene, job_printf(&scene->fake.keep, FIXTURES "/%s.json", name));
}

static struct json_object *
step_to(struct json_object *at, const char *name)
{
    long long index;
    if (str_to_i64(name, &index))
        return json_object_array_get_idx(at, (size_t)index);
    return json_at(at, name);
}

static void
change(struct scene *scene, struct json_object *root, const struct edit *edit)
{
    char path[200];
    struct json_object *at = root;
    str_copy(path, sizeof path, edit->path);
    char *name = path;
    for (char *dot = strchr(name, '.'); dot != NULL; dot = strchr(name, '.')) {
        *dot = '\0';
        at = step_to(at, name);
        name = dot + 1;
    }
    if (at == NULL)
        fail_msg("nothing at %s", edit->path);
    if (strcmp(edit->json, "-") == 0) {
        long long index;
        if (str_to_i64(name, &index))
            json_object_array_del_idx(at, (size_t)index, 1);
        else
            json_object_object_del(at, name);
        return;
    }
    if (strcmp(edit->json, "null") == 0) {
        json_set_string(at, name, NULL);
        return;
    }
    struct json_object *value =
        json_parse(&scene->fake.keep, edit->json, strlen(edit->json));
    assert_non_null(value);
    if (json_object_is_type(at, json_type_array))
        json_add(at, value);
    else
        json_set(at, name, value);
}

const char *
edited(struct scene *scene, const char *name, const struct edit edits[])
{
    const char *text = fixture(scene, name);
    struct json_object *root = json_parse(&scene->fake.keep, text, strlen(text));
    assert_non_null(root);
    for (; edits->path != NULL; edits++)
        change(scene, root, edits);
    return job_strdup(&scene->fake.keep, json_print(root, NULL));
}

const char *
hook(struct scene *scene, const char *name)
{
    return job_printf(&scene->fake.keep,
                      "{\"body\":%s,\"company\":\"HYPERVISUAL\",\"headers\":{}}",
                      fixture(scene, name));
}

struct error
deliver(struct scene *scene, const char *type, const char *data,
        const struct fake_reply replies[])
{
    return fake_deliver(&scene->fake, type, LANE, data, replies);
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

static void
assert_absent(const char *text, const char *secret)
{
    if (text != NULL && strstr(text, secret) != NULL)
        fail_msg("%s shows the secret", text);
}

const char *
text_at(struct json_object *obj, const char *path)
{
    return json_text_or(obj, path, "");
}

void
assert_no_key(struct scene *scene, const struct error *err)
{
    const struct fake *fake = &scene->fake;
    assert_absent(err->text, API_KEY);
    assert_absent(fake->note, API_KEY);
    assert_absent(fake->shown, API_KEY);
    for (int i = 0; i < fake->published_count; i++)
        assert_absent(json_print(fake->published[i].data, NULL), API_KEY);
    for (int i = 0; i < fake->state_count; i++)
        assert_absent(fake->states[i].value, API_KEY);
}
