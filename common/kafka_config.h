// common/kafka_config.h - KAFKA_* environment variables as librdkafka properties.
#ifndef RELAIS_KAFKA_CONFIG_H
#define RELAIS_KAFKA_CONFIG_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "common/attr.h"
#include "common/error.h"

// A property this program decides on; tables end with {0}.
struct kafka_property {
    const char *name; // "enable.idempotence"
    const char *value;
};

// Makes a configuration: what the environment says (KAFKA_SSL_CA_LOCATION ->
// ssl.ca.location, with a _FILE variant for sasl.password, ssl.key.password and the
// like), then `defaults` where the environment says nothing, then `fixed` and
// bootstrap.servers = brokers, which the environment may not change. Left out are
// KAFKA_BROKERS, and what Kafka's own scripts and Kubernetes put there (KAFKA_HOME,
// KAFKA_HEAP_OPTS, KAFKA_PORT, KAFKA_SERVICE_HOST ...). librdkafka's own lines go to
// our log at debug level. The caller owns the result (rd_kafka_new() takes it over,
// else rd_kafka_conf_destroy()). NULL: PERMANENT, naming the variable, never its value.
rd_kafka_conf_t *kafka_config_new(const char *brokers,
                                  const struct kafka_property defaults[],
                                  const struct kafka_property fixed[],
                                  struct error *err) ATTR_MUST_CHECK;

// The property an environment variable stands for: false if it is none of librdkafka's
// business. name (size bytes) is written as "fetch.max.bytes".
bool kafka_config_property(const char *variable, char *name, size_t size);

#endif
