#include "common/digest.h"

#include <pthread.h>

#include "common/hmac.h"
#include "common/loop.h"

enum { SMALL_BYTES = 64 * 1024 };

// In the job's memory: the thread writes here while the fiber waits.
struct digest {
    struct loop_mail mail;
    struct loop_wait wait;
    struct loop *loop;
    const void *bytes;
    size_t length;
    char hex[HMAC_HEX];
};

static void
hashed(struct loop_mail *mail)
{
    loop_wake(&((struct digest *)mail)->wait);
}

static void *
hash(void *arg)
{
    struct digest *digest = arg;
    hmac_digest(digest->bytes, digest->length, digest->hex);
    loop_post(digest->loop, &digest->mail);
    return NULL;
}

const char *
digest_sha256(struct job *job, const void *bytes, size_t length)
{
    struct digest *digest = job_alloc(job, sizeof *digest);
    pthread_t thread;
    *digest = (struct digest){
        .mail.deliver = hashed,
        .loop = loop_current(),
        .bytes = bytes,
        .length = length,
    };
    loop_wait_begin(&digest->wait);
    if (length <= SMALL_BYTES || digest->loop == NULL
        || pthread_create(&thread, NULL, hash, digest) != 0) {
        hmac_digest(bytes, length, digest->hex); // small, or no thread is to be had
        return digest->hex;
    }
    (void)loop_wait(&digest->wait, INT64_MAX, "the hash of a file");
    pthread_join(thread, NULL); // it has nothing left to do
    return digest->hex;
}
