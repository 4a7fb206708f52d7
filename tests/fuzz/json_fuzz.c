// json_scan() against json_parse(): they read the same texts, and see the same in them.
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/json_scan.h"
#include "tests/fuzz/fuzz.h"

int // NOLINTNEXTLINE(readability-non-const-parameter): libFuzzer's own signature.
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return 0;
}

static void
compare(struct job *job, struct json_object *parsed, const struct json_scan *scan)
{
    static const char *const paths[] = {
        "id",
        "a",
        "a.b",
        "event_type",
        "timestamp",
        "data.id",
        "data.status",
        "data.values",
        "data.submitters.0.email",
        "0",
        "1.a",
        "data.submitters.1.metadata.company",
        "",
        "data.",
        "data.template.name",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct json_object *member = json_at(parsed, paths[i]);
        uint32_t value = json_scan_at(scan, JSON_ROOT, paths[i]);
        if ((member == NULL) != (value == JSON_NONE))
            abort();
        const char *seen = json_string_or(parsed, paths[i], NULL);
        const char *scanned = json_scan_string_or(job, scan, JSON_ROOT, paths[i], NULL);
        if ((seen == NULL) != (scanned == NULL)
            || (seen != NULL && strcmp(seen, scanned) != 0))
            abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct job job;
    struct json_scan scan;
    job_begin(&job, 0);
    struct json_object *parsed = json_parse(&job, data, size);
    bool read = json_scan(&job, data, size, &scan);
    if ((parsed != NULL) != read)
        abort();
    if (read)
        compare(&job, parsed, &scan);
    job_end(&job);
    return 0;
}
