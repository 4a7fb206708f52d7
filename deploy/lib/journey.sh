# shellcheck shell=bash
# journey.sh - plays what people do and looks at what comes of it, in Directus and in the
# providers' simulators themselves: never in a log of ours.

journey_step=0
# What is being played: the sender's code, the parties, the papers and their numbers.
journey_company="" journey_firm="" journey_person="" journey_email="" journey_lead=""
journey_quote="" journey_number="" journey_submission=""

# journey_seen <text> <seconds> <condition...>: one step of the journey, printed with its
# time as soon as the condition holds.
journey_seen() {
    local text=$1 from limit
    from=$(now_ms)
    limit=$((from + $2 * 1000))
    shift 2
    journey_step=$((journey_step + 1))
    until "$@"; do
        if [ "$(now_ms)" -gt "$limit" ]; then
            printf '%3d  %-62s not seen (%s)\n' $journey_step "$text" "$(since "$from")"
            return 1
        fi
        sleep 0.05
    done
    printf '%3d  %-62s %8s\n' $journey_step "$text" "$(since "$from")"
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

# ---- what people do

journey_set() {
    directus_call "$1" PATCH "/items/$2/$3?fields=id" -d "$4" >/dev/null
}

# journey_parties <run> <company> <firm> <e-mail>: sets journey_company, journey_firm,
# journey_person and journey_email, for all that follows.
journey_parties() {
    local run=$1
    journey_company=$2 journey_email=$4
    journey_firm=$(journey_create "$run" companies "{\"name\": \"$3\",
        \"address\": \"Rue du Marché 3\", \"postal_code\": \"1003\", \"city\": \"Lausanne\",
        \"country\": \"CH\"}") || return 1
    journey_person=$(journey_create "$run" people "{\"first_name\": \"Zoé\",
        \"last_name\": \"Rochat\", \"email\": \"$journey_email\", \"language\": \"fr\",
        \"company_id\": \"$journey_firm\", \"owner_company\": \"$journey_company\"}")
}

# journey_quote <run> <number>: 10000.00 and 8.1 % VAT. Sets journey_quote.
journey_quote() {
    local run=$1 owner
    owner=$(jq -r --arg code "$journey_company" '.[] | select(.code == $code).id' \
        "$directus_schema_dir/owner_companies.json")
    journey_number=$2
    journey_quote=$(journey_create "$run" quotes "{\"quote_number\": \"$2\",
        \"title\": \"Site web\", \"contact_id\": \"$journey_person\",
        \"company_id\": \"$journey_firm\", \"owner_company_id\": \"$owner\",
        \"subtotal\": \"10000.00\", \"tax_rate\": \"8.10\", \"tax_amount\": \"810.00\",
        \"total\": \"10810.00\", \"valid_until\": \"$(date -d '+60 days' +%F)\"}")
}

journey_lead() {
    journey_lead=$(journey_create "$1" leads "{\"first_name\": \"Zoé\",
        \"last_name\": \"Rochat\", \"email\": \"$journey_email\", \"score\": 60,
        \"contact_id\": \"$journey_person\", \"owner_company\": \"$journey_company\"}")
}

# journey_control <run> <simulator> <control> <json>
journey_control() {
    curl -fs -m 10 -X POST -H 'Content-Type: application/json' -d "$4" \
        "$(stack_get "$1" "$(simulator_url_name "relais-sim-$2")")/_sim/$3" >/dev/null
}

journey_sign() {
    journey_control "$1" docuseal sign "{\"submission\": $journey_submission}"
}

journey_decline() {
    journey_control "$1" docuseal decline \
        "{\"submission\": $journey_submission, \"reason\": \"Trop cher\"}"
}

# journey_pay <run> <amount>
journey_pay() {
    journey_control "$1" invoice-ninja pay "{\"company\": \"$journey_company\",
        \"invoice\": \"$journey_number-A\", \"amount\": \"$2\"}"
}

journey_forward() {
    relais_cli "$1" clock forward "$2" >/dev/null
}

# ---- what is looked at

# journey_state <run> <simulator> <jq condition on its state>
journey_state() {
    curl -fs -m 10 "$(stack_get "$1" "$(simulator_url_name "relais-sim-$2")")/_sim/state" |
        jq -e --arg quote "quote:$journey_quote" --arg email "$journey_email" \
            --arg company "$journey_company" --arg number "$journey_number-A" "$3"
}

# The simulator's submission of the quote, or nothing.
journey_submission() {
    journey_state "$1" docuseal 'first(.submissions[]
        | select(any(.submitters[]?; (.external_id // "") | startswith($quote))))'
}

journey_submitted() {
    journey_submission=$(journey_submission "$1" | jq -e .id)
}

# The contact in Mautic: journey_mautic <run> <jq condition on it>. Segments are 1 leads,
# 3 clients, 4 pending quotes, 5 overdue payments; campaigns 1 quote sent, 2 follow-up,
# 3 payment reminder, 4 welcome, 5 nurturing.
journey_mautic() {
    journey_state "$1" mautic "first(.contacts[] | select(.email == \$email))
        | def entered(\$n): [.entries[] | select(.campaign == \$n)] | length;
          def belongs(\$n): any(.segments[]; . == \$n);
          $2" >/dev/null
}

# The deposit in the company's books, and in no other's: journey_ninja <run> <condition>
journey_ninja() {
    journey_state "$1" invoice-ninja "[.companies | to_entries[] | .key as \$books
        | .value.invoices[] | select(.number == \$number) | {books: \$books} + .]
        | length == 1 and (.[0] | .books == \$company and ($2))" >/dev/null
}

journey_mailed() {
    journey_state "$1" invoice-ninja \
        '[.companies[$company].invoices[] | select(.number == $number).id] as $ids
        | [.mails[] | select(.company == $company and .entity_id == $ids[0])]
        | length == 1' >/dev/null
}

# The file that a field names is in Directus and is what it says.
journey_file() {
    local id
    id=$(journey_row "$1" quotes "$journey_quote" "$2" | jq -er ".$2") &&
        directus_call "$1" GET "/assets/$id" | head -c 5 | grep -q '^%PDF-'
}

journey_filed() {
    journey_file "$1" signed_document_file && journey_file "$1" audit_log_file
}

# journey_rows <run> <collection> <field> <value> <jq condition on the rows>
journey_rows() {
    directus_call "$1" GET "/items/$2?filter[$3][_eq]=$4" -g |
        jq -e ".data | $5" >/dev/null
}

journey_logged() {
    journey_rows "$1" signature_logs quote_id "$journey_quote" \
        'length == 1 and .[0].status == "completed"'
}

# journey_bill <run> <jq condition on the deposit invoice in Directus>
journey_bill() {
    journey_rows "$1" client_invoices quote_id "$journey_quote" "length == 1 and (.[0] | $2)"
}

journey_paid() {
    journey_rows "$1" payments 'invoice_id][quote_id' "$journey_quote" "$2"
}

journey_quote_is() {
    journey_is "$1" quotes "$journey_quote" "$2" "$3"
}

# ---- the plays

# A lead, a quote that needs a reminder, a deposit paid late and in two parts.
journey_play_first() {
    local run=$1
    journey_seen "HYPERVISUAL: a person enters a firm and its contact" 20 \
        journey_parties "$run" HYPERVISUAL "Atelier Exemple SA" zoe.rochat@example.com &&
        journey_seen "... and a lead of score 60" 20 journey_lead "$run" &&
        journey_seen "Mautic has the contact, in leads and in the nurturing campaign" 60 \
            journey_mautic "$run" 'belongs(1) and entered(5) == 1' &&
        journey_seen "a quote of 10810.00 CHF is entered" 20 journey_quote "$run" D-2026-001 &&
        journey_seen "... and set to sent" 20 \
            journey_set "$run" quotes "$journey_quote" '{"status": "sent"}' &&
        journey_seen "DocuSeal has a submission for the quote" 60 journey_submitted "$run" &&
        journey_seen "Directus knows it: signature pending, submission id stored" 60 \
            journey_quote_is "$run" signature_status,docuseal_submission_id \
            ".signature_status == \"pending\" and
             .docuseal_submission_id == \"$journey_submission\"" &&
        journey_seen "Mautic: pending quotes, campaign quote sent" 60 \
            journey_mautic "$run" 'belongs(4) and entered(1) == 1' &&
        journey_seen "the clock moves on by three days" 20 journey_forward "$run" 3d &&
        journey_seen "nothing moved: one follow-up is sent and counted" 60 \
            journey_followed_up "$run" &&
        journey_seen "the client signs at DocuSeal" 20 journey_sign "$run" &&
        journey_seen "the signed document and the audit log are kept, as PDF" 60 \
            journey_filed "$run" &&
        journey_seen "the signature is logged, once" 60 journey_logged "$run" &&
        journey_seen "a deposit of 3243.00 is in HYPERVISUAL's books, in no other's" 60 \
            journey_ninja "$run" '.amount == 3243' &&
        journey_seen "... and mails it, once" 60 journey_mailed "$run" &&
        journey_seen "Directus: the invoice is there, the quote awaits its deposit" 60 \
            journey_awaits "$run" &&
        journey_seen "the client pays 1000.00" 20 journey_pay "$run" 1000.00 &&
        journey_seen "Directus: paid in part, 2243.00 are left" 60 \
            journey_bill "$run" '.status == "partial" and .balance == "2243.00"' &&
        journey_seen "the clock moves on by eleven days: the deposit is overdue" 20 \
            journey_forward "$run" 11d &&
        journey_seen "the first reminder goes out, Mautic: overdue payments" 60 \
            journey_reminded "$run" &&
        journey_seen "the client pays the rest" 20 journey_pay "$run" 2243.00 &&
        journey_seen "Directus: two payments, the invoice is paid" 60 \
            journey_paid "$run" '[.[].amount] | sort == ["1000.00", "2243.00"]' &&
        journey_finish "$run" &&
        journey_seen "the lead is converted" 60 \
            journey_is "$run" leads "$journey_lead" status '.status == "converted"' &&
        journey_seen "Mautic: no longer pending, overdue or a lead" 60 \
            journey_mautic "$run" '.segments == [3]'
}

journey_followed_up() {
    journey_quote_is "$1" followup_count '.followup_count == 1' &&
        journey_mautic "$1" 'entered(2) == 1'
}

journey_awaits() {
    journey_bill "$1" '.status == "sent" and .amount == "3243.00" and .is_deposit' &&
        journey_quote_is "$1" status,is_signed '.status == "awaiting_deposit" and .is_signed'
}

journey_reminded() {
    journey_bill "$1" '.last_reminder_level == "first"' &&
        journey_mautic "$1" 'belongs(5) and entered(3) == 1'
}

journey_finish() {
    journey_seen "the quote is completed" 60 journey_quote_is "$1" status,deposit_paid \
        '.status == "completed" and .deposit_paid' &&
        journey_seen "the firm is a client, and the contact is welcomed, once" 60 \
            journey_is_client "$1"
}

journey_is_client() {
    journey_is "$1" companies "$journey_firm" is_client .is_client &&
        journey_mautic "$1" 'belongs(3) and entered(4) == 1'
}

# A quote that is declined, and the new one that is signed and paid at once.
journey_play_second() {
    local run=$1
    journey_seen "LEXAIA: another firm, its contact, a quote" 20 \
        journey_parties "$run" LEXAIA "Fiduciaire Modèle Sàrl" luc.modele@example.com &&
        journey_quote "$run" L-2026-001 &&
        journey_seen "... is set to sent" 20 \
            journey_set "$run" quotes "$journey_quote" '{"status": "sent"}' &&
        journey_seen "DocuSeal has its submission" 60 journey_submitted "$run" &&
        journey_seen "the client declines" 20 journey_decline "$run" &&
        journey_seen "the quote is rejected, with the reason" 60 \
            journey_quote_is "$run" status,decline_reason \
            '.status == "rejected" and .decline_reason == "Trop cher"' &&
        journey_seen "Mautic: no longer pending" 60 journey_mautic "$run" 'belongs(4) | not' &&
        journey_seen "a new quote is entered" 20 journey_quote "$run" L-2026-002 &&
        journey_seen "... and set to sent" 20 \
            journey_set "$run" quotes "$journey_quote" '{"status": "sent"}' &&
        journey_seen "DocuSeal has its submission" 60 journey_submitted "$run" &&
        journey_seen "the client signs" 20 journey_sign "$run" &&
        journey_seen "the deposit is in LEXAIA's books, and mailed once" 60 \
            journey_mailed "$run" &&
        journey_seen "Directus: the quote awaits its deposit" 60 journey_awaits "$run" &&
        journey_seen "the client pays it" 20 journey_pay "$run" 3243.00 &&
        journey_finish "$run"
}

# journey_play <run>: two companies, from the first lead to the last franc.
journey_play() {
    journey_play_first "$1" && journey_play_second "$1"
}

# What there is to read when a step was not seen.
journey_failed() {
    local run=$1
    say "the journey stopped. What Directus and DocuSeal's simulator say:"
    journey_row "$run" quotes "$journey_quote" \
        status,signature_status,docuseal_submission_id,deposit_invoice_id,followup_count
    journey_submission "$run" || say "no submission"
    relais_cli "$run" journey "quote:$journey_quote"
    relais_cli "$run" status
    say "logs: $run/log"
} >&2
