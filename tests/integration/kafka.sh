#!/usr/bin/env bash
# kafka.sh - a private Kafka broker for one test program.
#   kafka.sh start <pid>   fetches it if need be, starts one, prints its folder and address;
#                          it goes away by itself when the process <pid> has ended
#   kafka.sh stop <dir>    ends it and removes its folder
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/lib/stack.sh
. "$here/../../deploy/lib/stack.sh"

create() {
    local run
    run=$(mktemp -d /tmp/relais-test-kafka.XXXXXX)
    mkdir "$run/log"
    fetch_kafka "$run/log/fetch.log" >&2
    kafka_configure "$run"
    # Tests wait for the end of sessions.
    printf 'group.min.session.timeout.ms=1000\n' >>"$run/kafka/server.properties"
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
