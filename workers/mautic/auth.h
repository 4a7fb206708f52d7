// workers/mautic/auth.h - who we are to Mautic: a token (OAuth2, client credentials),
// else user and password, which Mautic hashes at every call.
#ifndef RELAIS_MAUTIC_AUTH_H
#define RELAIS_MAUTIC_AUTH_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/job.h"

struct mautic;

// Makes m->token where MAUTIC_CLIENT_ID is set. PERMANENT where neither token nor
// password can be had.
bool mautic_auth_open(struct mautic *m, struct error *err) ATTR_MUST_CHECK;
void mautic_auth_close(struct mautic *m);

// The value of the header Authorization, in the job. refused: the value that Mautic has
// just refused, or NULL; another one is given then. Processes share a token through the
// job's Redis. May call Mautic; suspends the fiber.
const char *mautic_authorization(struct job *job, const struct mautic *m,
                                 const char *refused) ATTR_MUST_CHECK;

#endif
