#include "common/kafka_config.h"

#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct kafka_property none[] = {{0}};

static void
assert_property(rd_kafka_conf_t *conf, const char *name, const char *expected)
{
    char value[200];
    size_t size = sizeof value;

    assert_int_equal(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, expected);
}

static int
empty_environment(void **state)
{
    (void)state;
    return clearenv();
}

static void
variables_become_properties(void **state)
{
    (void)state;
    struct error err = {0};

    setenv("KAFKA_FETCH_MAX_BYTES", "1234567", 1);
    setenv("KAFKA_SSL_CA_LOCATION", "/etc/ca.pem", 1);
    setenv("KAFKA_SASL_USERNAME", "", 1);
    rd_kafka_conf_t *conf = kafka_config_new("broker:1", none, none, &err);
    assert_non_null(conf);
    assert_property(conf, "bootstrap.servers", "broker:1");
    assert_property(conf, "fetch.max.bytes", "1234567");
    assert_property(conf, "ssl.ca.location", "/etc/ca.pem");
    rd_kafka_conf_destroy(conf);
}

static void
environment_wins_over_defaults_only(void **state)
{
    (void)state;
    struct error err = {0};
    const struct kafka_property defaults[] = {
        {"linger.ms", "1"}, {"client.id", "ours"}, {0}};
    const struct kafka_property fixed[] = {{"acks", "all"}, {0}};

    setenv("KAFKA_LINGER_MS", "7", 1);
    rd_kafka_conf_t *conf = kafka_config_new("broker:1", defaults, fixed, &err);
    assert_non_null(conf);
    assert_property(conf, "linger.ms", "7");
    assert_property(conf, "client.id", "ours");
    rd_kafka_conf_destroy(conf);
    setenv("KAFKA_ACKS", "1", 1);
    assert_null(kafka_config_new("broker:1", defaults, fixed, &err));
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "KAFKA_ACKS"));
}

static void
other_names_of_a_fixed_property_change_nothing(void **state)
{
    (void)state;
    struct error err = {0};
    const struct kafka_property fixed[] = {{"message.timeout.ms", "0"}, {0}};

    setenv("KAFKA_DELIVERY_TIMEOUT_MS", "10", 1);
    setenv("KAFKA_METADATA_BROKER_LIST", "elsewhere:1", 1);
    rd_kafka_conf_t *conf = kafka_config_new("broker:1", none, fixed, &err);
    assert_non_null(conf);
    assert_property(conf, "message.timeout.ms", "0");
    assert_property(conf, "bootstrap.servers", "broker:1");
    rd_kafka_conf_destroy(conf);
}

static void
strangers_are_passed_over(void **state)
{
    (void)state;
    struct error err = {0};
    const char *const strangers[] = {
        "KAFKA_BROKERS",
        "KAFKA_HOME",
        "KAFKA_HEAP_OPTS",
        "KAFKA_LOG4J_OPTS",
        "KAFKA_JMX_PORT",
        "KAFKA_PORT",
        "KAFKA_PORT_9092_TCP_ADDR",
        "KAFKA_SERVICE_HOST",
        "KAFKA_SERVICE_PORT_PLAINTEXT",
        "KAFKA_BOOTSTRAP_SERVICE_HOST",
        "KAFKA_BOOTSTRAP_PORT_9092_TCP",
    };

    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++)
        setenv(strangers[i], "tcp://10.0.0.1:9092", 1);
    rd_kafka_conf_t *conf = kafka_config_new("broker:1", none, none, &err);
    if (conf == NULL)
        fail_msg("%s", err.text);
    rd_kafka_conf_destroy(conf);
}

static void
brokers_are_hosts_with_ports(void **state)
{
    (void)state;
    static const char *const right[] = {
        "broker",
        "broker:9092",
        "a:1,b:65535, c-d.e_f:9092",
        "[::1]:9092,[fe80::1]",
        "PLAINTEXT://a:1",
        "sasl_ssl://a",
    };
    static const char *const wrong[] = {
        "http://a:9092", "a:0",   "a:65536", "a:",  "a:b",  ":9092",
        "a:1,b:2:3",     "a/b:1", "a@b:1",   "a::", "[::1", "[::1]9092",
    };
    setenv("LANG", "C", 1);
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        struct error err = {0};
        rd_kafka_conf_t *conf = kafka_config_new(right[i], none, none, &err);
        if (conf == NULL)
            fail_msg("%s: %s", right[i], err.text);
        rd_kafka_conf_destroy(conf);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct error err = {0};
        if (kafka_config_new(wrong[i], none, none, &err) != NULL)
            fail_msg("%s is taken", wrong[i]);
        assert_int_equal(err.kind, ERROR_PERMANENT);
        assert_non_null(strstr(err.text, "KAFKA_BROKERS"));
    }
}

static void
unknown_name_is_an_error_that_names_it(void **state)
{
    (void)state;
    struct error err = {0};

    setenv("KAFKA_FETCH_MAX_BITES", "1", 1);
    assert_null(kafka_config_new("broker:1", none, none, &err));
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "KAFKA_FETCH_MAX_BITES"));
}

static void
bootstrap_servers_are_called_brokers(void **state)
{
    (void)state;
    struct error err = {0};

    setenv("KAFKA_BOOTSTRAP_SERVERS", "other:1", 1);
    assert_null(kafka_config_new("broker:1", none, none, &err));
    assert_non_null(strstr(err.text, "KAFKA_BROKERS"));
}

static void
wrong_value_is_an_error_that_hides_it(void **state)
{
    (void)state;
    struct error err = {0};

    setenv("KAFKA_FETCH_MAX_BYTES", "canary", 1);
    assert_null(kafka_config_new("broker:1", none, none, &err));
    assert_non_null(strstr(err.text, "KAFKA_FETCH_MAX_BYTES"));
    assert_null(strstr(err.text, "canary"));
}

static void
secret_may_be_in_a_file(void **state)
{
    (void)state;
    struct error err = {0};
    char path[] = "/tmp/kafka-config-test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "pass word\n", 10), 10);
    close(fd);

    setenv("KAFKA_SASL_PASSWORD_FILE", path, 1);
    rd_kafka_conf_t *conf = kafka_config_new("broker:1", none, none, &err);
    if (conf == NULL)
        fail_msg("%s", err.text);
    assert_property(conf, "sasl.password", "pass word");
    rd_kafka_conf_destroy(conf);
    unlink(path);
    assert_null(kafka_config_new("broker:1", none, none, &err));
    assert_non_null(strstr(err.text, "KAFKA_SASL_PASSWORD_FILE"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(variables_become_properties, empty_environment),
        cmocka_unit_test_setup(environment_wins_over_defaults_only, empty_environment),
        cmocka_unit_test_setup(other_names_of_a_fixed_property_change_nothing,
                               empty_environment),
        cmocka_unit_test_setup(strangers_are_passed_over, empty_environment),
        cmocka_unit_test_setup(brokers_are_hosts_with_ports, empty_environment),
        cmocka_unit_test_setup(unknown_name_is_an_error_that_names_it,
                               empty_environment),
        cmocka_unit_test_setup(bootstrap_servers_are_called_brokers, empty_environment),
        cmocka_unit_test_setup(wrong_value_is_an_error_that_hides_it,
                               empty_environment),
        cmocka_unit_test_setup(secret_may_be_in_a_file, empty_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
