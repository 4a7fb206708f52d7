#!/bin/sh
# Runs clang-tidy over every source that is compiled. A file that passed is not looked at
# again until it, a header or the settings change.
# Usage: tidy.sh <source directory> <build directory>
set -eu
source_dir=$1
build_dir=$2

command -v clang-tidy >/dev/null || { echo "clang-tidy is not installed"; exit 77; }
cd "$source_dir"
passed=$build_dir/tidy
mkdir -p "$passed"
newest=$(find common workers tests -name '*.h' -printf '%T@ %p\n' |
    sort -n | tail -1 | cut -d' ' -f2-)

stale() {
    sed -nE 's/^ *"file": "(.*\.c)",?$/\1/p' "$build_dir/compile_commands.json" | sort -u |
        while read -r file; do
            case $file in "$source_dir"/*) ;; *) continue ;; esac
            mark=$passed/$(echo "${file#"$source_dir"/}" | tr / _)
            # What find prints is newer than the mark.
            if [ ! -e "$mark" ] ||
                [ -n "$(find "$file" "$newest" .clang-tidy -newer "$mark")" ]; then
                printf '%s\n%s\n' "$file" "$mark"
            fi
        done
}

# shellcheck disable=SC2016 # expanded by the shell that xargs starts
stale | xargs -d '\n' -r -n 2 -P "$(nproc)" sh -c '
    checks=
    case $1 in *_test.c | */tests/*) checks=-concurrency-mt-unsafe ;; esac # setenv
    clang-tidy --quiet --checks="$checks" -p "$0" "$1" 2>/dev/null && touch "$2"
    ' "$build_dir"
