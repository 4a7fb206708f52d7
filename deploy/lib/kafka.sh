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

# kafka_run <class> <arguments...>: one of Kafka's own tools.
kafka_run() {
    "$(kafka_java)" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$(kafka_home)/libs/*" "$@"
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

# STACK_KAFKA_JAVA: more words for its Java.
kafka_start() {
    local run=$1 brokers first='' words
    brokers=$(stack_get "$run" KAFKA_BROKERS) || return 1
    read -ra words < <(stack_get "$run" STACK_KAFKA_JAVA) || words=()
    if [ ! -d "$run/kafka/data" ]; then
        first=yes
        kafka_format "$run" || return 1
    fi
    process_start "$run" kafka "$(kafka_java)" -Xmx512m -XX:+ExitOnOutOfMemoryError \
        "${words[@]}" -cp "$(kafka_home)/libs/*" kafka.Kafka "$run/kafka/server.properties" || return 1
    if [ -n "$first" ]; then
        kafka_probe_topic "$brokers" || return 1
    fi
    until_true 120 "$run" kafka kafka_answers "$brokers"
}

kafka_stop() {
    process_stop "$1" kafka 60
}
