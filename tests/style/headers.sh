#!/bin/sh
# Checks that headers document their functions: a comment stands above each group of
# prototypes, with no blank line between.
# Usage: headers.sh <source directory>
set -eu
cd "$1"

problems=$(find common workers -name '*.h' ! -path '*/tests/*' | sort | while read -r file; do
    awk -v file="$file" 'BEGIN { RS = ""; FS = "\n" } {
        said = 0
        first = ""
        for (i = 1; i <= NF; i++) {
            said = said || $i ~ /\/\//
            if (first == "" && $i ~ /^[a-z].*[a-z0-9]\(/ && $i !~ /=/)
                first = $i
        }
        if (first != "" && !said)
            print file ": not documented: " first
    }' "$file"
done)
test -z "$problems" || { printf '%s\n' "$problems"; exit 1; }
