// The members of Invoice Ninja's objects: names, order, kinds, and who may write them.
#ifndef SIM_INVOICE_NINJA_MEMBERS_H
#define SIM_INVOICE_NINJA_MEMBERS_H

#include <stdbool.h>

enum member_kind {
    MEMBER_TEXT,
    MEMBER_NUMBER,
    MEMBER_FLAG,
    MEMBER_MAP,
    MEMBER_LIST,
};

// Absent values are "", 0, false, {} and [] where no other is named; tables end with
// {0}.
struct member {
    const char *key;
    enum member_kind kind;
    bool writable; // by a body's member of that name
    const char *fallback;
};

extern const struct member client_members[];
extern const struct member contact_members[];
extern const struct member invoice_members[];
extern const struct member line_members[];
extern const struct member invitation_members[];
extern const struct member payment_members[];
extern const struct member paymentable_members[];
extern const struct member webhook_members[];

#endif
