# shellcheck shell=bash
# packages.sh - the Debian packages this needs, installed only where they are missing.

packages_build=(
    build-essential cmake libcmocka-dev libcurl4-openssl-dev libhiredis-dev libjson-c-dev
    libmicrohttpd-dev libmimalloc-dev libpq-dev librdkafka-dev libsqlite3-dev libssl-dev
    ninja-build pkg-config
)
# redis-tools holds the server's binary too; redis-server would start a service.
packages_stack=(
    build-essential ca-certificates curl jq kcat openjdk-17-jre-headless python3
    redis-tools util-linux
)
packages_test=(
    ccache clang clang-format clang-tidy codespell libclang-rt-14-dev pmccabe
    python3-jsonschema shellcheck systemd
)

packages_missing() {
    local name
    for name in "$@"; do
        case $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) in
        installed) ;;
        *) printf '%s\n' "$name" ;;
        esac
    done
}

# What may be there without its Debian package: a user's own Maven or npm is as good, and any
# version of the Postgres server.
packages_programs() {
    command -v mvn >/dev/null || printf 'maven\n'
    command -v npm >/dev/null || printf 'npm\n'
    postgres_bin >/dev/null || printf 'postgresql\n'
}

as_root() {
    if [ "$EUID" -eq 0 ]; then
        "$@"
    else
        sudo -- "$@"
    fi
}

packages_apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=600 "$@"
}

# Debian's server would otherwise create and start a cluster of its own.
packages_no_cluster() {
    local conf=/etc/postgresql-common/createcluster.conf
    packages_apt install --no-install-recommends postgresql-common || return 1
    if ! grep -q '^ *create_main_cluster' "$conf" 2>/dev/null; then
        printf 'create_main_cluster = false\n' | as_root tee -a "$conf" >/dev/null
    fi
}

packages_apply() {
    packages_apt update || return 1
    if ! postgres_bin >/dev/null; then
        packages_no_cluster || return 1
    fi
    packages_apt install --no-install-recommends "$@"
}

# packages_install <log> <package...>
packages_install() {
    local log=$1 missing lock
    shift
    mapfile -t missing < <(packages_missing "$@" && packages_programs)
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$EUID" -ne 0 ] && ! sudo -v; then
        say "needs root or sudo for: apt-get install ${missing[*]}" >&2
        return 1
    fi
    mkdir -p "$(cache_dir)" && exec {lock}>"$(cache_dir)/packages.lock" || return 1
    flock "$lock"
    step "Debian packages: ${missing[*]}" "$log" \
        "check the network and 'apt-get update', then start again" \
        packages_apply "${missing[@]}"
    local status=$?
    exec {lock}>&-
    return $status
}
