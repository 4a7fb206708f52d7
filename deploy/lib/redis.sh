# shellcheck shell=bash
# redis.sh - a Redis of our own. It holds nothing that has to survive.

redis_configure() {
    local run=$1 port
    port=$(ports_take "$run") || return 1
    # Debian's server is redis-check-rdb under its other name, which redis-tools lacks.
    mkdir -p "$run/redis" &&
        ln -s "$(command -v redis-check-rdb)" "$run/redis/redis-server" || return 1
    cat >"$run/redis/redis.conf" <<CONF
bind 127.0.0.1
port $port
dir $run/redis
save ""
appendonly no
CONF
    stack_set "$run" REDIS_URL "redis://127.0.0.1:$port/0"
    stack_set "$run" STACK_REDIS_PORT "$port"
}

redis_answers() {
    [ "$(redis-cli -h 127.0.0.1 -p "$1" ping 2>/dev/null)" = PONG ]
}

redis_start() {
    local run=$1
    process_start "$run" redis "$run/redis/redis-server" "$run/redis/redis.conf" || return 1
    until_true 20 "$run" redis redis_answers "$(stack_get "$run" STACK_REDIS_PORT)"
}

redis_stop() {
    process_stop "$1" redis
}
