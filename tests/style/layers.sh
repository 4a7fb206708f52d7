#!/bin/sh
# Checks who includes whom: workers -> common, never back; an integration never another;
# inside common only downwards (layers.txt).
# Usage: layers.sh <source directory>
set -eu
cd "$1"

# "<file>:<line>:<header>" of every include of ours.
includes() {
    find "$1" -name '*.[ch]' -exec \
        grep -HnoE '^#include "(common|workers|tests)/[^"]+"' {} + |
        sed -E 's/#include "([^"]+)"/\1/'
}

{
    # Tests may see what they test and the harness.
    includes common | awk -F: '
        $3 ~ /^workers\// || ($3 ~ /^tests\// && $1 !~ /_test\.c$/) {
            print $1 ":" $2 ": common includes " $3
        }'
    includes workers | awk -F: '{
        split($1, path, "/")
        own = "workers/" path[2] "/"
        if ($3 ~ /^workers\// && index($3, own) != 1)
            print $1 ":" $2 ": " path[2] " includes " $3 ", which is not its own"
        if ($3 ~ /^tests\// && $1 !~ /_test\.c$|\/tests\//)
            print $1 ":" $2 ": a program includes " $3
    }'
    { grep -v '^#' tests/style/layers.txt; includes common; } | awk -F'[: ]' '
        $1 ~ /^[0-9]+$/ { for (i = 2; i <= NF; i++) layer[$i] = $1; next }
        $1 ~ /_test\.c$/ || $3 !~ /^common\// { next }
        {
            from = layer_of($1)
            to = layer_of($3)
            if (from == "")
                print $1 ": has no layer: give it one in tests/style/layers.txt"
            else if (to != "" && to > from)
                print $1 ":" $2 ": layer " from " includes " $3 " of layer " to
        }
        function layer_of(path, name, word) {
            name = path
            sub(/^common\//, "", name)
            sub(/\.[ch]$/, "", name)
            word = name
            sub(/_.*/, "", word)
            return name in layer ? layer[name] : layer[word]
        }' | sort -u
} >"${TMPDIR:-/tmp}/layers.$$"
trap 'rm -f "${TMPDIR:-/tmp}/layers.$$"' EXIT
cat "${TMPDIR:-/tmp}/layers.$$"
test ! -s "${TMPDIR:-/tmp}/layers.$$"
