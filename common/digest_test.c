#include "common/digest.h"

#include <stdlib.h>
#include <string.h>

#include "common/hmac.h"
#include "common/loop.h"
#include "common/str.h"
#include "tests/harness/test.h"

enum { FILES = 40, LARGE = 1000 * 1000, STACK_BYTES = 64 * 1024 };

// What one fiber hashes.
struct file {
    struct loop_mail mail;
    struct scene *scene;
    char *bytes;
    size_t length;
    char hex[HMAC_HEX];
    int others; // files that were begun when its hash was there
};

struct scene {
    struct loop *loop;
    struct file files[FILES];
    int count, begun;
};

static void
hash_file(void *arg)
{
    struct file *file = arg;
    struct job job;
    job_begin(&job, 60000);
    file->scene->begun++;
    const char *hex = digest_sha256(&job, file->bytes, file->length);
    file->others = file->scene->begun - 1;
    str_copy(file->hex, sizeof file->hex, hex);
    job_end(&job);
}

static void
spawn(struct loop_mail *mail)
{
    struct file *file = (struct file *)mail;
    loop_spawn(file->scene->loop, hash_file, file);
}

static int
set_up(void **state)
{
    struct error err;
    struct scene *scene = str_calloc(1, sizeof *scene);
    scene->loop = loop_new(STACK_BYTES, &err);
    *state = scene;
    return 0;
}

static void
add_file(struct scene *scene, size_t length, char first)
{
    struct file *file = &scene->files[scene->count++];
    file->mail.deliver = spawn;
    file->scene = scene;
    file->length = length;
    file->bytes = str_alloc(length);
    memset(file->bytes, 'a', length);
    file->bytes[0] = first;
    loop_post(scene->loop, &file->mail);
}

// Starts the loop, and ends it when every fiber has ended.
static void
hash_all(struct scene *scene)
{
    struct error err;
    assert_true(loop_start(scene->loop, "loop", &err));
    loop_stop(scene->loop);
}

static int
tear_down(void **state)
{
    struct scene *scene = *state;
    loop_free(scene->loop);
    for (int i = 0; i < scene->count; i++)
        free(scene->files[i].bytes);
    free(scene);
    return 0;
}

static void
the_loop_goes_on_while_a_large_file_is_hashed(void **state)
{
    struct scene *scene = *state;
    add_file(scene, LARGE, 'a');
    add_file(scene, 1, 'a');
    hash_all(scene);
    assert_int_equal(scene->files[0].others, 1);
    // FIPS 180-2: a million times "a".
    assert_string_equal(
        scene->files[0].hex,
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void
a_small_one_is_hashed_at_once(void **state)
{
    struct scene *scene = *state;
    add_file(scene, 1, 'a');
    add_file(scene, 1, 'b');
    hash_all(scene);
    assert_int_equal(scene->files[0].others, 0);
    assert_string_equal(
        scene->files[0].hex,
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb");
}

static void
many_are_hashed_side_by_side(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < FILES; i++)
        add_file(scene, LARGE - (size_t)i, (char)('0' + i));
    hash_all(scene);
    for (int i = 0; i < FILES; i++) {
        const struct file *file = &scene->files[i];
        char expected[HMAC_HEX];
        hmac_digest(file->bytes, file->length, expected);
        assert_string_equal(file->hex, expected);
    }
}

static void
outside_a_loop_it_is_hashed_at_once(void **state)
{
    struct scene *scene = *state;
    add_file(scene, LARGE, 'a');
    hash_file(&scene->files[0]);
    assert_int_equal(strlen(scene->files[0].hex), HMAC_HEX - 1);
    hash_all(scene);
}

int
main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SCENE(the_loop_goes_on_while_a_large_file_is_hashed),
        SCENE(a_small_one_is_hashed_at_once),
        SCENE(many_are_hashed_side_by_side),
        SCENE(outside_a_loop_it_is_hashed_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
