#!/bin/sh
# Looks for what the sources must not use (banned.txt). Comments may speak of it; a line
# that must have it all the same ends with "// allowed: <why>".
# Usage: banned.sh <source directory>
set -eu
cd "$1"

found=0
sources=$(find common workers tests -name '*.[ch]' | sort)
tab=$(printf '\t')
while IFS=$tab read -r pattern welcome instead; do
    case $pattern in '#'* | '') continue ;; esac
    # shellcheck disable=SC2086 # the names of our files hold no spaces
    hits=$(grep -nE "$pattern" $sources | grep -vE '^[^:]*:[0-9]+: *//|// allowed: .' |
        sed -E 's|//[^"]*$||' | grep -E "^[^:]*:[0-9]+:.*$pattern" || true)
    [ "$welcome" = - ] || hits=$(printf '%s\n' "$hits" | grep -vE "$welcome" || true)
    [ -n "$hits" ] || continue
    printf '%s\n' "$hits"
    echo "    use instead: $instead"
    found=1
done <tests/style/banned.txt
exit $found
