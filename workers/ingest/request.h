// workers/ingest/request.h - judges one delivery: verified, split, and made into Kafka
// records.
#ifndef RELAIS_INGEST_REQUEST_H
#define RELAIS_INGEST_REQUEST_H

#include <stddef.h>

#include "common/job.h"
#include "common/record.h"
#include "common/webhook.h"
#include "workers/ingest/ingest.h"

struct ingest_judgement {
    int status;         // what to answer now; 0: genuine, keep the records first
    const char *reason; // one word for logs and metrics; NULL if genuine
    const char *detail; // a sentence for the sender, never about secrets; or NULL
    const char *text;   // more for the log (in the job), or NULL
    const char *type;   // of the first event, or NULL
    const char *id;
    struct record **records; // copies; whoever keeps them frees them
    size_t count;
};

// Judges the request. The list of records belongs to the job. Any thread.
void ingest_judge(struct job *job, struct ingest_source *source,
                  const struct webhook_request *request,
                  struct ingest_judgement *judgement);

#endif
