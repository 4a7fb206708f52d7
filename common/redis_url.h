// common/redis_url.h - the address of a Redis.
#ifndef RELAIS_REDIS_URL_H
#define RELAIS_REDIS_URL_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/error.h"

enum { REDIS_URL_PART = 256 };

struct redis_url {
    char host[REDIS_URL_PART];
    int port;                                            // default 6379
    char user[REDIS_URL_PART], password[REDIS_URL_PART]; // "" = none
    char database[16];                                   // "" = the first
};

// Reads redis://[[user]:password@]host[:port][/database]; user and password may be
// percent-encoded, an IPv6 host stands in brackets. False: the error says what is wrong
// without showing the URL; *url is then unspecified.
bool redis_url_read(const char *text, struct redis_url *url,
                    struct error *err) ATTR_MUST_CHECK;

#endif
