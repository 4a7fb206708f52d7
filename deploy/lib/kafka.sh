# shellcheck shell=bash
# kafka.sh - one broker, with a second way in for tests: the listener PROXY tells its clients
# to come through the port STACK_KAFKA_PROXY_PORT, where a test puts a TCP proxy that leads
# to STACK_KAFKA_PROXY_TARGET. Cutting that proxy cuts off its clients and nobody else.

kafka_configure() {
    local run=$1 port controller target proxy
    port=$(ports_take "$run") && controller=$(ports_take "$run") &&
        target=$(ports_take "$run") && proxy=$(ports_take "$run") || return 1
    mkdir -p "$run/kafka" || return 1
    cat >"$run/kafka/server.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners=PLAINTEXT://127.0.0.1:$port,PROXY://127.0.0.1:$target,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port,PROXY://127.0.0.1:$proxy
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXY:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$run/kafka/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=1000
broker.session.timeout.ms=3000
CONF
    stack_set "$run" KAFKA_BROKERS "127.0.0.1:$port"
    stack_set "$run" STACK_KAFKA_PROXY_BROKERS "127.0.0.1:$proxy"
    stack_set "$run" STACK_KAFKA_PROXY_PORT "$proxy"
    stack_set "$run" STACK_KAFKA_PROXY_TARGET "127.0.0.1:$target"
}

kafka_java() {
    local java
    for java in /usr/lib/jvm/java-17-openjdk-*/bin/java; do
        [ -x "$java" ] && printf '%s' "$java" && return 0
    done
    command -v java
}

# What starts fast matters more for one that lives for minutes than what runs fast: only
# measurements want another (STACK_KAFKA_JAVA, its words).
kafka_quick='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'

# kafka_run <class> <arguments...>: one of Kafka's own tools.
kafka_run() {
    # shellcheck disable=SC2086 # words
    "$(kafka_java)" $kafka_quick -cp "$(kafka_home)/libs/*" "$@"
}

# A cluster id is 16 bytes in base64 for URLs; a tool would take a first "-" for an option.
kafka_cluster_id() {
    local id
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')
    printf '%s' "${id/#-/A}"
}

kafka_format() {
    local id
    id=$(kafka_cluster_id)
    kafka_run kafka.tools.StorageTool format -t "$id" -c "$1/kafka/server.properties"
}

# The broker takes requests before it can store a record; only a record shows that it can.
kafka_answers() {
    printf 'ready\n' | timeout 5 kcat -q -b "$1" -P -t relais.probe -p 0 \
        -X acks=all -X message.timeout.ms=3000 2>/dev/null
}

kafka_probe_topic() {
    kafka_run org.apache.kafka.tools.TopicCommand --bootstrap-server "$1" --create \
        --if-not-exists --topic relais.probe --partitions 1
}

kafka_launch() {
    local words
    read -ra words <<<"${STACK_KAFKA_JAVA-$kafka_quick}"
    process_start "$1" kafka "$(kafka_java)" -Xmx512m -XX:+ExitOnOutOfMemoryError \
        "${words[@]}" -cp "$(kafka_home)/libs/*" kafka.Kafka "$1/kafka/server.properties"
}

kafka_await() {
    until_true 120 "$1" kafka kafka_answers "$(stack_get "$1" KAFKA_BROKERS)"
}

kafka_discard() {
    process_stop "$1" kafka 1
    ports_release "$1"
    rm -rf "$1"
}

# kafka_make_data <folder>: the data of a broker that was started and stopped once. All
# others begin with a copy of it: to make it takes two more Javas.
kafka_make_data() {
    local run
    run=$(mktemp -d "${TMPDIR:-/tmp}/relais-kafka.XXXXXX") && mkdir "$run/log" || return 1
    # shellcheck disable=SC2064 # this run, whatever the variable holds later
    trap "kafka_discard '$run'; exit 143" TERM
    kafka_configure "$run" && kafka_format "$run" && kafka_launch "$run" &&
        kafka_probe_topic "$(stack_get "$run" KAFKA_BROKERS)" && kafka_await "$run" &&
        kafka_stop "$run" && mv "$run/kafka/data" "$1/data"
    local status=$?
    trap - TERM
    kafka_discard "$run"
    return $status
}

kafka_first_data() {
    local first
    first=$(cache_dir)/kafka-data-$(cache_key "$deploy_dir/lib/kafka.sh" \
        "$deploy_dir/kafka/pom.xml")
    cache_fill "$first" kafka_make_data && cp -r "$first/data" "$1/kafka/data"
}

kafka_start() {
    [ -d "$1/kafka/data" ] || kafka_first_data "$1" || return 1
    kafka_launch "$1" && kafka_await "$1"
}

kafka_stop() {
    process_stop "$1" kafka 60
}
