# shellcheck shell=bash
# programs.sh - Relais's programs and the providers' simulators on a running stack.
#
#   programs_configure <run> <bin>       ports, secrets and settings, into stack.env
#   program_start <run> <name> [number]  one program; a number makes it one more of its kind
#   program_stop <run> <name> [number]   drained, as an operator would
#   program_ready <run> <name> [number]  whether its /readyz says so
#   program_settings <run> <name>        prints NAME=value, one a line: all the program gets
#   relais_cli <run> <words...>          runs the command relais
#
# programs_more holds further NAME=value for every program. Which integrations run is in
# INTEGRATIONS, in stack.env; all of them can. DIRECTUS_READS=sql lets the workers read rows
# from Directus's own Postgres.

programs_integrations=(docuseal invoice-ninja mautic)
programs_companies=(HYPERVISUAL DAINAMICS LEXAIA ENKI_REALTY TAKEOUT)
programs_more=()

# programs_of <integration...>: the programs that they need, those that bring work last.
programs_of() {
    printf 'relais-%s\n' capture orchestrator "$@" ingest
}

simulators_of() {
    printf 'relais-sim-%s\n' "$@"
}

# The integrations that run here, a line each.
programs_chosen() {
    stack_get "$1" INTEGRATIONS | tr , '\n'
}

is_simulator() {
    [[ $1 == relais-sim-* ]]
}

programs_configure() {
    local run=$1 name url
    stack_set "$run" STACK_BIN "$2"
    stack_set "$run" INTEGRATIONS "$(IFS=, && printf '%s' "${programs_integrations[*]}")"
    for name in "${programs_integrations[@]}"; do
        stack_set "$run" "$(simulator_url_name "relais-sim-$name")" \
            "http://127.0.0.1:$(ports_take "$run")" || return 1
    done
    stack_set "$run" INGEST_PORT "$(ports_take "$run")" || return 1
    for name in $(programs_of "${programs_integrations[@]}"); do
        stack_set "$run" "$(program_port_name "$name")" "$(ports_take "$run")" || return 1
    done
    stack_set "$run" INGEST_SPOOL "$run/spool"
    stack_set "$run" CAPTURE "${CAPTURE:-outbox}"
    if [ "${DIRECTUS_READS:-rest}" = sql ]; then
        url=$(postgres_reader "$run") && stack_set "$run" DIRECTUS_DATABASE_URL "$url" ||
            return 1
    fi
    stack_set "$run" CLOCK_MOVABLE true
    stack_set "$run" AUTO_SIGNATURE_ON_SENT true
    stack_set "$run" WEBHOOK_BASE_URL "http://127.0.0.1:$(stack_get "$run" INGEST_PORT)"
    programs_configure_docuseal "$run"
    programs_configure_invoice_ninja "$run"
    programs_configure_mautic "$run"
    mkdir -p "$run/spool"
}

programs_configure_docuseal() {
    stack_set "$1" DOCUSEAL_API_URL "$(stack_get "$1" SIM_DOCUSEAL_URL)/api"
    stack_set "$1" DOCUSEAL_API_KEY "$(secret_new)"
    stack_set "$1" DOCUSEAL_WEBHOOK_SECRET "whsec_$(secret_new)"
    stack_set "$1" DOCUSEAL_TEMPLATE_QUOTE 17
    stack_set "$1" DOCUSEAL_TEMPLATE_CGV 18
}

# One API key a company.
programs_configure_invoice_ninja() {
    local company
    stack_set "$1" INVOICE_NINJA_URL "$(stack_get "$1" SIM_INVOICE_NINJA_URL)"
    stack_set "$1" INVOICE_NINJA_WEBHOOK_SECRET "$(secret_new)"
    for company in "${programs_companies[@]}"; do
        stack_set "$1" "$(company_key_name "$company")" "$(secret_new)"
    done
}

# The programs' own defaults, for demo.env to show.
mautic_numbers=(MAUTIC_CAMPAIGN_{QUOTE_SENT=1,QUOTE_FOLLOWUP=2,PAYMENT_REMINDER=3,WELCOME=4,LEAD_NURTURING=5}
    MAUTIC_SEGMENT_{LEADS=1,PROSPECTS=2,CLIENTS=3,PENDING_QUOTES=4,OVERDUE_PAYMENTS=5})

programs_configure_mautic() {
    local number
    for number in "${mautic_numbers[@]}"; do
        stack_set "$1" "${number%=*}" "${number#*=}"
    done
    stack_set "$1" MAUTIC_URL "$(stack_get "$1" SIM_MAUTIC_URL)"
    stack_set "$1" MAUTIC_CLIENT_ID "1_$(secret_new)"
    stack_set "$1" MAUTIC_CLIENT_SECRET "$(secret_new)"
    stack_set "$1" MAUTIC_WEBHOOK_SECRET "$(secret_new)"
}

# company_key_name ENKI_REALTY: the users' own name of it is shorter.
company_key_name() {
    local code=$1
    [ "$code" != ENKI_REALTY ] || code=ENKI
    printf 'INVOICE_NINJA_KEY_%s' "$code"
}

# simulator_url_name relais-sim-invoice-ninja: SIM_INVOICE_NINJA_URL
simulator_url_name() {
    local name=${1#relais-sim-}
    name=${name^^}
    printf 'SIM_%s_URL' "${name//-/_}"
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
    local ledger='KAFKA_BROKERS DATABASE_URL REDIS_URL DIRECTUS_URL DIRECTUS_DATABASE_URL
        INTEGRATIONS CAPTURE CLOCK_MOVABLE'
    local docuseal='DOCUSEAL_API_URL DOCUSEAL_API_KEY DOCUSEAL_TEMPLATE_QUOTE
        DOCUSEAL_TEMPLATE_CGV'
    local mautic="MAUTIC_URL MAUTIC_CLIENT_ID MAUTIC_CLIENT_SECRET ${mautic_numbers[*]%=*}"
    local ninja company outbox=
    [ "$2" = flow ] || outbox=CAPTURE_DATABASE_URL
    ninja="INVOICE_NINJA_URL $(for company in "${programs_companies[@]}"; do
        company_key_name "$company" && printf ' '
    done)"
    case $1 in
    relais-ingest)
        printf '%s ' KAFKA_BROKERS INTEGRATIONS CAPTURE INGEST_PORT INGEST_SPOOL \
            DOCUSEAL_WEBHOOK_SECRET INVOICE_NINJA_WEBHOOK_SECRET MAUTIC_WEBHOOK_SECRET \
            DIRECTUS_FLOW_SECRET
        ;;
    relais-capture)
        printf 'KAFKA_BROKERS CAPTURE DIRECTUS_URL %s' "${outbox:-DATABASE_URL}"
        ;;
    relais-docuseal) printf '%s %s WEBHOOK_BASE_URL' "$ledger" "$docuseal" ;;
    relais-invoice-ninja)
        printf '%s %s WEBHOOK_BASE_URL INVOICE_NINJA_WEBHOOK_SECRET' "$ledger" "$ninja"
        ;;
    relais-mautic) printf '%s %s' "$ledger" "$mautic" ;;
    relais-orchestrator) printf '%s AUTO_SIGNATURE_ON_SENT' "$ledger" ;;
    relais)
        printf '%s %s %s %s %s' "$ledger" "$docuseal" "$ninja" "$mautic" "$outbox"
        ;;
    *) printf '%s' "$ledger" ;;
    esac
}

# The token of the program's own user in Directus; relais-ingest has none.
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
    [ "$name" = relais-ingest ] ||
        printf 'DIRECTUS_TOKEN=%s\n' "$(program_token "$run" "$name")"
    [ ${#programs_more[@]} -eq 0 ] || printf '%s\n' "${programs_more[@]}"
}

# simulator_settings <run> <name>: what the provider's users would have set up there.
# Invoice Ninja's webhooks are registered by its worker.
simulator_settings() {
    local run=$1 name=$2 url company tokens=()
    url=$(stack_get "$run" "$(simulator_url_name "$name")")
    printf 'SIM_PORT=%s\nSIM_STATE_FILE=%s/%s.state\n' "${url##*:}" "$run" "$name"
    case $name in
    relais-sim-docuseal)
        printf 'SIM_TOKEN=%s\n' "$(stack_get "$run" DOCUSEAL_API_KEY)"
        printf 'SIM_WEBHOOK_URL=%s/api/integrations/docuseal/webhook\n' \
            "$(stack_get "$run" WEBHOOK_BASE_URL)"
        printf 'SIM_WEBHOOK_SECRET=%s\n' "$(stack_get "$run" DOCUSEAL_WEBHOOK_SECRET)"
        ;;
    relais-sim-invoice-ninja)
        for company in "${programs_companies[@]}"; do
            tokens+=("$company=$(stack_get "$run" "$(company_key_name "$company")")")
        done
        printf 'SIM_COMPANIES=%s\n' "$(IFS=, && printf '%s' "${tokens[*]}")"
        ;;
    relais-sim-mautic)
        printf 'SIM_CLIENT_ID=%s\n' "$(stack_get "$run" MAUTIC_CLIENT_ID)"
        printf 'SIM_CLIENT_SECRET=%s\n' "$(stack_get "$run" MAUTIC_CLIENT_SECRET)"
        printf 'SIM_WEBHOOK_URL=%s/api/integrations/mautic/webhook\n' \
            "$(stack_get "$run" WEBHOOK_BASE_URL)"
        printf 'SIM_WEBHOOK_SECRET=%s\n' "$(stack_get "$run" MAUTIC_WEBHOOK_SECRET)"
        ;;
    esac
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

# A clean environment: the settings, read as lines from descriptor 3, are all it knows. Given
# to `env` they would be words of a command, which every user can see.
program_clean=(env -i PATH=/usr/bin:/bin LANG=C.UTF-8 bash -c
    'while IFS= read -r setting <&3; do export "$setting"; done; exec "$@" 3<&-' program)

program_start() {
    local run=$1 name=$2 number=${3:-} port settings
    if is_simulator "$name"; then
        mapfile -t settings < <(simulator_settings "$run" "$name")
    else
        port=$(program_port "$run" "$name" "$number") || return 1
        mapfile -t settings < <(program_settings "$run" "$name")
        settings+=("ADMIN_PORT=$port")
    fi
    process_start "$run" "$name${number:+-$number}" "${program_clean[@]}" \
        "$(stack_get "$run" STACK_BIN)/$name" 3<<<"$(printf '%s\n' "${settings[@]}")"
}

program_stop() {
    process_stop "$1" "$2${3:+-$3}" 40
}

program_ready() {
    if is_simulator "$2"; then
        curl -fs -m 5 -o /dev/null \
            "$(stack_get "$1" "$(simulator_url_name "$2")")/_sim/help"
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
    local run=$1
    shift
    "${program_clean[@]}" "$(stack_get "$run" STACK_BIN)/relais" "$@" \
        3<<<"$(program_settings "$run" relais)"
}

programs_step() {
    local run=$1 name=$2
    step "$name" "$run/log/$name.log" "mend what the log says, then start again" \
        program_up "$run" "$name"
}

# Everything but the stack: the databases and topics, then the programs.
programs_up() {
    local run=$1 command name chosen
    for command in migrate topics baseline; do
        step "relais $command" "$run/log/relais-$command.log" \
            "mend what the log says, then start again" relais_cli "$run" "$command" || return 1
    done
    mapfile -t chosen < <(programs_chosen "$run")
    for name in $(simulators_of "${chosen[@]}") $(programs_of "${chosen[@]}"); do
        programs_step "$run" "$name" || return 1
    done
}

# Those that bring work first, those that do it last.
programs_down() {
    local file
    for file in "$1"/pid/relais-{sim-*,ingest,capture,*}; do
        [ -f "$file" ] && process_stop "$1" "$(basename "$file")" 40
    done
}
