// tests/harness/test.h - cmocka with what it needs in front of it.
#ifndef RELAIS_TEST_H
#define RELAIS_TEST_H

// clang-format off: cmocka.h needs these four before it
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#endif
