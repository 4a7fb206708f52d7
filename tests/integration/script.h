// tests/integration/script.h - the scripts of this directory, run from a test program.
#ifndef RELAIS_SCRIPT_H
#define RELAIS_SCRIPT_H

#include <stddef.h>

// Runs <name> <verb> <argument> and copies the first line that it prints to out (size
// bytes, NULL = unwanted). Fails the test if the script fails.
void script_run(const char *name, const char *verb, const char *argument, char *out,
                size_t size);

#endif
