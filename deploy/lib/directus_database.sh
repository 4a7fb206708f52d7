# shellcheck shell=bash
# directus_database.sh - fills a new Directus with schemas/directus, and keeps the result.

# The workers that have a user in Directus, from the table of rights.
directus_workers() {
    awk '!/^#/ && NF { print $1 }' "$directus_schema_dir/rights.txt" | sort -u
}

# directus_token_name invoice-ninja: DIRECTUS_TOKEN_INVOICE_NINJA
directus_token_name() {
    local name=${1^^}
    printf 'DIRECTUS_TOKEN_%s' "${name//-/_}"
}

directus_apply_schema() {
    local run=$1 diff=$1/directus/diff.json
    directus_call "$run" POST /schema/diff -o "$diff" \
        --data-binary "@$directus_schema_dir/snapshot.json" || { cat "$diff"; return 1; }
    # Nothing to do is answered by an empty body.
    [ -s "$diff" ] || return 0
    jq -c .data "$diff" | directus_call "$run" POST /schema/apply --data-binary @-
}

# A role, a policy with the worker's rights, and a user that can only use the API.
directus_add_worker() {
    local run=$1 worker=$2
    jq -c -n --arg worker "$worker" --rawfile rights "$directus_schema_dir/rights.txt" \
        -f "$directus_schema_dir/worker.jq" |
        directus_call "$run" POST /roles --data-binary @-
}

directus_fill() {
    local run=$1 worker
    directus_apply_schema "$run" || return 1
    for worker in $(directus_workers); do
        directus_add_worker "$run" "$worker" || return 1
    done
    directus_call "$run" POST /items/owner_companies \
        --data-binary "@$directus_schema_dir/owner_companies.json"
}

# directus_empty <run>: a new cluster and a running Directus in it, without any schema.
directus_empty() {
    postgres_configure "$1" && directus_configure "$1" && postgres_create "$1" &&
        postgres_passwords "$1" && postgres_start "$1" && directus_bootstrap "$1" &&
        directus_start "$1"
}

directus_discard() {
    directus_stop "$1"
    postgres_stop "$1"
    postgres_remove "$1"
    ports_release "$1"
    rm -rf "$1"
}

directus_make_database() {
    local into=$1 run status=1
    run=$(mktemp -d /tmp/relais-schema.XXXXXX) || return 1
    # shellcheck disable=SC2064 # this run, whatever the variable holds later
    trap "directus_discard '$run'; exit 143" TERM
    if directus_empty "$run" && directus_fill "$run" && directus_stop "$run" &&
        postgres_stop "$run"; then
        postgres_save "$run" "$into/cluster.tar.gz" && status=0
    else
        cat "$run"/log/*.log
    fi
    trap - TERM
    directus_discard "$run"
    return $status
}

# Where the filled database is kept; its name changes with all that it is made from.
directus_saved() {
    local key
    key=$(
        cd "$directus_schema_dir" || exit 1
        {
            cat snapshot.json rights.txt worker.jq owner_companies.json
            cd "$deploy_dir" && cat directus/package-lock.json lib/postgres.sh \
                lib/directus.sh lib/directus_database.sh
            "$(postgres_bin)/postgres" --version
        } | cache_key
    ) || return 1
    printf '%s/database-%s' "$(cache_dir)" "$key"
}

# make_database <log>
make_database() {
    local saved
    saved=$(directus_saved) || return 1
    if [ "${FRESH:-0}" != 1 ] && [ -d "$saved" ]; then
        return 0
    fi
    step "Directus's database: schema, rights, the companies" "$1" \
        "read the log; 'schemas/directus/build' makes the schema anew" \
        cache_fill "$saved" directus_make_database
}

# The tokens of this run, into a database that is not yet served.
directus_tokens() {
    local run=$1 worker
    {
        printf "UPDATE directus_users SET token = '%s' WHERE email = '%s';\n" \
            "$(stack_get "$run" DIRECTUS_ADMIN_TOKEN)" \
            "$(stack_get "$run" DIRECTUS_ADMIN_EMAIL)"
        for worker in $(directus_workers); do
            printf "UPDATE directus_users SET token = '%s' WHERE email = '%s';\n" \
                "$(stack_get "$run" "$(directus_token_name "$worker")")" \
                "relais-$worker@example.com"
        done
    } | postgres_offline "$run" directus
}

# directus_database <run>: a copy of the saved database, with this run's secrets.
directus_database() {
    local saved
    saved=$(directus_saved) || return 1
    postgres_restore "$1" "$saved/cluster.tar.gz" && postgres_passwords "$1" &&
        directus_tokens "$1"
}
