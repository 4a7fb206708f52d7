# shellcheck shell=bash
# ports.sh - free loopback ports, below the range the kernel hands out by itself. A port is
# reserved by a file naming the run folder it belongs to, so that two copies that start at
# once never get the same one.

ports_dir=/tmp/relais-ports

ports_listening() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# A reservation ends with its run folder, however that came to its end.
ports_reserve() {
    local file=$ports_dir/$1 holder
    if [ -f "$file" ]; then
        holder=$(cat "$file" 2>/dev/null)
        [ -d "$holder" ] && return 1
        rm -f "$file" 2>/dev/null
    fi
    (set -o noclobber && printf '%s\n' "$2" >"$file") 2>/dev/null
}

# ports_take <run_dir>: prints a free port that stays reserved while the folder exists.
ports_take() {
    local port tries
    if mkdir "$ports_dir" 2>/dev/null; then
        chmod 1777 "$ports_dir"
    fi
    for ((tries = 0; tries < 200; tries++)); do
        port=$((20000 + SRANDOM % 10000))
        ports_listening "$port" && continue
        if ports_reserve "$port" "$1"; then
            printf '%s' "$port"
            return 0
        fi
    done
    say "no free port between 20000 and 29999 (reservations are in $ports_dir)" >&2
    return 1
}

ports_release() {
    local file
    for file in "$ports_dir"/*; do
        if [ -f "$file" ] && [ "$(cat "$file" 2>/dev/null)" = "$1" ]; then
            rm -f "$file"
        fi
    done
}
