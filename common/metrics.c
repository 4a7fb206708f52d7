#include "common/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    SERIES_MAX = 4096,
    BUCKETS = 1024, // of the hash table
    BOUNDS = 15,
};

// Upper bounds of a histogram; beyond the last there is +Inf.
static const int64_t bounds_ms[BOUNDS] = {
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 60000,
};

enum family_type { FAMILY_COUNTER, FAMILY_GAUGE, FAMILY_HISTOGRAM };

struct family {
    struct family *next;
    enum family_type type;
    char *name, *help;
    struct metric *first, **tail;
};

struct metric {
    struct metric *next;    // of its family
    struct metric *in_hash; // of its bucket
    struct family *family;
    char *labels;
    _Atomic int64_t value; // sum_ms of a histogram
};

struct metric_histogram {
    struct metric series; // first, so that each is found from the other
    _Atomic int64_t counts[BOUNDS + 1];
};

struct metrics {
    pthread_mutex_t lock; // of everything but the values
    char *program;
    struct family *first, **tail;
    struct metric *hash[BUCKETS];
    int count;
};

struct metrics *
metrics_new(const char *program)
{
    struct metrics *m = str_calloc(1, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    m->program = str_dup(program);
    m->tail = &m->first;
    return m;
}

static void
family_free(struct family *family)
{
    while (family->first != NULL) {
        struct metric *metric = family->first;
        family->first = metric->next;
        free(metric->labels);
        free(metric);
    }
    free(family->name);
    free(family->help);
    free(family);
}

void
metrics_free(struct metrics *m)
{
    if (m == NULL)
        return;
    while (m->first != NULL) {
        struct family *family = m->first;
        m->first = family->next;
        family_free(family);
    }
    pthread_mutex_destroy(&m->lock);
    free(m->program);
    free(m);
}

static size_t
bucket_of(const char *name, const char *labels)
{
    uint32_t hash = 2166136261u; // FNV-1a
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    for (; *labels != '\0'; labels++)
        hash = (hash ^ (unsigned char)*labels) * 16777619u;
    return hash % BUCKETS;
}

// Steps over name="value"; NULL if that is not what is there.
static const char *
after_label(const char *at)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
                               "0123456789";
    size_t length = strspn(at, name);
    if (length == 0 || at[length] != '=' || at[length + 1] != '"')
        return NULL;
    for (at += length + 2; *at != '"'; at++) {
        if (*at == '\0' || *at == '\n')
            return NULL;
        if (*at == '\\' && (*++at == '\0' || strchr("\\\"n", *at) == NULL))
            return NULL;
    }
    return at + 1;
}

// Labels come from what others send, too: what is no label text would spoil the page.
static const char *
checked(const char *labels)
{
    const char *at = labels;
    if (labels == NULL || labels[0] == '\0')
        return "";
    while (str_is_text(labels, strlen(labels)) && (at = after_label(at)) != NULL) {
        if (*at == '\0')
            return labels;
        if (*at++ != ',')
            break;
    }
    return "invalid=\"true\"";
}

static struct metric *
find(const struct metrics *m, const char *name, const char *labels)
{
    struct metric *metric = m->hash[bucket_of(name, labels)];
    while (metric != NULL
           && (strcmp(metric->labels, labels) != 0
               || strcmp(metric->family->name, name) != 0))
        metric = metric->in_hash;
    return metric;
}

static struct family *
family_of(struct metrics *m, enum family_type type, const char *name, const char *help)
{
    struct family *family = m->first;
    while (family != NULL && strcmp(family->name, name) != 0)
        family = family->next;
    if (family == NULL) {
        family = str_calloc(1, sizeof *family);
        family->type = type;
        family->name = str_dup(name);
        family->tail = &family->first;
        *m->tail = family;
        m->tail = &family->next;
    }
    if (family->help == NULL && help != NULL)
        family->help = str_dup(help);
    return family;
}

// Finds or makes a series, with the lock held.
static struct metric *
series_locked(struct metrics *m, enum family_type type, const char *name,
              const char *labels, const char *help)
{
    labels = checked(labels);
    struct metric *metric = find(m, name, labels);
    if (metric == NULL && m->count >= SERIES_MAX) {
        labels = "overflow=\"true\"";
        metric = find(m, name, labels);
    }
    struct family *family = family_of(m, type, name, help);
    if (metric != NULL)
        return metric;

    bool is_histogram = family->type == FAMILY_HISTOGRAM;
    size_t bytes = is_histogram ? sizeof(struct metric_histogram) : sizeof *metric;
    metric = str_calloc(1, bytes);
    metric->family = family;
    metric->labels = str_dup(labels);
    *family->tail = metric;
    family->tail = &metric->next;
    size_t bucket = bucket_of(name, labels);
    metric->in_hash = m->hash[bucket];
    m->hash[bucket] = metric;
    m->count++;
    return metric;
}

static struct metric *
series(struct metrics *m, enum family_type type, const char *name, const char *labels,
       const char *help)
{
    if (m == NULL)
        return NULL;
    pthread_mutex_lock(&m->lock);
    struct metric *metric = series_locked(m, type, name, labels, help);
    pthread_mutex_unlock(&m->lock);
    return metric;
}

struct metric *
metrics_series(struct metrics *m, enum metric_type type, const char *name,
               const char *labels, const char *help)
{
    enum family_type family = type == METRIC_GAUGE ? FAMILY_GAUGE : FAMILY_COUNTER;
    return series(m, family, name, labels, help);
}

void
metrics_add(struct metrics *m, const char *name, const char *labels, int64_t by)
{
    metric_add(series(m, FAMILY_COUNTER, name, labels, NULL), by);
}

void
metric_add(struct metric *metric, int64_t by)
{
    if (metric != NULL)
        atomic_fetch_add_explicit(&metric->value, by, memory_order_relaxed);
}

void
metric_set(struct metric *metric, int64_t value)
{
    if (metric != NULL)
        atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

int64_t
metric_value(const struct metric *metric)
{
    if (metric == NULL)
        return 0;
    return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

struct metric_histogram *
metrics_histogram(struct metrics *m, const char *name, const char *labels,
                  const char *help)
{
    struct metric *metric = series(m, FAMILY_HISTOGRAM, name, labels, help);
    if (metric == NULL || metric->family->type != FAMILY_HISTOGRAM)
        return NULL;
    return (struct metric_histogram *)metric;
}

void
metric_observe_ms(struct metric_histogram *h, int64_t ms)
{
    if (h == NULL)
        return;
    size_t at = 0;
    while (at < BOUNDS && ms > bounds_ms[at])
        at++;
    atomic_fetch_add_explicit(&h->counts[at], 1, memory_order_relaxed);
    metric_add(&h->series, ms > 0 ? ms : 0);
}

static void
print_histogram(const struct metric *metric, struct str *out)
{
    const struct metric_histogram *h = (const struct metric_histogram *)metric;
    const char *name = metric->family->name;
    const char *comma = metric->labels[0] != '\0' ? "," : "";
    int64_t count = 0;

    for (size_t i = 0; i < BOUNDS; i++) {
        count += atomic_load_explicit(&h->counts[i], memory_order_relaxed);
        str_printf(out, "%s_bucket{%s%sle=\"%lld.%03d\"} %lld\n", name, metric->labels,
                   comma, (long long)(bounds_ms[i] / 1000), (int)(bounds_ms[i] % 1000),
                   (long long)count);
    }
    count += atomic_load_explicit(&h->counts[BOUNDS], memory_order_relaxed);
    str_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %lld\n", name, metric->labels, comma,
               (long long)count);
    long long sum_ms = metric_value(metric);
    str_printf(out, "%s_sum{%s} %lld.%03d\n%s_count{%s} %lld\n", name, metric->labels,
               sum_ms / 1000, (int)(sum_ms % 1000), name, metric->labels,
               (long long)count);
}

static void
print_family(const struct family *family, struct str *out)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    const char *total = family->type == FAMILY_COUNTER ? "_total" : "";

    str_printf(out, "# TYPE %s %s\n", family->name, types[family->type]);
    if (str_ends(family->name, "_seconds"))
        str_printf(out, "# UNIT %s seconds\n", family->name);
    if (family->help != NULL)
        str_printf(out, "# HELP %s %s\n", family->name, family->help);
    for (const struct metric *metric = family->first; metric; metric = metric->next) {
        if (family->type == FAMILY_HISTOGRAM) {
            print_histogram(metric, out);
            continue;
        }
        str_printf(out, "%s%s", family->name, total);
        if (metric->labels[0] != '\0')
            str_printf(out, "{%s}", metric->labels);
        str_printf(out, " %lld\n", (long long)metric_value(metric));
    }
}

void
metrics_print(struct metrics *m, struct str *out)
{
    str_printf(out, "# TYPE relais info\nrelais_info{program=\"%s\"} 1\n", m->program);
    pthread_mutex_lock(&m->lock);
    for (const struct family *family = m->first; family; family = family->next)
        print_family(family, out);
    pthread_mutex_unlock(&m->lock);
    str_puts(out, "# EOF\n");
}
