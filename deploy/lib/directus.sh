# shellcheck shell=bash
# directus.sh - Directus with the schema, the rights and the first rows of schemas/directus.
# All of that is made once and kept as a saved database; a start takes a copy and gives it
# passwords and tokens of its own.

directus_schema_dir=$deploy_dir/../schemas/directus

directus_configure() {
    local run=$1 port worker
    port=$(ports_take "$run") || return 1
    stack_set "$run" STACK_DIRECTUS_PORT "$port"
    stack_set "$run" DIRECTUS_URL "http://127.0.0.1:$port"
    stack_set "$run" DIRECTUS_ADMIN_EMAIL admin@example.com
    stack_set "$run" DIRECTUS_ADMIN_PASSWORD "$(secret_new)"
    stack_set "$run" DIRECTUS_ADMIN_TOKEN "$(secret_new)"
    stack_set "$run" DIRECTUS_FLOW_SECRET "$(secret_new)"
    for worker in $(directus_workers); do
        stack_set "$run" "$(directus_token_name "$worker")" "$(secret_new)"
    done
    mkdir -p "$run/directus/uploads" && directus_settings "$run"
}

# Its settings: all it gets, whatever else the environment holds. Flows may call loopback,
# where the ingest is, and read the one secret they have to show there.
directus_settings() {
    local run=$1
    printf '{}\n' >"$run/directus/package.json" || return 1
    (umask 077 && cat >"$run/directus/.env") <<ENV
HOST=127.0.0.1
PORT=$(stack_get "$run" STACK_DIRECTUS_PORT)
PUBLIC_URL=$(stack_get "$run" DIRECTUS_URL)
KEY=$(secret_new)
SECRET=$(secret_new)
ADMIN_EMAIL=$(stack_get "$run" DIRECTUS_ADMIN_EMAIL)
ADMIN_PASSWORD=$(stack_get "$run" DIRECTUS_ADMIN_PASSWORD)
ADMIN_TOKEN=$(stack_get "$run" DIRECTUS_ADMIN_TOKEN)
DB_CLIENT=pg
DB_HOST=127.0.0.1
DB_PORT=$(stack_get "$run" STACK_POSTGRES_PORT)
DB_DATABASE=directus
DB_USER=directus
DB_PASSWORD=$(stack_get "$run" STACK_POSTGRES_PASSWORD_DIRECTUS)
STORAGE_LOCATIONS=local
STORAGE_LOCAL_ROOT=$run/directus/uploads
IMPORT_IP_DENY_LIST=169.254.169.254
FLOWS_ENV_ALLOW_LIST=INGEST_SECRET
INGEST_SECRET=$(stack_get "$run" DIRECTUS_FLOW_SECRET)
SERVE_APP=${STACK_SERVE_APP:-false}
TELEMETRY=false
PACKAGE_FILE_LOCATION=$run/directus
ENV
}

# directus_command <run> <bootstrap|start>: prints the command, a word a line.
directus_command() {
    local home node
    home=$(directus_home) node=$(directus_node "$home")
    printf '%s\n' env -i -C "$1/directus" "PATH=$node/bin:/usr/bin:/bin" "HOME=$1/directus" \
        LANG=C.UTF-8 node "$home/node_modules/directus/cli.js" "$2"
}

directus_bootstrap() {
    local command
    mapfile -t command < <(directus_command "$1" bootstrap)
    "${command[@]}"
}

directus_answers() {
    [ "$(curl -s -m 5 "$1/server/ping")" = pong ]
}

directus_start() {
    local run=$1 command
    mapfile -t command < <(directus_command "$run" start)
    process_start "$run" directus "${command[@]}" || return 1
    until_true 120 "$run" directus directus_answers "$(stack_get "$run" DIRECTUS_URL)"
}

# The administrator's password is kept as a hash, so only Directus itself can set this run's.
directus_set_password() {
    jq -n --arg password "$(stack_get "$1" DIRECTUS_ADMIN_PASSWORD)" '{$password}' |
        directus_call "$1" PATCH /users/me --data-binary @-
}

# On a busy machine it answers 503 for a moment after it has said that it is there.
directus_first_start() {
    directus_start "$1" && until_true 60 "$1" directus directus_set_password "$1"
}

directus_stop() {
    process_stop "$1" directus 30
}

# directus_call <run> <method> <path> [curl's words...]: as administrator; prints the answer,
# fails on any error status. The token is not among curl's words, which every user can see.
directus_call() {
    local run=$1 method=$2 path=$3 token
    shift 3
    token=$(stack_get "$run" DIRECTUS_ADMIN_TOKEN) || return 1
    curl -sS -m 60 --fail-with-body -X "$method" \
        -H @<(printf 'Authorization: Bearer %s\n' "$token") \
        -H 'Content-Type: application/json' "$@" "$(stack_get "$run" DIRECTUS_URL)$path"
}
