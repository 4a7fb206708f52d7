#include "workers/mautic/score.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json.h"

enum { MOST = 100 };

static const struct {
    const char *field; // worth this if there is anything in it
    int64_t worth;
} fields[] = {
    {"email", 10},  {"phone", 10},    {"company_name", 15},
    {"budget", 20}, {"timeline", 15},
};
static const struct {
    const char *word; // occurs in the source
    int64_t worth;
} sources[] = {
    {"referral", 25}, {"event", 25},  {"website", 15},
    {"ads", 10},      {"social", 10}, {"cold", 5},
};

int64_t
mautic_score_of(struct json_object *lead)
{
    const char *source = json_string_or(lead, "source", "");
    int64_t score = 0;
    const char *said = json_text_or(lead, "score", NULL);
    if (said != NULL)
        score = strtoll(said, NULL, 10); // it may be kept as a decimal
    else {
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
            if (json_text_or(lead, fields[i].field, "")[0] != '\0')
                score += fields[i].worth;
        for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
            if (strcasestr(source, sources[i].word) != NULL) {
                score += sources[i].worth;
                break;
            }
    }
    return score < 0 ? 0 : score > MOST ? MOST : score;
}
