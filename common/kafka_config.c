#include "common/kafka_config.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/config.h"
#include "common/log.h"
#include "common/str.h"

enum { NAME_MAX_BYTES = 100 };

// Found in environments, but not meant for librdkafka: our own, those of Kafka's
// start scripts, and the service links of Kubernetes.
static const char *const not_properties[] = {
    "KAFKA_BROKERS",
    "KAFKA_HOME",
    "KAFKA_DIR",
    "KAFKA_VERSION",
    "KAFKA_*OPTS",
    "KAFKA_JMX_*",
    "KAFKA_PORT",
    "KAFKA_PORT_*",
    "KAFKA_*_PORT",
    "KAFKA_*_PORT_[0-9]*",
    "KAFKA_*SERVICE_HOST",
    "KAFKA_*SERVICE_PORT*",
    NULL,
};

static bool
is_property(const char *variable)
{
    if (!str_starts(variable, "KAFKA_"))
        return false;
    for (size_t i = 0; not_properties[i] != NULL; i++)
        if (fnmatch(not_properties[i], variable, 0) == 0)
            return false;
    return true;
}

bool
kafka_config_property(const char *variable, char *name, size_t size)
{
    if (!is_property(variable) || !str_copy(name, size, variable + strlen("KAFKA_")))
        return false;
    for (char *at = name; *at != '\0'; at++) {
        if (*at == '_')
            *at = '.';
        else if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    }
    return true;
}

static const struct kafka_property *
find_property(const struct kafka_property table[], const char *name)
{
    for (const struct kafka_property *p = table; p != NULL && p->name != NULL; p++)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

static bool
set_checked(rd_kafka_conf_t *conf, const char *variable, const char *name,
            const char *value, struct error *err)
{
    char why[256]; // may repeat the value, so it is not shown

    switch (rd_kafka_conf_set(conf, name, value, why, sizeof why)) {
    case RD_KAFKA_CONF_OK:
        return true;
    case RD_KAFKA_CONF_UNKNOWN:
        return error_permanent(err,
                               "%s: librdkafka has no property %s: correct the name or "
                               "unset it",
                               variable, name);
    default:
        return error_permanent(err,
                               "%s: not a value for librdkafka's %s: see its "
                               "CONFIGURATION.md",
                               variable, name);
    }
}

// Secrets may be in files: KAFKA_SASL_PASSWORD_FILE stands for KAFKA_SASL_PASSWORD.
// config_lookup() reads either, so the suffix is only cut off.
static void
cut_file_suffix(char *variable)
{
    size_t length = strlen(variable);

    if (str_ends(variable, "_FILE"))
        variable[length - strlen("_FILE")] = '\0';
}

static bool
set_variable(rd_kafka_conf_t *conf, const char *line,
             const struct kafka_property fixed[], struct error *err)
{
    char variable[NAME_MAX_BYTES];
    char name[NAME_MAX_BYTES];
    size_t length = strcspn(line, "=");

    // An empty variable is an unset one, as for every other setting.
    if (length >= sizeof variable || strlen(line) <= length + 1)
        return true;
    memcpy(variable, line, length);
    variable[length] = '\0';
    cut_file_suffix(variable);
    if (!kafka_config_property(variable, name, sizeof name))
        return true;
    if (strcmp(name, "bootstrap.servers") == 0)
        return error_permanent(err, "%s: set KAFKA_BROKERS instead", variable);
    if (find_property(fixed, name) != NULL)
        return error_permanent(err, "%s: unset it, the program decides on %s", variable,
                               name);
    char *value = config_lookup(variable);
    if (value == NULL)
        return error_permanent(err, "%s_FILE: cannot be read", variable);
    bool good = set_checked(conf, variable, name, value, err);
    free(value);
    return good;
}

static bool
in_environment(const char *property)
{
    char name[NAME_MAX_BYTES];
    char variable[NAME_MAX_BYTES];

    for (char **line = environ; *line != NULL; line++) {
        (void)str_copy(variable, sizeof variable, *line);
        variable[strcspn(variable, "=")] = '\0';
        if (kafka_config_property(variable, name, sizeof name)
            && strcmp(name, property) == 0)
            return true;
    }
    return false;
}

static bool
set_all(rd_kafka_conf_t *conf, const struct kafka_property defaults[],
        const struct kafka_property fixed[], struct error *err)
{
    for (char **line = environ; *line != NULL; line++)
        if (str_starts(*line, "KAFKA_") && !set_variable(conf, *line, fixed, err))
            return false;
    for (const struct kafka_property *p = defaults; p != NULL && p->name != NULL; p++)
        if (!in_environment(p->name)
            && !set_checked(conf, "default", p->name, p->value, err))
            return false;
    for (const struct kafka_property *p = fixed; p != NULL && p->name != NULL; p++)
        if (!set_checked(conf, "default", p->name, p->value, err))
            return false;
    return true;
}

static void
log_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    log_debug("kafka", "%s: %s", facility, text);
}

// One broker: host:port or [address]:port, perhaps behind the name of a protocol. The
// port may be left out.
static bool
broker_sane(const char *text, size_t length)
{
    static const char *const protocols[] = {"PLAINTEXT://", "SSL://",
                                            "SASL_PLAINTEXT://", "SASL_SSL://", NULL};
    char broker[300];
    long long port = 1;
    if (length >= sizeof broker)
        return false;
    memcpy(broker, text, length);
    broker[length] = '\0';
    const char *host = broker;
    for (size_t i = 0; protocols[i] != NULL; i++)
        if (strncasecmp(broker, protocols[i], strlen(protocols[i])) == 0)
            host = broker + strlen(protocols[i]);
    size_t end = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (end == 0 || end > strlen(host))
        return false;
    const char *rest = host + end;
    if (rest[0] != '\0' && (rest[0] != ':' || !str_to_i64(rest + 1, &port)))
        return false;
    bool named = strcspn(host, "/@?# \t") >= end;
    return named && port >= 1 && port <= 65535;
}

// librdkafka takes whatever there is between commas for a host, and looks for it.
static bool
brokers_sane(const char *brokers, struct error *err)
{
    for (const char *at = brokers; *at != '\0';) {
        at += strspn(at, ", ");
        size_t length = strcspn(at, ", ");
        if (length > 0 && !broker_sane(at, length))
            return error_permanent(err, "KAFKA_BROKERS: write brokers as host:port, "
                                        "with commas between them");
        at += length;
    }
    return true;
}

rd_kafka_conf_t *
kafka_config_new(const char *brokers, const struct kafka_property defaults[],
                 const struct kafka_property fixed[], struct error *err)
{
    if (!brokers_sane(brokers, err))
        return NULL;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, log_line);
    if (set_all(conf, defaults, fixed, err)
        && set_checked(conf, "KAFKA_BROKERS", "bootstrap.servers", brokers, err))
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}
