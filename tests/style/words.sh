#!/bin/sh
# Checks that docs/operations.md explains every word that a program logs as an event, every
# metric, and every kind of thing that waits for a person.
# Usage: words.sh <source directory>
set -eu
cd "$1"

sources=$(find common workers -name '*.c' ! -name '*_test.c' ! -path '*/tests/*' | sort)
# shellcheck disable=SC2086 # the names of our files hold no spaces
words=$(cat $sources | grep -v '^ *//' | tr '\n' ' ' |
    grep -oE 'log_((error|warn|info)\( *|event\([^"]*, *)"[a-z-]+"|settlement_attention\( *job, *"[a-z.-]+"|"relais_[a-z_]+", *("|labels)' |
    grep -oE '"[a-z._-]+"' | tr -d '"' | sort -u)
test -n "$words" || { echo "no word found: are they logged in another form now?"; exit 1; }

found=0
for word in $words; do
    grep -qE "\`$word(_total)?[\`{]" docs/operations.md && continue
    echo "$word: not in docs/operations.md"
    found=1
done
exit $found
