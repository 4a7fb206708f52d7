# shellcheck shell=bash
# summary.sh - what a person needs to go on after the demo has started.

# Everything the programs got, for a shell: `. demo.env`. The token is that of the command
# relais; the workers' own are beside it.
summary_env_lines() {
    local run=$1 line
    while IFS= read -r line; do
        case $line in
        STACK_*) ;;
        *) printf 'export %s=%q\n' "${line%%=*}" "${line#*=}" ;;
        esac
    done <"$run/stack.env"
    printf 'export DIRECTUS_TOKEN=%q\n' "$(program_token "$run" relais)"
    printf 'export PATH=%q:$PATH\n' "$(stack_get "$run" STACK_BIN)"
}

summary_env() {
    (umask 077 && summary_env_lines "$1" >"$1/demo.env")
}

summary_urls() {
    local run=$1 name chosen
    mapfile -t chosen < <(programs_chosen "$run")
    say "  Directus            $(stack_get "$run" DIRECTUS_URL)  ($(
        stack_get "$run" DIRECTUS_ADMIN_EMAIL), the password is in demo.env)"
    for name in $(simulators_of "${chosen[@]}"); do
        printf '  %-24s %s/_sim/state\n' "${name#relais-}" \
            "$(stack_get "$run" "$(simulator_url_name "$name")")"
    done
    say "  webhooks            $(stack_get "$run" WEBHOOK_BASE_URL)/api/integrations"
    say "  Kafka               $(stack_get "$run" KAFKA_BROKERS)"
    for name in $(programs_of "${chosen[@]}"); do
        printf '  %-19s http://127.0.0.1:%s/metrics /livez /readyz\n' "$name" \
            "$(program_port "$run" "$name")"
    done
}

summary_commands() {
    local run=$1
    say "Try, in another terminal:"
    say "  . $run/demo.env"
    say "  relais status"
    say "  relais audit"
    say "  relais clock forward 3d"
    if [ -n "${journey_quote:-}" ]; then
        say "  relais journey quote:$journey_quote"
        say "  curl -s -H \"Authorization: Bearer \$DIRECTUS_ADMIN_TOKEN\" \\"
        say "    \$DIRECTUS_URL/items/quotes/$journey_quote | jq ."
    fi
    say "  kcat -b \$KAFKA_BROKERS -C -t journey.facts -o beginning -e -f '%h %k %s\\n'"
    say "  psql \"\$DATABASE_URL\" -c 'SELECT * FROM relais.effect'"
}
