#!/usr/bin/env bash
# kafka.sh - a private Kafka broker for one test program.
#   kafka.sh start <pid>   fetches it if need be, starts one, prints its folder and address;
#                          it goes away by itself when the process <pid> has ended
#   kafka.sh stop <dir>    ends it and removes its folder
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/lib/stack.sh
. "$here/../../deploy/lib/stack.sh"

# A folder for one. What starts fast matters more here than what runs fast, and tests wait
# for the end of sessions.
prepare() {
    mkdir "$1/log" && fetch_kafka "$1/log/fetch.log" && kafka_configure "$1" || return 1
    stack_set "$1" STACK_KAFKA_JAVA "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    printf 'group.min.session.timeout.ms=1000\n' >>"$1/kafka/server.properties"
}

# first_data <folder>: the data of a broker that was started and stopped once. All others
# begin with a copy of it: to make it takes two more Javas.
first_data() {
    local run
    run=$(mktemp -d /tmp/relais-test-kafka.XXXXXX) && prepare "$run" &&
        kafka_start "$run" && kafka_stop "$run" && mv "$run/kafka/data" "$1/data"
    local status=$?
    ports_release "$run"
    rm -rf "$run"
    return $status
}

create() {
    local run first
    run=$(mktemp -d /tmp/relais-test-kafka.XXXXXX)
    prepare "$run" >&2
    first=$(cache_dir)/kafka-data-$(cache_key "$here/kafka.sh" "$deploy_dir/lib/kafka.sh" \
        "$deploy_dir/kafka/pom.xml")
    cache_fill "$first" first_data >&2
    cp -r "$first/data" "$run/kafka/data"
    # shellcheck disable=SC2016 # for the inner shell
    (setsid bash -c 'tail --pid="$2" -f /dev/null; "$0" stop "$1"' \
        "$here/kafka.sh" "$run" "$1" </dev/null >/dev/null 2>&1 &)
    kafka_start "$run" >&2
    printf '%s %s\n' "$run" "$(stack_get "$run" KAFKA_BROKERS)"
}

case $1 in
start) create "$2" ;;
stop)
    [ -d "$2" ] || exit 0
    stack_part "$2" kill kafka || true
    ports_release "$2"
    rm -rf "$2"
    ;;
*) exit 64 ;;
esac
