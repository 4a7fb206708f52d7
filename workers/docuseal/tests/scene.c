#include "workers/docuseal/tests/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/str.h"

void
scene_reopen(struct scene *scene)
{
    struct error err;
    if (scene->ds.api_url != NULL) {
        docuseal.close(&scene->ds);
        config_free(docuseal_settings, &scene->ds);
    }
    memset(&scene->ds, 0, sizeof scene->ds);
    if (!config_load(docuseal_settings, &scene->ds, &err)
        || !docuseal.open(&scene->ds, &err))
        fail_msg("cannot open: %s", err.text);
    fake_service(&scene->fake, &scene->ds.service);
    fake_service(&scene->fake, &scene->ds.directus.service);
}

int
scene_begin(void **state)
{
    struct scene *scene = str_calloc(1, sizeof *scene);
    fake_setting("DOCUSEAL_API_URL", "https://sign.hypervisual.ch/api");
    fake_setting("DOCUSEAL_API_KEY", API_KEY);
    fake_setting("DOCUSEAL_TEMPLATE_QUOTE", "17");
    fake_setting("DOCUSEAL_TEMPLATE_CGV", "29");
    fake_setting("DIRECTUS_URL", "https://directus.hypervisual.ch");
    fake_setting("DIRECTUS_TOKEN", "directus-token-that-nobody-may-see");
    fake_begin(&scene->fake, &docuseal, &scene->ds);
    scene_reopen(scene);
    *state = scene;
    return 0;
}

int
scene_end(void **state)
{
    struct scene *scene = *state;
    docuseal.close(&scene->ds);
    config_free(docuseal_settings, &scene->ds);
    fake_end(&scene->fake);
    free(scene);
    return 0;
}

const char *
fixture(struct scene *scene, const char *name)
{
    enum { MAX = 64 * 1024 };
    char *text = job_alloc(&scene->fake.keep, MAX);
    FILE *file = fopen(job_printf(&scene->fake.keep, FIXTURES "/%s.json", name), "rb");
    if (file == NULL)
        fail_msg("no fixture %s", name);
    size_t length = fread(text, 1, MAX - 1, file);
    fclose(file);
    text[length] = '\0';
    return text;
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
hook_edited(struct scene *scene, const char *name, const struct edit edits[])
{
    return job_printf(&scene->fake.keep,
                      "{\"body\":%s,\"company\":\"HYPERVISUAL\",\"headers\":{}}",
                      edited(scene, name, edits));
}

const char *
hook(struct scene *scene, const char *name)
{
    return hook_edited(scene, name, (const struct edit[]){{NULL}});
}

struct error
deliver(struct scene *scene, const char *type, const char *data,
        const struct fake_reply replies[])
{
    return fake_deliver(&scene->fake, type, QUOTE_ROOT, data, replies);
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

void
assert_secret(struct scene *scene, const struct error *err, const char *secret)
{
    const struct fake *fake = &scene->fake;
    assert_absent(err->text, secret);
    assert_absent(fake->note, secret);
    assert_absent(fake->shown, secret);
    for (int i = 0; i < fake->published_count; i++)
        assert_absent(json_print(fake->published[i].data, NULL), secret);
    for (int i = 0; i < fake->state_count; i++)
        assert_absent(fake->states[i].value, secret);
    for (int i = 0; i < fake->effect_count; i++)
        assert_absent(fake->effects[i].result, secret);
}
