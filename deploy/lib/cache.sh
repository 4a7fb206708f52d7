# shellcheck shell=bash
# cache.sh - things that take minutes to make are made once, per content, for all copies
# of the project on this machine.

cache_dir() {
    printf '%s/relais' "${XDG_CACHE_HOME:-${HOME:?}/.cache}"
}

# Prints a short name for the content of the files (or of standard input without any).
cache_key() {
    cat -- "$@" | sha256sum | cut -c1-16
}

# cache_fill <path> <maker...>
# Makes <path> in the cache unless it is there: the maker fills a new empty folder given as
# its last argument. The folder appears under its name complete or not at all, and two
# copies that want it at once make it once. FRESH=1 makes it again.
cache_fill() {
    local path=$1 lock work
    shift
    mkdir -p "$(cache_dir)" || return 1
    exec {lock}>"$path.lock" || return 1
    flock "$lock" || return 1
    if [ -d "$path" ] && [ "${FRESH:-0}" != 1 ]; then
        touch "$path"
        exec {lock}>&-
        return 0
    fi
    rm -rf "$path".part.*
    work=$(mktemp -d "$path.part.XXXXXX") || return 1
    if "$@" "$work" {lock}>&- && cache_swap "$work" "$path"; then
        exec {lock}>&-
        return 0
    fi
    rm -rf "$work"
    exec {lock}>&-
    return 1
}

# Puts the new folder in the place of the old one, which a running copy may still be using.
cache_swap() {
    if [ -d "$2" ]; then
        mv -T "$2" "$1.old" || return 1
    fi
    chmod 755 "$1" && mv -T "$1" "$2" && rm -rf "$1.old"
}

# Removes what interrupted makers have left; who has the lock is still at work.
cache_sweep() {
    local part path lock
    for part in "$(cache_dir)"/*.part.*; do
        [ -d "$part" ] || continue
        path=${part%.part.*}
        exec {lock}>"$path.lock" || return 1
        flock -n "$lock" && rm -rf "$part"
        exec {lock}>&-
    done
}
