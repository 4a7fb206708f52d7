# shellcheck shell=bash
# journey.sh - plays what people do and looks at what comes of it, in Directus and in the
# provider's simulator themselves: never in a log of ours.

journey_number=0

# journey_seen <text> <seconds> <condition...>: one step of the journey, printed with its
# time as soon as the condition holds.
journey_seen() {
    local text=$1 from limit
    from=$(now_ms)
    limit=$((from + $2 * 1000))
    shift 2
    journey_number=$((journey_number + 1))
    until "$@"; do
        if [ "$(now_ms)" -gt "$limit" ]; then
            printf '%3d  %-62s not seen (%s)\n' $journey_number "$text" "$(since "$from")"
            return 1
        fi
        sleep 0.05
    done
    printf '%3d  %-62s %8s\n' $journey_number "$text" "$(since "$from")"
}

# journey_create <run> <collection> <json>: prints the new row's id.
journey_create() {
    directus_call "$1" POST "/items/$2?fields=id" -d "$3" | jq -r .data.id
}

# journey_row <run> <collection> <id> <fields>: prints the row.
journey_row() {
    directus_call "$1" GET "/items/$2/$3?fields=$4" | jq -c .data
}

# journey_is <run> <collection> <id> <fields> <jq condition>
journey_is() {
    journey_row "$1" "$2" "$3" "$4" | jq -e "$5" >/dev/null
}

# The parties and the quote, as a person enters them. Sets journey_quote.
journey_quote() {
    local run=$1 company person owner
    owner=$(jq -r '.[0].id' "$directus_schema_dir/owner_companies.json")
    company=$(journey_create "$run" companies '{"name": "Atelier Exemple SA",
        "city": "Lausanne", "country": "CH"}') || return 1
    person=$(journey_create "$run" people "{\"first_name\": \"Zoé\", \"last_name\": \"Rochat\",
        \"email\": \"zoe.rochat@example.com\", \"language\": \"fr\",
        \"company_id\": \"$company\", \"owner_company\": \"HYPERVISUAL\"}") || return 1
    journey_quote=$(journey_create "$run" quotes "{\"quote_number\": \"D-2026-001\",
        \"title\": \"Site web\", \"contact_id\": \"$person\", \"company_id\": \"$company\",
        \"owner_company_id\": \"$owner\", \"subtotal\": \"10000.00\", \"tax_rate\": \"8.10\",
        \"tax_amount\": \"810.00\", \"total\": \"10810.00\", \"valid_until\": \"$(
        date -d '+30 days' +%F)\"}")
}

journey_set() {
    directus_call "$1" PATCH "/items/$2/$3?fields=id" -d "$4" >/dev/null
}

# The simulator's submission of the quote, or nothing.
journey_submission() {
    curl -fs -m 10 "$(stack_get "$1" SIM_DOCUSEAL_URL)/_sim/state" |
        jq -ce --arg quote "quote:$journey_quote" \
            'first(.submissions[] | select(any(.submitters[]?; (.external_id // "")
                | startswith($quote))))'
}

journey_sign() {
    curl -fs -m 10 -X POST -H 'Content-Type: application/json' \
        -d "{\"submission\": $journey_submission}" \
        "$(stack_get "$1" SIM_DOCUSEAL_URL)/_sim/sign" >/dev/null
}

journey_submitted() {
    journey_submission=$(journey_submission "$1" | jq -e .id)
}

# The file that a field names is in Directus and is what it says.
journey_file() {
    local id
    id=$(journey_row "$1" quotes "$journey_quote" "$2" | jq -er ".$2") &&
        directus_call "$1" GET "/assets/$id" | head -c 5 | grep -q '^%PDF-'
}

journey_logged() {
    directus_call "$1" GET "/items/signature_logs?filter[quote_id][_eq]=$journey_quote" -g |
        jq -e '.data | length == 1 and .[0].status == "completed"' >/dev/null
}

# journey_play <run>: the slice from a quote that is sent to the signed document.
journey_play() {
    local run=$1 quote=
    journey_seen "a person enters a company, a contact and a quote of 10810.00 CHF" 20 \
        journey_quote "$run" || return 1
    quote=$journey_quote
    journey_seen "... and sets the quote to sent" 10 \
        journey_set "$run" quotes "$quote" '{"status": "sent"}' &&
        journey_seen "DocuSeal has a submission for the quote" 30 journey_submitted "$run" &&
        journey_seen "Directus knows it: signature pending, submission id stored" 30 \
            journey_is "$run" quotes "$quote" signature_status,docuseal_submission_id \
            ".signature_status == \"pending\" and
             .docuseal_submission_id == \"$journey_submission\"" &&
        journey_seen "the client signs at DocuSeal" 10 journey_sign "$run" &&
        journey_seen "the quote is signed in Directus" 30 \
            journey_is "$run" quotes "$quote" status,is_signed,signature_status \
            '.status == "signed" and .is_signed and .signature_status == "completed"' &&
        journey_seen "the signed document is kept, as a PDF" 30 \
            journey_file "$run" signed_document_file &&
        journey_seen "the audit log is kept, as a PDF" 30 \
            journey_file "$run" audit_log_file &&
        journey_seen "the signature is logged, once" 30 journey_logged "$run"
}

# What there is to read when a step was not seen.
journey_failed() {
    local run=$1
    say "the journey stopped. What Directus and the simulator say:"
    journey_row "$run" quotes "$journey_quote" \
        status,signature_status,docuseal_submission_id,signed_document_file,audit_log_file
    journey_submission "$run" || say "no submission"
    relais_cli "$run" journey "quote:$journey_quote"
    say "logs: $run/log"
} >&2
