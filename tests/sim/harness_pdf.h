// A PDF for the simulators that give files out.
#ifndef SIM_HARNESS_PDF_H
#define SIM_HARNESS_PDF_H

#include <stddef.h>

// A small valid PDF of these lines; the caller frees.
char *pdf_make(const char *const *lines, size_t count, size_t *bytes);

#endif
