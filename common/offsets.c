#include "common/offsets.h"

#include <stdlib.h>
#include <string.h>

#include "common/str.h"

enum { FIRST_ROOM = 1024, WORD = 64 };

static uint64_t *
word_of(const struct offsets *o, int64_t offset)
{
    return &o->done[((size_t)offset & (o->room - 1)) / WORD];
}

static uint64_t
bit_of(int64_t offset)
{
    return (uint64_t)1 << ((size_t)offset % WORD);
}

static bool
is_done(const struct offsets *o, int64_t offset)
{
    return (*word_of(o, offset) & bit_of(offset)) != 0;
}

void
offsets_reset(struct offsets *offsets)
{
    offsets->low = -1;
    offsets->high = -1;
    if (offsets->done != NULL)
        memset(offsets->done, 0, offsets->room / 8);
}

void
offsets_free(struct offsets *offsets)
{
    free(offsets->done);
    *offsets = (struct offsets){.low = -1, .high = -1};
}

static void
make_room(struct offsets *o, int64_t high)
{
    size_t span = (size_t)(high - o->low);
    if (o->done != NULL && span < o->room)
        return;
    struct offsets larger = {.room = o->room == 0 ? FIRST_ROOM : o->room};
    while (larger.room <= span)
        larger.room *= 2;
    larger.done = str_calloc(larger.room / WORD, sizeof *larger.done);
    for (int64_t i = o->low; o->done != NULL && i < o->high; i++) {
        if (is_done(o, i))
            *word_of(&larger, i) |= bit_of(i);
    }
    free(o->done);
    o->done = larger.done;
    o->room = larger.room;
}

static bool
advance(struct offsets *o)
{
    int64_t before = o->low;
    while (o->low < o->high && is_done(o, o->low)) {
        *word_of(o, o->low) &= ~bit_of(o->low);
        o->low++;
    }
    return o->low != before;
}

bool
offsets_seen(struct offsets *offsets, int64_t offset)
{
    if (offsets->low < 0)
        offsets->low = offsets->high = offset;
    if (offset < offsets->high)
        return false;
    make_room(offsets, offset + 1);
    for (int64_t skipped = offsets->high; skipped < offset; skipped++)
        *word_of(offsets, skipped) |= bit_of(skipped);
    offsets->high = offset + 1;
    advance(offsets);
    return true;
}

bool
offsets_done(struct offsets *offsets, int64_t offset)
{
    if (offset < offsets->low || offset >= offsets->high)
        return false;
    *word_of(offsets, offset) |= bit_of(offset);
    return offset == offsets->low && advance(offsets);
}
