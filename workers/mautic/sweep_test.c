#include "workers/mautic/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "workers/mautic/tests/scene.h"

#define PAGE(column, since, rows)                                           \
    {                                                                       \
        "GET",                                                              \
            "/api/contacts?where%5B0%5D%5Bcol%5D=" column                   \
            "&where%5B0%5D%5Bexpr%5D=gte&where%5B0%5D%5Bval%5D=" since "*", \
            200, .body = contacts_answer(scene, rows)                       \
    }
#define MODIFIED(rows) PAGE("date_modified", "", rows)
#define ADDED(rows) PAGE("date_added", "", rows)
#define ALL(least, rows) PAGE("id", least "&", rows)
#define HOOKS(hooks)                                    \
    {                                                   \
        "GET", "/api/hooks?limit=100", 200,             \
            .body = "{\"total\":1,\"hooks\":" hooks "}" \
    }
#define HOOK(published)                                                              \
    HOOKS("[{\"isPublished\":" published ",\"id\":3,\"webhookUrl\":\"https://hooks." \
          "example.ch/api/integrations/mautic/webhook\"}]")
#define HOOK_IS_ON HOOK("true")
#define NO_MORE ALL("0", ""), HOOK_IS_ON
#define ME(dnc) text(scene, "\"47\":%s", contact_json(scene, 47, EMAIL, dnc))

static struct error
sweep(struct scene *scene, const struct fake_reply replies[])
{
    return fake_run(&scene->fake, mautic_sweep, &scene->mautic, replies);
}

static int64_t
cursor(struct scene *scene, const char *member)
{
    const char *value = scene->fake.cursors[0].value;
    return json_i64_or(json_parse(&scene->fake.keep, value, strlen(value)), member, -1);
}

// 2026-08-12T09:00:01Z, when contact_json() was added.
#define ADDED_MS 1786525201000LL

static void
who_changed_his_mind_unheard_is_looked_at(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON,
                   "{\"contact\":\"47\",\"status\":\"contactable\"}");
    struct error err = sweep(
        scene, (struct fake_reply[]){MODIFIED(ME(1)), ADDED(ME(1)), NO_MORE, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "mautic.contact.observed"), 1);
    const struct fake_event *ev = fake_last(&scene->fake, "mautic.contact.observed");
    assert_string_equal(ev->topic, "mautic.commands");
    assert_string_equal(ev->key, PERSON);
    assert_string_equal(json_string_or(ev->data, "remote_id", ""), "47");
    assert_string_equal(json_string_or(ev->data, "why", ""), "sweep");
}

static void
who_says_what_is_known_is_left_alone(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON,
                   "{\"contact\":\"47\",\"status\":\"unsubscribed\"}");
    struct error err =
        sweep(scene, (struct fake_reply[]){MODIFIED(ME(1)), ADDED(""), NO_MORE, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
}

static void
a_stranger_matters_only_where_he_wants_no_mails(void **state)
{
    struct scene *scene = *state;
    struct error err =
        sweep(scene, (struct fake_reply[]){MODIFIED(ME(0)), ADDED(""), NO_MORE, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
    err = sweep(scene, (struct fake_reply[]){MODIFIED(ME(2)), ADDED(""), NO_MORE, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 1);
}

static void
another_number_is_news(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON,
                   "{\"contact\":\"31\",\"status\":\"contactable\"}");
    struct error err =
        sweep(scene, (struct fake_reply[]){MODIFIED(ME(0)), ADDED(""), NO_MORE, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 1);
}

static void
the_next_sweep_begins_behind_the_last_instant(void **state)
{
    struct scene *scene = *state;
    struct error err =
        sweep(scene, (struct fake_reply[]){MODIFIED(""), ADDED(ME(0)), NO_MORE, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(cursor(scene, "added"), ADDED_MS);
    // Ten minutes of overlap.
    err = sweep(scene,
                (struct fake_reply[]){
                    MODIFIED(""), PAGE("date_added", "2026-08-12%2008%3A50%3A01", ""),
                    NO_MORE, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(cursor(scene, "added"), ADDED_MS);
}

// A hundred contacts of the instants `first` to `last` (seconds of one minute).
static const char *
full_page(struct scene *scene, int from, int first, int last)
{
    const char *rows = "";
    for (int i = 0; i < 100; i++)
        rows = text(scene,
                    "%s%s\"%d\":{\"id\":%d,\"dateAdded\":\"2026-08-12T09:00:%02d+00:"
                    "00\",\"fields\":{\"all\":{\"email\":\"p%d@example.ch\"}},"
                    "\"doNotContact\":[]}",
                    rows, i == 0 ? "" : ",", from + i, from + i,
                    first + (last - first) * i / 99, from + i);
    return rows;
}

static void
a_full_page_is_followed_by_the_first_page_from_its_last_instant(void **state)
{
    struct scene *scene = *state;
    struct error err =
        sweep(scene,
              (struct fake_reply[]){MODIFIED(""), ADDED(full_page(scene, 100, 10, 20)),
                                    PAGE("date_added", "2026-08-12%2009%3A00%3A20", ""),
                                    NO_MORE, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.calls[2].path, "&start=0&"));
}

static void
a_page_of_one_instant_is_followed_by_the_next_page(void **state)
{
    struct scene *scene = *state;
    struct error err =
        sweep(scene,
              (struct fake_reply[]){MODIFIED(""), ADDED(full_page(scene, 100, 10, 20)),
                                    PAGE("date_added", "2026-08-12%2009%3A00%3A20",
                                         full_page(scene, 200, 20, 20)),
                                    PAGE("date_added", "2026-08-12%2009%3A00%3A20", ""),
                                    NO_MORE, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.calls[3].path, "&start=100&"));
}

// Fifty pages at most are held in memory; the next sweep goes on where this one ended.
static void
a_sweep_that_finds_too_much_is_continued_by_the_next(void **state)
{
    enum { PAGES = 50 };
    struct scene *scene = *state;
    struct fake_reply replies[1 + PAGES + 3] = {MODIFIED("")};
    for (int i = 0; i < PAGES; i++)
        replies[1 + i] = (struct fake_reply)ADDED(full_page(scene, 100, 20, 20));
    replies[1 + PAGES] = (struct fake_reply)ALL("0", "");
    replies[2 + PAGES] = (struct fake_reply)HOOK_IS_ON;
    assert_int_equal(sweep(scene, replies).kind, ERROR_NONE);

    struct error err = sweep(
        scene, (struct fake_reply[]){MODIFIED(""),
                                     PAGE("date_added", "2026-08-12%2009%3A00%3A20",
                                          full_page(scene, 100, 20, 20)),
                                     ADDED(""), NO_MORE, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.calls[1].path, "&start=4900&"));
    assert_int_equal(cursor(scene, "added_rest"), -1); // came to the end
}

static void
all_contacts_are_looked_at_a_page_at_a_time(void **state)
{
    struct scene *scene = *state;
    struct error err =
        sweep(scene, (struct fake_reply[]){MODIFIED(""), ADDED(""),
                                           ALL("0", full_page(scene, 100, 1, 9)),
                                           HOOK_IS_ON, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(cursor(scene, "audited"), 200);
    err = sweep(scene, (struct fake_reply[]){MODIFIED(""), ADDED(""), ALL("200", ME(1)),
                                             HOOK_IS_ON, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(cursor(scene, "audited"), 0); // round again
    assert_int_equal(fake_count(&scene->fake, "mautic.contact.observed"), 1);
}

static struct error
look_after(struct scene *scene, const struct fake_reply hooks,
           const struct fake_reply then)
{
    return sweep(scene, (struct fake_reply[]){MODIFIED(""), ADDED(""), ALL("0", ""),
                                              hooks, then, END});
}

static void
a_webhook_that_mautic_switched_off_is_switched_on(void **state)
{
    struct scene *scene = *state;
    struct error err = look_after(scene, (struct fake_reply)HOOK("false"),
                                  (struct fake_reply){"PATCH", "/api/hooks/3/edit", 200,
                                                      "{\"hook\":{}}",
                                                      .sends = "\"isPublished\":true"});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(fake_has_attention(&scene->fake, "mautic.webhook-off"));
    assert_int_equal(scene->fake.cursor_count, 1);
}

static void
a_webhook_that_is_not_there_is_told_of(void **state)
{
    struct scene *scene = *state;
    struct error err = look_after(
        scene,
        (struct fake_reply)HOOKS("[{\"id\":1,\"isPublished\":false,\"webhookUrl\":"
                                 "\"https://crm.example.ch/hook\"}]"),
        (struct fake_reply)END);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(fake_has_attention(&scene->fake, "mautic.webhook-missing"));
}

static void
a_webhook_that_does_not_tell_who_unsubscribed_is_told_of(void **state)
{
    struct scene *scene = *state;
#define LEADING_HERE "\"webhookUrl\":\"https://x.ch/api/integrations/mautic/webhook\""
    struct error err = look_after(
        scene,
        (struct fake_reply)HOOKS("[{\"id\":3,\"isPublished\":true," LEADING_HERE
                                 ",\"triggers\":[\"mautic.lead_post_delete\",7,"
                                 "\"mautic.lead_channel_subscription_changed\"]}]"),
        (struct fake_reply)END);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.attention_count, 0);
    err = look_after(
        scene,
        (struct fake_reply)HOOKS("[{\"id\":3,\"isPublished\":true," LEADING_HERE
                                 ",\"triggers\":[\"mautic.lead_post_delete\"]}]"),
        (struct fake_reply)END);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.attention_count, 1);
    assert_true(fake_has_attention(&scene->fake, "mautic.webhook-event"));
}

static void
a_role_that_sees_no_webhooks_is_enough(void **state)
{
    struct scene *scene = *state;
    struct error err = look_after(
        scene,
        (struct fake_reply){"GET", "/api/hooks?limit=100", 403,
                            fixture(scene, "segment-add.2-private.response.403")},
        (struct fake_reply)END);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.attention_count, 0);
    assert_int_equal(scene->fake.cursor_count, 1);
}

static void
while_mautic_is_away_the_cursor_stays(void **state)
{
    struct scene *scene = *state;
    struct error err =
        sweep(scene, (struct fake_reply[]){MODIFIED(ME(1)),
                                           {"GET", "/api/contacts?*", 500,
                                            .body = fixture(scene, "error.500.1")},
                                           END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_int_equal(scene->fake.cursor_count, 0);
    assert_int_equal(scene->fake.published_count, 0);
}

// The last sweep saw everything up to the day before.
static int
swept_before(void **state)
{
    (void)scene_begin(state);
    struct scene *scene = *state;
    scene->fake.cursors[0] = (struct fake_pair){
        "mautic.contacts", "{\"modified\":1786438800000,\"added\":1786438800000}"};
    scene->fake.cursor_count = 1;
    return 0;
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)
#define AGAIN(test) cmocka_unit_test_setup_teardown(test, swept_before, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(who_changed_his_mind_unheard_is_looked_at),
        STAGED(who_says_what_is_known_is_left_alone),
        STAGED(a_stranger_matters_only_where_he_wants_no_mails),
        STAGED(another_number_is_news),
        AGAIN(the_next_sweep_begins_behind_the_last_instant),
        AGAIN(a_full_page_is_followed_by_the_first_page_from_its_last_instant),
        AGAIN(a_page_of_one_instant_is_followed_by_the_next_page),
        AGAIN(a_sweep_that_finds_too_much_is_continued_by_the_next),
        STAGED(all_contacts_are_looked_at_a_page_at_a_time),
        STAGED(a_webhook_that_mautic_switched_off_is_switched_on),
        STAGED(a_webhook_that_is_not_there_is_told_of),
        STAGED(a_webhook_that_does_not_tell_who_unsubscribed_is_told_of),
        STAGED(a_role_that_sees_no_webhooks_is_enough),
        STAGED(while_mautic_is_away_the_cursor_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
