# shellcheck shell=bash
# build.sh - compiles Relais, outside the source tree.

source_dir=$(realpath "$deploy_dir/..")

# build_place <variant>: a build tree of these sources, kept for the next time.
build_place() {
    local key
    key=$(printf '%s' "$source_dir" | cache_key)
    printf '%s/build-%s-%s' "$(cache_dir)" "$key" "$1"
}

# build_tree <build_dir> [cmake's words...]: configures and compiles, all or build_targets.
build_targets=(all)
build_tree() {
    local build=$1 launcher=()
    shift
    if command -v ccache >/dev/null; then
        launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    fi
    mkdir -p "$build" || return 1
    cmake -S "$source_dir" -B "$build" -G Ninja "${launcher[@]}" "$@" &&
        cmake --build "$build" -j "$(nproc)" --target "${build_targets[@]}"
}

# build_locked <build_dir> [cmake's words...]: two starts of one copy build one after the
# other.
build_locked() {
    local lock status
    mkdir -p "$(dirname "$1")" && exec {lock}>"$1.lock" || return 1
    flock "$lock" && build_tree "$@" {lock}>&-
    status=$?
    exec {lock}>&-
    return $status
}
