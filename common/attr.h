// common/attr.h - the compiler attributes this tree uses, and the only place that
// spells them.
#ifndef RELAIS_ATTR_H
#define RELAIS_ATTR_H

#define ATTR_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define ATTR_MUST_CHECK __attribute__((warn_unused_result))
#define ATTR_NORETURN __attribute__((noreturn))
#define ATTR_NOINLINE __attribute__((noinline))
#define ATTR_CLEANUP(fn) __attribute__((cleanup(fn)))

#endif
