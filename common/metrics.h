// common/metrics.h - counters and gauges of this process, printed as OpenMetrics.
#ifndef RELAIS_METRICS_H
#define RELAIS_METRICS_H

#include <stdint.h>

#include "common/str.h"

struct metrics;

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

// The program's name becomes the label of relais_info. Where a struct metrics * or a
// handle may be NULL (tests), nothing is counted.
struct metrics *metrics_new(const char *program);
void metrics_free(struct metrics *m);

// Adds to the series (name, labels), made at first use. labels is OpenMetrics text
// without braces ("topic=\"x\",kind=\"y\"") or "". name without _total. Thread-safe;
// the handle form is for hot paths. At most 4,096 series: beyond that the name's series
// with label overflow="true" takes the rest.
void metrics_add(struct metrics *m, const char *name, const char *labels, int64_t by);

struct metric;
// Finds or makes the series and returns a handle that stays valid; must be told its
// type. Labels that are no label text become invalid="true".
struct metric *metrics_series(struct metrics *m, enum metric_type type,
                              const char *name, const char *labels, const char *help);
void metric_add(struct metric *metric, int64_t by);
void metric_set(struct metric *metric, int64_t value);
int64_t metric_value(const struct metric *metric);

// A histogram of durations in seconds with fixed buckets 1 ms .. 60 s; its name ends
// with _seconds.
struct metric_histogram;
struct metric_histogram *metrics_histogram(struct metrics *m, const char *name,
                                           const char *labels, const char *help);
void metric_observe_ms(struct metric_histogram *h, int64_t ms);

// Appends the OpenMetrics text, ended by "# EOF".
void metrics_print(struct metrics *m, struct str *out);

#endif
