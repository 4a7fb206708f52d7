// workers/mautic/field.h - the fields of a contact in Mautic's words. Apart from
// contact.h, because ingest needs nothing else.
#ifndef RELAIS_MAUTIC_FIELD_H
#define RELAIS_MAUTIC_FIELD_H

struct json_object;

// The value of a field by its alias, as text; NULL where it is empty. From fields.all,
// or from the groups where a webhook has none.
const char *mautic_field_text(struct json_object *contact, const char *alias);

#endif
