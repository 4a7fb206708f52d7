#!/usr/bin/env bash
# postgres.sh - a private Postgres for one test program, on a socket in a folder of its own:
# no port is taken.
#   postgres.sh start <pid>   makes and starts one, prints its folder; it goes away by itself
#                             when the process <pid> has ended
#   postgres.sh crash <dir>   ends it without a farewell, as kill -9 of the server does
#   postgres.sh again <dir>   starts it again
#   postgres.sh stop <dir>    ends it and removes its folder
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/lib/postgres.sh
. "$here/../../deploy/lib/postgres.sh"

server() {
    local dir=$1
    shift
    as_postgres "$(postgres_bin)/pg_ctl" -D "$dir/data" -s -w -t 60 "$@"
}

start() {
    local dir=$1
    server "$dir" -l "$dir/data/server.log" \
        -o "-c listen_addresses= -c unix_socket_directories=$dir -c fsync=off" start
}

create() {
    local dir
    dir=$(mktemp -d /tmp/relais-test-postgres.XXXXXX)
    chmod 711 "$dir"
    [ "$EUID" -ne 0 ] || chown postgres: "$dir"
    as_postgres "$(postgres_bin)/initdb" -D "$dir/data" -U postgres -A trust \
        --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    start "$dir"
    # shellcheck disable=SC2016 # for the inner shell
    (setsid bash -c 'tail --pid="$2" -f /dev/null; "$0" stop "$1"' \
        "$here/postgres.sh" "$dir" "$1" </dev/null >/dev/null 2>&1 &)
    printf '%s\n' "$dir"
}

case $1 in
start) create "$2" ;;
crash) server "$2" -m immediate stop ;;
again) start "$2" ;;
stop)
    [ -d "$2" ] || exit 0
    server "$2" -m immediate stop 2>/dev/null || true
    # A server that is just ending may still write.
    for _ in {1..50}; do
        rm -rf "$2" 2>/dev/null && break
        read -r -t 0.1 <> <(:) || true
    done
    ;;
*) exit 64 ;;
esac
