#!/bin/sh
# Checks that every test which docs/guarantees.md names is there, and every file.
# Usage: guarantees.sh <source directory>
set -eu
cd "$1"

grep -oE '`[a-z0-9_/.-]+: [a-z0-9_]+`' docs/guarantees.md | tr -d '`:' | sort -u |
    while read -r file name; do
        grep -qwF "$name" "$file" || echo "$file has no $name"
    done >"${TMPDIR:-/tmp}/guarantees.$$"
grep -oE '`(common|workers|schemas|tests)/[a-z0-9_/.-]+`' docs/guarantees.md | tr -d '`' |
    sort -u | while read -r file; do
        [ -e "$file" ] || echo "there is no $file"
    done >>"${TMPDIR:-/tmp}/guarantees.$$"
trap 'rm -f "${TMPDIR:-/tmp}/guarantees.$$"' EXIT
cat "${TMPDIR:-/tmp}/guarantees.$$"
test ! -s "${TMPDIR:-/tmp}/guarantees.$$"
