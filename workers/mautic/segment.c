#include "workers/mautic/segment.h"

#include <inttypes.h>

#include "workers/mautic/api.h"

static bool
change(struct job *job, const struct mautic *m, int64_t segment, const char *contact,
       const char *verb)
{
    struct json_object *answer;
    const struct mautic_call call = {
        .method = "POST",
        .path = job_printf(job, "/api/segments/%" PRId64 "/contact/%s/%s", segment,
                           http_escape(job, contact), verb),
        .expect = "success",
    };
    return mautic_ask(job, m, &call, &answer);
}

bool
mautic_segment_join(struct job *job, const struct mautic *m, int64_t segment,
                    const char *contact)
{
    return change(job, m, segment, contact, "add");
}

bool
mautic_segment_leave(struct job *job, const struct mautic *m, int64_t segment,
                     const char *contact)
{
    return change(job, m, segment, contact, "remove");
}
