# shellcheck shell=bash
# stack.sh - what Relais needs beside itself: Kafka, Postgres, Redis and Directus, installed,
# fetched and started in a run folder, all on free loopback ports.
#
#   stack_prepare <log_dir>   packages and downloads, cached; FRESH=1 fetches again
#   stack_up <run_dir>        prepares and starts; <run_dir>/stack.env says where all is
#                             (stack_new, stack_prepare, stack_start are its three parts)
#   stack_down <run_dir>      nothing runs any more; the folder stays, its data too
#   stack_remove <run_dir>    the folder goes
#   stack_part <run_dir> start|stop|kill kafka|postgres|redis|directus

deploy_dir=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
export LC_ALL=C.UTF-8
. "$deploy_dir/lib/say.sh"
. "$deploy_dir/lib/secret.sh"
. "$deploy_dir/lib/cache.sh"
. "$deploy_dir/lib/packages.sh"
. "$deploy_dir/lib/ports.sh"
. "$deploy_dir/lib/process.sh"
. "$deploy_dir/lib/fetch_kafka.sh"
. "$deploy_dir/lib/fetch_directus.sh"
. "$deploy_dir/lib/postgres.sh"
. "$deploy_dir/lib/postgres_reader.sh"
. "$deploy_dir/lib/redis.sh"
. "$deploy_dir/lib/kafka.sh"
. "$deploy_dir/lib/directus.sh"
. "$deploy_dir/lib/directus_database.sh"

# stack_set <run> <name> <value>: the values need no quotes in a shell.
stack_set() {
    printf '%s=%s\n' "$2" "$3" >>"$1/stack.env"
}

stack_get() {
    sed -n "s/^$2=//p" "$1/stack.env" | tail -n 1 | grep .
}

# stack_together <argument> <function>...
# Runs the functions side by side, each with the argument; fails if one of them does. Each is
# a process group of its own, so that stack_interrupt ends it with its children.
stack_branches=()
stack_together() {
    local argument=$1 function branch status=0
    shift
    stack_branches=()
    for function in "$@"; do
        set -m
        "$function" "$argument" </dev/null &
        stack_branches+=($!)
        set +m
    done
    for branch in "${stack_branches[@]}"; do
        wait "$branch" || status=1
    done
    stack_branches=()
    return $status
}

# Ends the branches: first the way they clean up after themselves, which takes some of them
# a while, then what is left of them (npm goes on after TERM), then what they had half made.
stack_interrupt() {
    local branch until=$((SECONDS + 20))
    for branch in "${stack_branches[@]}"; do
        kill -TERM -- "-$branch" 2>/dev/null
    done
    wait
    for branch in "${stack_branches[@]}"; do
        while kill -0 -- "-$branch" 2>/dev/null && [ $SECONDS -lt $until ]; do
            sleep 0.1
        done
        kill -KILL -- "-$branch" 2>/dev/null
    done
    stack_branches=()
    cache_sweep
}

stack_fetch_kafka() {
    fetch_kafka "$1/fetch-kafka.log"
}

stack_prepare_directus() {
    fetch_directus "$1/fetch-directus.log"
}

stack_fetch_directus() {
    stack_prepare_directus "$1" && make_database "$1/database.log"
}

stack_prepare() {
    mkdir -p "$1" && packages_install "$1/packages.log" "${packages_stack[@]}" &&
        stack_together "$1" stack_fetch_kafka stack_fetch_directus
}

stack_cure="free memory or disk if the log says so, then start again"

stack_start_kafka() {
    step "Kafka" "$1/log/kafka.log" "$stack_cure" kafka_start "$1"
}

stack_start_redis() {
    step "Redis" "$1/log/redis.log" "$stack_cure" redis_start "$1"
}

stack_start_directus() {
    step "Postgres" "$1/log/start-postgres.log" "$stack_cure" stack_start_postgres "$1" &&
        step "Directus" "$1/log/directus.log" "$stack_cure" directus_first_start "$1"
}

stack_start_postgres() {
    directus_database "$1" && postgres_start "$1"
}

# stack_new <run_dir>: makes the folder; one that was used holds secrets of another start.
# Postgres's own user must pass through it (postgres_place), nobody must look into its parts.
stack_new() {
    (umask 077 && mkdir -p "$1"/{log,pid,kafka,redis,directus,spool}) || return 1
    if [ -e "$1/stack.env" ]; then
        say "$1 has been used: take a new folder, or remove this one" >&2
        return 1
    fi
    (umask 077 && : >"$1/stack.env")
}

# stack_start <run_dir>: everything that stack_prepare has fetched, in a folder of stack_new.
stack_start() {
    kafka_configure "$1" && redis_configure "$1" && postgres_configure "$1" &&
        directus_configure "$1" || return 1
    stack_together "$1" stack_start_kafka stack_start_directus stack_start_redis
}

stack_up() {
    local run
    run=$(realpath -m "$1")
    stack_new "$run" && stack_prepare "$run/log" && stack_start "$run"
}

stack_down() {
    local part
    for part in directus redis kafka postgres; do
        "${part}_stop" "$1"
    done
}

stack_remove() {
    postgres_remove "$1"
    ports_release "$(realpath "$1")"
    rm -rf "$1"
}

# stack_part <run_dir> <start|stop|kill> <part>: kill is -9, and waits until it is gone.
stack_part() {
    local run=$1 act=$2 part=$3
    case $act in
    start | stop) "${part}_$act" "$run" ;;
    kill) process_signal "$run" "$part" KILL && process_gone "$run" "$part" 10 ;;
    esac
}
