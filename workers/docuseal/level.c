#include "workers/docuseal/level.h"

#include <string.h>
#include <strings.h>

#include "common/json.h"

static const struct {
    const char *name, *word;
} levels[] = {
    [DOCUSEAL_SES] = {"ses", "simple"},
    [DOCUSEAL_AES] = {"aes", "advanced"},
    [DOCUSEAL_QES] = {"qes", "qualified"},
};

bool
docuseal_level_read(const char *text, enum docuseal_level *level)
{
    for (int i = DOCUSEAL_SES; i <= DOCUSEAL_QES; i++)
        if (strcasecmp(text, levels[i].name) == 0
            || strcasecmp(text, levels[i].word) == 0) {
            *level = (enum docuseal_level)i;
            return true;
        }
    return false;
}

const char *
docuseal_level_name(enum docuseal_level level)
{
    return levels[level].name;
}

enum docuseal_level
docuseal_level_evidenced(struct json_object *submission, const char *submitter)
{
    enum docuseal_level best = DOCUSEAL_SES;
    struct json_object *events = json_array_or_null(submission, "submission_events");
    size_t count = events != NULL ? json_object_array_length(events) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *ev = json_object_array_get_idx(events, i);
        const char *type = json_string_or(ev, "event_type", "");
        const char *who = json_text_or(ev, "submitter_id", "");
        enum docuseal_level level = DOCUSEAL_SES;
        if (strcmp(type, "complete_verification") == 0 && strcmp(who, submitter) == 0
            && docuseal_level_read(json_string_or(ev, "data.method", ""), &level)
            && level > best)
            best = level;
    }
    return best;
}
