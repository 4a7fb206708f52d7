// workers/cli/company_name.h - whether two names are of the same company.
#ifndef RELAIS_CLI_COMPANY_NAME_H
#define RELAIS_CLI_COMPANY_NAME_H

#include <stdbool.h>

// Case, blanks, punctuation and legal forms (SA, Sàrl, GmbH, ...) make no difference:
// "Enki Realty SA" and "ENKI_REALTY" are the same. A name without a letter or digit is
// nobody's.
bool company_name_same(const char *a, const char *b);

#endif
