// common/webhook_secrets.h - secrets of a webhook, one for all or one per company, and
// during a rotation two of each.
//
// Under the name X these are read: X, X_PREVIOUS, X_<COMPANY>, X_<COMPANY>_PREVIOUS,
// each also as <NAME>_FILE. A company that has its own takes no other; while only its
// _PREVIOUS is set, it takes that beside the one for all. Its part of the name is its
// code in capitals with _ for what is neither letter nor digit; a shorter one stands
// for all that begin with it and _ (X_ENKI for ENKI_REALTY). No other setting may
// begin with X_.
#ifndef RELAIS_WEBHOOK_SECRETS_H
#define RELAIS_WEBHOOK_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/hmac.h"

struct webhook_secrets;

enum { WEBHOOK_SECRETS_MAX = 1000 }; // companies

// Reads all that are set, perhaps none. NULL: the error names the variable that is
// wrong.
struct webhook_secrets *webhook_secrets_open(const char *name,
                                             struct error *err) ATTR_MUST_CHECK;
void webhook_secrets_close(struct webhook_secrets *secrets); // NULL is fine

// Whether there is any.
bool webhook_secrets_any(const struct webhook_secrets *secrets);

// The company's newest secret, or NULL: for who registers the webhook. Lives as long as
// the secrets.
const char *webhook_secrets_now(const struct webhook_secrets *secrets,
                                const char *company);

// Whether the text is the company's secret. In constant time; false where it has none.
bool webhook_secrets_match(const struct webhook_secrets *secrets, const char *company,
                           const char *given) ATTR_MUST_CHECK;

// Whether mac is HMAC-SHA256 of the bytes under the company's secret. In constant time;
// false where it has none.
bool webhook_secrets_signed(const struct webhook_secrets *secrets, const char *company,
                            const void *data, size_t length,
                            const unsigned char mac[HMAC_BYTES]) ATTR_MUST_CHECK;

#endif
