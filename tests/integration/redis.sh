#!/usr/bin/env bash
# redis.sh - a private Redis for one test program, on a free loopback port.
#   redis.sh start <pid>     starts one, prints its URL; it goes away by itself when the
#                            process <pid> has ended
#   redis.sh stop <url>      ends it
#   redis.sh again <url>     starts it again, empty
#   redis.sh freeze <url>    it answers nobody any more, but the connections stay
#   redis.sh thaw <url>      it goes on
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
password='pass%word'
escaped='pass%25word'

answers() {
    [ "$(redis-cli -h 127.0.0.1 -p "$1" -a "$password" --no-auth-warning ping 2>/dev/null)" = PONG ]
}

# Debian's server is redis-check-rdb under its other name. False: the port was taken.
serve() {
    local port=$1 dir=/tmp/relais-test-redis.$1 pid
    mkdir -p "$dir"
    ln -sf "$(command -v redis-check-rdb)" "$dir/redis-server"
    setsid "$dir/redis-server" --bind 127.0.0.1 --port "$port" --dir "$dir" --save '' \
        --appendonly no --requirepass "$password" </dev/null >"$dir/log" 2>&1 &
    pid=$!
    printf '%s\n' "$pid" >"$dir/pid"
    for _ in {1..100}; do
        answers "$port" && return 0
        kill -0 "$pid" 2>/dev/null || return 1
        read -r -t 0.1 <> <(:) || true
    done
    return 1
}

end() {
    local dir=/tmp/relais-test-redis.$1
    kill -CONT "$(cat "$dir/pid")" 2>/dev/null || true
    kill -KILL "$(cat "$dir/pid")" 2>/dev/null || true
}

start() {
    local port
    for _ in {1..20}; do
        port=$((20000 + RANDOM))
        [ ! -e "/tmp/relais-test-redis.$port" ] || continue
        serve "$port" || { rm -rf "/tmp/relais-test-redis.$port"; continue; }
        # shellcheck disable=SC2016 # for the inner shell
        (setsid bash -c 'tail --pid="$2" -f /dev/null; "$0" remove "$1"' \
            "$here/redis.sh" "redis://:x@127.0.0.1:$port/3" "$1" </dev/null >/dev/null 2>&1 &)
        printf 'redis://:%s@127.0.0.1:%s/3\n' "$escaped" "$port"
        return 0
    done
    return 1
}

port_of() {
    local rest=${1##*:}
    printf '%s' "${rest%%/*}"
}

case $1 in
start) start "$2" ;;
stop) end "$(port_of "$2")" ;;
again) serve "$(port_of "$2")" ;;
freeze) kill -STOP "$(cat "/tmp/relais-test-redis.$(port_of "$2")/pid")" ;;
thaw) kill -CONT "$(cat "/tmp/relais-test-redis.$(port_of "$2")/pid")" ;;
remove)
    end "$(port_of "$2")"
    rm -rf "/tmp/relais-test-redis.$(port_of "$2")"
    ;;
*) exit 64 ;;
esac
