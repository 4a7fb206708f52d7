// tests/fuzz/fuzz.h - what a fuzz target is: one function, called for every input.
#ifndef RELAIS_FUZZ_H
#define RELAIS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

// Called once before the inputs. libFuzzer's names, and its contract.
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
