#include "common/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/test.h"

static void
page_has(struct metrics *m, const char *expected)
{
    struct str page;
    str_begin(&page, 1 << 20);
    metrics_print(m, &page);
    assert_false(page.failed);
    if (strstr(page.data, expected) == NULL)
        fail_msg("no \"%s\" in:\n%s", expected, page.data);
    assert_true(str_ends(page.data, "\n# EOF\n"));
    str_end(&page);
}

static void
series_are_grouped_under_their_name(void **state)
{
    (void)state;
    struct metrics *m = metrics_new("docuseal");
    metrics_add(m, "relais_events", "type=\"a\"", 2);
    metric_set(metrics_series(m, METRIC_GAUGE, "relais_lag", "", "Records behind."),
               -5);
    metrics_add(m, "relais_events", "type=\"b\"", 1);
    metrics_add(m, "relais_events", "type=\"a\"", 3);
    page_has(m, "# TYPE relais_events counter\n"
                "relais_events_total{type=\"a\"} 5\n"
                "relais_events_total{type=\"b\"} 1\n"
                "# TYPE relais_lag gauge\n"
                "# HELP relais_lag Records behind.\n"
                "relais_lag -5\n"
                "# EOF\n");
    page_has(m, "relais_info{program=\"docuseal\"} 1\n");
    metrics_free(m);
}

static void
a_series_is_found_again(void **state)
{
    (void)state;
    struct metrics *m = metrics_new("x");
    struct metric *one = metrics_series(m, METRIC_COUNTER, "a", "l=\"1\"", NULL);
    assert_ptr_equal(metrics_series(m, METRIC_COUNTER, "a", "l=\"1\"", NULL), one);
    assert_ptr_not_equal(metrics_series(m, METRIC_COUNTER, "a", "l=\"2\"", NULL), one);
    assert_ptr_not_equal(metrics_series(m, METRIC_COUNTER, "b", "l=\"1\"", NULL), one);
    metric_add(one, 4);
    metrics_add(m, "a", "l=\"1\"", 3);
    assert_int_equal(metric_value(one), 7);
    metrics_free(m);
}

static void
labels_that_would_spoil_the_page_are_replaced(void **state)
{
    (void)state;
    struct metrics *m = metrics_new("x");
    static const char *const bad[] = {
        "type=\"a\nb\"", "type=\"a",      "type=a",
        "\"a\"",         "type=\"a\",",   "type=\"\\x\"",
        "type=\"a\\",    "type=\"\xFF\"", "a=\"b\" c=\"d\"",
    };
    size_t count = sizeof bad / sizeof bad[0];
    for (size_t i = 0; i < count; i++)
        metrics_add(m, "a", bad[i], 1);
    metrics_add(m, "a", "type=\"q\\\"\\\\\\n\",b=\"\"", 1);
    page_has(m, "# TYPE a counter\na_total{invalid=\"true\"} 9\n"
                "a_total{type=\"q\\\"\\\\\\n\",b=\"\"} 1\n# EOF\n");
    metrics_free(m);
}

static void
the_number_of_series_has_a_limit(void **state)
{
    (void)state;
    struct metrics *m = metrics_new("x");
    char labels[32];
    for (int i = 0; i < 5000; i++) {
        snprintf(labels, sizeof labels, "n=\"%d\"", i);
        metrics_add(m, "a", labels, 1);
    }
    struct metric *rest =
        metrics_series(m, METRIC_COUNTER, "a", "overflow=\"true\"", NULL);
    assert_int_equal(metric_value(rest), 5000 - 4096);
    metrics_add(m, "a", "n=\"7\"", 1); // a known one still counts
    assert_int_equal(
        metric_value(metrics_series(m, METRIC_COUNTER, "a", "n=\"7\"", NULL)), 2);
    metrics_free(m);
}

static void
durations_fall_into_cumulative_buckets(void **state)
{
    (void)state;
    struct metrics *m = metrics_new("x");
    struct metric_histogram *h =
        metrics_histogram(m, "relais_call_seconds", "to=\"d\"", NULL);
    metric_observe_ms(h, 0);
    metric_observe_ms(h, 1);
    metric_observe_ms(h, 3);
    metric_observe_ms(h, 70000);
    page_has(m, "# TYPE relais_call_seconds histogram\n"
                "# UNIT relais_call_seconds seconds\n"
                "relais_call_seconds_bucket{to=\"d\",le=\"0.001\"} 2\n"
                "relais_call_seconds_bucket{to=\"d\",le=\"0.002\"} 2\n"
                "relais_call_seconds_bucket{to=\"d\",le=\"0.005\"} 3\n");
    page_has(m, "relais_call_seconds_bucket{to=\"d\",le=\"60.000\"} 3\n"
                "relais_call_seconds_bucket{to=\"d\",le=\"+Inf\"} 4\n"
                "relais_call_seconds_sum{to=\"d\"} 70.004\n"
                "relais_call_seconds_count{to=\"d\"} 4\n");
    metrics_free(m);
}

static void
nothing_is_counted_without_metrics(void **state)
{
    (void)state;
    metrics_add(NULL, "a", "", 1);
    struct metric *none = metrics_series(NULL, METRIC_GAUGE, "a", "", NULL);
    metric_set(none, 5);
    assert_int_equal(metric_value(none), 0);
    metric_observe_ms(metrics_histogram(NULL, "a_seconds", "", NULL), 5);
    metrics_free(NULL);
}

static void *
count_much(void *arg)
{
    char labels[32];
    for (int i = 0; i < 20000; i++) {
        snprintf(labels, sizeof labels, "n=\"%d\"", i % 50);
        metrics_add(arg, "a", labels, 1);
    }
    return NULL;
}

static void
threads_lose_no_count(void **state)
{
    (void)state;
    struct metrics *m = metrics_new("x");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_much, m), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    struct metric *one = metrics_series(m, METRIC_COUNTER, "a", "n=\"49\"", NULL);
    assert_int_equal(metric_value(one), 4 * 400);
    metrics_free(m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_are_grouped_under_their_name),
        cmocka_unit_test(a_series_is_found_again),
        cmocka_unit_test(labels_that_would_spoil_the_page_are_replaced),
        cmocka_unit_test(the_number_of_series_has_a_limit),
        cmocka_unit_test(durations_fall_into_cumulative_buckets),
        cmocka_unit_test(nothing_is_counted_without_metrics),
        cmocka_unit_test(threads_lose_no_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
