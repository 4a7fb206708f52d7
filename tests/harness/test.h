// tests/harness/test.h - cmocka, with the headers it needs before it in their order.
#ifndef RELAIS_TEST_H
#define RELAIS_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#endif
