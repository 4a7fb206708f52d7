// workers/docuseal/level.h - signature levels: asked for, and evidenced.
//
// DocuSeal's open server makes simple signatures only. The higher ones are a property
// of a template with an identity check, and show as complete_verification events.
#ifndef RELAIS_DOCUSEAL_LEVEL_H
#define RELAIS_DOCUSEAL_LEVEL_H

#include <stdbool.h>

#include "common/attr.h"

struct json_object;

enum docuseal_level { DOCUSEAL_SES, DOCUSEAL_AES, DOCUSEAL_QES };

// Reads "simple", "advanced", "qualified", "SES", "AES", "QES" in either case. False:
// none of them; *level is then untouched.
bool docuseal_level_read(const char *text, enum docuseal_level *level) ATTR_MUST_CHECK;

// "ses", "aes", "qes": as stored in Directus and said in facts.
const char *docuseal_level_name(enum docuseal_level level);

// The level a submitter's identity was really checked at, by the events of GET
// /submissions/{id}; SES without a complete_verification of a known method.
enum docuseal_level docuseal_level_evidenced(struct json_object *submission,
                                             const char *submitter);

#endif
