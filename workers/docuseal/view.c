// Reading what DocuSeal says of a submission.
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/str.h"
#include "workers/docuseal/docuseal.h"
#include "workers/docuseal/submission.h"

enum docuseal_fate
docuseal_submission_fate(struct json_object *submission)
{
    const char *status = json_string_or(submission, "status", "");
    if (strcmp(status, "completed") == 0)
        return DOCUSEAL_IS_COMPLETED;
    if (json_at(submission, "archived_at") != NULL)
        return DOCUSEAL_IS_ARCHIVED;
    if (strcmp(status, "declined") == 0)
        return DOCUSEAL_IS_DECLINED;
    if (strcmp(status, "expired") == 0)
        return DOCUSEAL_IS_EXPIRED;
    return DOCUSEAL_IS_OPEN;
}

struct json_object *
docuseal_client_of(struct json_object *submission)
{
    struct json_object *list = json_array_or_null(submission, "submitters");
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *submitter = json_object_array_get_idx(list, i);
        if (!str_ends(json_string_or(submitter, "external_id", ""), ":company"))
            return submitter;
    }
    return count > 0 ? json_object_array_get_idx(list, 0) : NULL;
}

const char *
docuseal_embed_url(struct job *job, const struct docuseal *ds,
                   struct json_object *submitter)
{
    const char *given = json_string_or(submitter, "embed_src", NULL);
    const char *slug = json_string_or(submitter, "slug", NULL);
    if (given != NULL)
        return given;
    return slug != NULL ? job_printf(job, "%s/s/%s", ds->app, http_escape(job, slug))
                        : NULL;
}

static int64_t
later(int64_t ms, struct json_object *object, const char *member)
{
    int64_t other = 0;
    const char *text = json_string_or(object, member, NULL);
    if (text == NULL || !clock_parse(text, &other) || other < ms)
        return ms;
    return other;
}

int64_t
docuseal_submission_moved_ms(struct json_object *submission)
{
    static const char *const members[] = {"updated_at", "completed_at", "archived_at",
                                          NULL};
    int64_t ms = 0;
    for (int i = 0; members[i] != NULL; i++)
        ms = later(ms, submission, members[i]);
    struct json_object *list = json_array_or_null(submission, "submitters");
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++)
        ms = later(ms, json_object_array_get_idx(list, i), "updated_at");
    return ms;
}
