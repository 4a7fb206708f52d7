// workers/mautic/play.h - what each command means in Mautic: a table of segments,
// campaigns and notes, and the one way all of them go.
#ifndef RELAIS_MAUTIC_PLAY_H
#define RELAIS_MAUTIC_PLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "workers/mautic/mautic.h"
#include "workers/mautic/person.h"

enum { MAUTIC_LEAVES = 2 };

struct mautic_play {
    const char *command;
    enum mautic_segment join;
    // Each is left unless the person still belongs there: another quote is open,
    // another invoice overdue.
    enum mautic_segment leave[MAUTIC_LEAVES];
    enum mautic_campaign campaign;
    const char *note; // its headline; NULL = none
    bool once;        // the campaign is entered once in a contact's life
    bool dunning;     // not marketing: it goes on without consent
};

extern const struct mautic_play mautic_plays[];

// One command on its way.
struct mautic_occasion {
    const struct mautic *m;
    const struct mautic_play *play;
    struct mautic_person *person;
    const char *company;       // whose campaigns and segments: the owner company's code
    const char *cause;         // "quote:<uuid>:r1": what happens once for it
    struct json_object *facts; // of the note
    bool no_join;              // the reason to join is gone by now
    bool no_campaign;          // the same for the campaign
};

// The row of the table for an event type.
const struct mautic_play *mautic_play_of(const char *command);

// Does all of it: the person is met, then segments, campaign, note, and what the row is
// to be told. Each step may be repeated, or happens once in effect.
bool mautic_play(struct job *job,
                 const struct mautic_occasion *occasion) ATTR_MUST_CHECK;

// Why the command comes too late to be played, in *why, or NULL: it speaks of a time
// (`after` and `until` of its payload) which is over, or in which the person was told
// of the paper already; told is when that was, RFC 3339, or "". What an attempt before
// this one has entered is played to its end.
bool mautic_play_late(struct job *job, const struct mautic_occasion *occasion,
                      const char *told, const char **why) ATTR_MUST_CHECK;

// Does nothing of it any more: what an attempt before this one may have done, or left
// unsure, is put to rest.
bool mautic_play_skip(struct job *job,
                      const struct mautic_occasion *occasion) ATTR_MUST_CHECK;

// The numbers in Mautic: MAUTIC_CAMPAIGN_<NAME>_<COMPANY> if it is set, else
// MAUTIC_CAMPAIGN_<NAME>. PERMANENT where it is no number.
bool mautic_campaign_id(struct job *job, const struct mautic *m,
                        enum mautic_campaign campaign, const char *company,
                        int64_t *id) ATTR_MUST_CHECK;
bool mautic_segment_id(struct job *job, const struct mautic *m,
                       enum mautic_segment segment, const char *company,
                       int64_t *id) ATTR_MUST_CHECK;

// Whether the person still belongs to the segment for another reason.
bool mautic_standing(struct job *job, const struct mautic_occasion *occasion,
                     enum mautic_segment segment, bool *belongs) ATTR_MUST_CHECK;

#endif
