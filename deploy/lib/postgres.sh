# shellcheck shell=bash
# postgres.sh - a server of our own with the databases of Directus and of Relais. It refuses
# to run as root, so root hands it to the user postgres, whom Debian's package makes.

# Prints the folder of the newest installed server.
postgres_bin() {
    local found
    found=$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)
    [ -x "$found" ] && printf '%s' "${found%/postgres}"
}

as_postgres() {
    if [ "$EUID" -eq 0 ]; then
        (cd / && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

# Prints where the data of a run is, making the place if need be: in the run folder, unless
# the user postgres cannot get there (as below /root), then under /tmp.
postgres_place() {
    local run=$1 place=$1/postgres
    if [ ! -e "$place" ]; then
        mkdir "$place" || return 1
        if [ "$EUID" -eq 0 ]; then
            chmod 711 "$run" && chown postgres: "$place" || return 1
            if ! as_postgres test -w "$place"; then
                rmdir "$place" && ln -s "$(mktemp -d /tmp/relais-postgres.XXXXXX)" \
                    "$place" && chown postgres: "$place/" || return 1
            fi
        fi
    fi
    realpath "$place"
}

postgres_data() {
    printf '%s/data' "$(realpath "$1/postgres")"
}

# postgres_create <run>: an empty cluster. Nobody can log in before postgres_passwords.
postgres_create() {
    local place
    place=$(postgres_place "$1") || return 1
    as_postgres "$(postgres_bin)/initdb" -D "$place/data" -U postgres \
        --encoding=UTF8 --locale=C.UTF-8 --auth-local=peer --auth-host=ident || return 1
    printf 'host all all 127.0.0.1/32 scram-sha-256\n' |
        as_postgres tee "$place/data/pg_hba.conf" >/dev/null || return 1
    postgres_offline "$1" postgres <<'SQL'
CREATE ROLE directus LOGIN;
CREATE ROLE relais LOGIN CREATEDB;
CREATE DATABASE directus OWNER directus;
CREATE DATABASE relais OWNER relais;
SQL
}

# postgres_offline <run> <database>: runs the statements on standard input, one a line, on a
# stopped server. This needs no password, and the single-user server tells no failure by its
# exit status.
postgres_offline() {
    local said
    said=$(as_postgres "$(postgres_bin)/postgres" --single -D "$(postgres_data "$1")" \
        "$2" 2>&1) && ! grep -E 'ERROR|FATAL|PANIC' <<<"$said"
}

postgres_configure() {
    local run=$1 port name password
    port=$(ports_take "$run") || return 1
    stack_set "$run" STACK_POSTGRES_PORT "$port"
    for name in postgres directus relais; do
        password=$(secret_new)
        stack_set "$run" "STACK_POSTGRES_PASSWORD_${name^^}" "$password"
    done
    stack_set "$run" DATABASE_URL "$(postgres_url "$run" relais relais)"
    stack_set "$run" CAPTURE_DATABASE_URL "$(postgres_url "$run" directus directus)"
    stack_set "$run" STACK_POSTGRES_URL "$(postgres_url "$run" postgres postgres)"
}

# postgres_url <run> <user> <database>
postgres_url() {
    printf 'postgresql://%s:%s@127.0.0.1:%s/%s' "$2" \
        "$(stack_get "$1" "STACK_POSTGRES_PASSWORD_${2^^}")" \
        "$(stack_get "$1" STACK_POSTGRES_PORT)" "$3"
}

postgres_passwords() {
    local run=$1 name
    for name in postgres directus relais; do
        printf "ALTER ROLE %s PASSWORD '%s';\n" "$name" \
            "$(stack_get "$run" "STACK_POSTGRES_PASSWORD_${name^^}")"
    done | postgres_offline "$run" postgres
}

postgres_ctl() {
    local run=$1
    shift
    as_postgres "$(postgres_bin)/pg_ctl" -D "$(postgres_data "$run")" -w -t 60 "$@"
}

postgres_start() {
    local run=$1 data log options tries
    data=$(postgres_data "$run") log=${data%/data}/postgres.log
    options="-c listen_addresses=127.0.0.1 -p $(stack_get "$run" STACK_POSTGRES_PORT)"
    options+=" -c unix_socket_directories= -c max_connections=200"
    mkdir -p "$run/pid" "$run/log" && ln -sfn "$log" "$run/log/postgres.log" || return 1
    # After a kill -9 the server's children hold on to its memory for a moment.
    for ((tries = 0; tries < 20; tries++)); do
        if postgres_ctl "$run" -l "$log" -o "$options" start; then
            process_note "$run" postgres "$(head -n 1 "$data/postmaster.pid")"
            return
        fi
        sleep 0.5
    done
    tail -n 10 "$log"
    return 1
}

postgres_stop() {
    if process_pid "$1" postgres >/dev/null; then
        postgres_ctl "$1" -m fast stop >/dev/null
    fi
    rm -f "$1/pid/postgres"
}

# What lies outside the run folder, if anything does.
postgres_remove() {
    if [ -L "$1/postgres" ]; then
        rm -rf "$(realpath "$1/postgres")"
    fi
}

# A cluster as one file, so that whoever takes it over owns its files.
postgres_save() {
    tar -C "$(postgres_data "$1")" -czf "$2" .
}

postgres_restore() {
    local place
    place=$(postgres_place "$1") || return 1
    as_postgres mkdir -m 700 "$place/data" &&
        as_postgres tar -C "$place/data" -xzf - <"$2"
}
