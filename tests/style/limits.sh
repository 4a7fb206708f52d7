#!/bin/sh
# Checks sizes: a function has at most 60 lines and complexity 15, a file 600 lines (one of
# tests 1000), a line 88 columns. What is larger hides a second idea.
# Usage: limits.sh <source directory>
set -eu
cd "$1"

command -v pmccabe >/dev/null || { echo "pmccabe is not installed"; exit 77; }
sources=$(find common workers tests -name '*.[ch]' | sort)
problems=$(
    for file in $sources; do
        # Tables are no functions; pmccabe takes the ones in headers for some.
        case $file in *.c) pmccabe "$file" ;; esac
    done | awk '
        $1 > 15 { print $6 " " $7 ": complexity " $1 ", at most 15" }
        $5 > 60 { print $6 " " $7 ": " $5 " lines, at most 60" }'
    for file in $sources; do
        case $file in *_test.c | tests/* | */tests/*) most=1000 ;; *) most=600 ;; esac
        awk -v file="$file" -v most="$most" '
            # Bytes are not columns: continuation bytes of UTF-8 take no room.
            { text = $0; gsub(/[\200-\277]/, "", text) }
            length(text) > 88 { print file ":" FNR ": " length(text) " columns, at most 88" }
            END { if (FNR > most) print file ": " FNR " lines, at most " most }' "$file"
    done
)
test -z "$problems" || { printf '%s\n' "$problems"; exit 1; }
