# shellcheck shell=bash
# programs.sh - Relais's programs and the DocuSeal simulator on a running stack.
#
#   programs_configure <run> <bin>       ports, secrets and settings, into stack.env
#   program_start <run> <name> [number]  one program; a number makes it one more of its kind
#   program_stop <run> <name> [number]   drained, as an operator would
#   program_ready <run> <name> [number]  whether its /readyz says so
#   program_settings <run> <name>        prints NAME=value, one a line: all the program gets
#   relais_cli <run> <words...>          runs the command relais
#
# programs_more holds further NAME=value for every program.

programs=(relais-capture relais-orchestrator relais-docuseal relais-ingest)
programs_more=()
program_simulator=relais-sim-docuseal

programs_configure() {
    local run=$1 name
    stack_set "$run" STACK_BIN "$2"
    stack_set "$run" SIM_DOCUSEAL_URL "http://127.0.0.1:$(ports_take "$run")" || return 1
    stack_set "$run" INGEST_PORT "$(ports_take "$run")" || return 1
    for name in "${programs[@]}"; do
        stack_set "$run" "$(program_port_name "$name")" "$(ports_take "$run")" || return 1
    done
    stack_set "$run" INGEST_SPOOL "$run/spool"
    stack_set "$run" INTEGRATIONS docuseal
    stack_set "$run" CAPTURE "${CAPTURE:-outbox}"
    stack_set "$run" WEBHOOK_BASE_URL "http://127.0.0.1:$(stack_get "$run" INGEST_PORT)"
    stack_set "$run" DOCUSEAL_API_URL "$(stack_get "$run" SIM_DOCUSEAL_URL)/api"
    stack_set "$run" DOCUSEAL_API_KEY "$(secret_new)"
    stack_set "$run" DOCUSEAL_WEBHOOK_SECRET "whsec_$(secret_new)"
    stack_set "$run" DOCUSEAL_TEMPLATE_QUOTE 17
    stack_set "$run" DOCUSEAL_TEMPLATE_CGV 18
    mkdir -p "$run/spool"
}

# program_port_name relais-docuseal: ADMIN_PORT_DOCUSEAL
program_port_name() {
    local name=${1#relais-}
    name=${name^^}
    printf 'ADMIN_PORT_%s' "${name//-/_}"
}

# program_setting_names <name> <CAPTURE>: which settings a program gets: none that it has no
# use for, least of all a secret. Without the outbox nobody needs Directus's own database,
# and what capture has read is in the ledger.
program_setting_names() {
    local ledger='KAFKA_BROKERS DATABASE_URL REDIS_URL DIRECTUS_URL INTEGRATIONS CAPTURE'
    local docuseal='DOCUSEAL_API_URL DOCUSEAL_API_KEY DOCUSEAL_TEMPLATE_QUOTE
        DOCUSEAL_TEMPLATE_CGV'
    local outbox=
    [ "$2" = flow ] || outbox=CAPTURE_DATABASE_URL
    case $1 in
    relais-ingest)
        printf '%s ' KAFKA_BROKERS INTEGRATIONS CAPTURE INGEST_PORT INGEST_SPOOL \
            DOCUSEAL_WEBHOOK_SECRET DIRECTUS_FLOW_SECRET
        ;;
    relais-capture)
        printf 'KAFKA_BROKERS CAPTURE DIRECTUS_URL %s' "${outbox:-DATABASE_URL}"
        ;;
    relais-docuseal) printf '%s %s WEBHOOK_BASE_URL' "$ledger" "$docuseal" ;;
    relais) printf '%s %s %s' "$ledger" "$docuseal" "$outbox" ;;
    *) printf '%s' "$ledger" ;;
    esac
}

# The token of the program's own user in Directus.
program_token() {
    case $2 in
    relais) stack_get "$1" DIRECTUS_TOKEN_CLI ;;
    *) stack_get "$1" "$(directus_token_name "${2#relais-}")" ;;
    esac
}

program_settings() {
    local run=$1 name=$2 setting
    for setting in $(program_setting_names "$name" "$(stack_get "$run" CAPTURE)"); do
        printf '%s=%s\n' "$setting" "$(stack_get "$run" "$setting")"
    done
    printf 'DIRECTUS_TOKEN=%s\n' "$(program_token "$run" "$name")"
    [ ${#programs_more[@]} -eq 0 ] || printf '%s\n' "${programs_more[@]}"
}

program_simulator_settings() {
    local run=$1 url
    url=$(stack_get "$run" SIM_DOCUSEAL_URL)
    printf 'SIM_PORT=%s\n' "${url##*:}"
    printf 'SIM_TOKEN=%s\n' "$(stack_get "$run" DOCUSEAL_API_KEY)"
    printf 'SIM_WEBHOOK_URL=%s/api/integrations/docuseal/webhook\n' \
        "$(stack_get "$run" WEBHOOK_BASE_URL)"
    printf 'SIM_WEBHOOK_SECRET=%s\n' "$(stack_get "$run" DOCUSEAL_WEBHOOK_SECRET)"
    printf 'SIM_STATE_FILE=%s\n' "$run/simulator.state"
}

# The place of the admin port: the first of a kind has it from the start, more of them take
# one each.
program_port() {
    local run=$1 name
    name=$(program_port_name "$2")${3:+_$3}
    if ! stack_get "$run" "$name"; then
        stack_set "$run" "$name" "$(ports_take "$run")" && stack_get "$run" "$name"
    fi
}

# A clean environment: the settings are all it knows.
program_start() {
    local run=$1 name=$2 number=${3:-} port settings
    if [ "$name" = "$program_simulator" ]; then
        mapfile -t settings < <(program_simulator_settings "$run")
    else
        port=$(program_port "$run" "$name" "$number") || return 1
        mapfile -t settings < <(program_settings "$run" "$name")
        settings+=("ADMIN_PORT=$port")
    fi
    process_start "$run" "$name${number:+-$number}" env -i PATH=/usr/bin:/bin \
        LANG=C.UTF-8 "${settings[@]}" "$(stack_get "$run" STACK_BIN)/$name"
}

program_stop() {
    process_stop "$1" "$2${3:+-$3}" 40
}

program_ready() {
    if [ "$2" = "$program_simulator" ]; then
        curl -fs -m 5 -o /dev/null "$(stack_get "$1" SIM_DOCUSEAL_URL)/_sim/state"
    else
        curl -fs -m 5 -o /dev/null \
            "http://127.0.0.1:$(program_port "$1" "$2" "${3:-}")/readyz"
    fi
}

# program_up <run> <name> [number]: starts it and waits until it is ready.
program_up() {
    program_start "$@" &&
        until_true 60 "$1" "$2${3:+-$3}" program_ready "$@"
}

relais_cli() {
    local run=$1 settings
    shift
    mapfile -t settings < <(program_settings "$run" relais)
    env -i PATH=/usr/bin:/bin LANG=C.UTF-8 "${settings[@]}" \
        "$(stack_get "$run" STACK_BIN)/relais" "$@"
}

programs_step() {
    local run=$1 name=$2
    step "$name" "$run/log/$name.log" "mend what the log says, then start again" \
        program_up "$run" "$name"
}

# Everything but the stack: the databases and topics, then the programs.
programs_up() {
    local run=$1 command name
    for command in migrate topics baseline; do
        step "relais $command" "$run/log/relais-$command.log" \
            "mend what the log says, then start again" relais_cli "$run" "$command" || return 1
    done
    for name in "$program_simulator" "${programs[@]}"; do
        programs_step "$run" "$name" || return 1
    done
}

# Those that bring work first, those that do it last.
programs_down() {
    local file name
    for name in "$program_simulator" relais-ingest relais-capture; do
        process_stop "$1" "$name" 40
    done
    for file in "$1"/pid/relais-*; do
        [ -f "$file" ] && process_stop "$1" "$(basename "$file")" 40
    done
}
