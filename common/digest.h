// common/digest.h - hashes of files: a helper's work, so that the loop goes on
// meanwhile.
#ifndef RELAIS_DIGEST_H
#define RELAIS_DIGEST_H

#include <stddef.h>

#include "common/job.h"

// SHA-256 of the bytes as 64 lower-case hex digits, in the job. More than 64 KiB are
// hashed by a thread that lives as long as that takes, and the fiber waits; as many run
// at once as handlers hold a file in memory. Less, and outside a loop all, is hashed at
// once. The bytes must stay as they are meanwhile.
const char *digest_sha256(struct job *job, const void *bytes, size_t length);

#endif
