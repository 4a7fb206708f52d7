#!/bin/sh
# Checks that every event type a handler names or a fact is published under has a schema.
# Usage: catalogue.sh <source directory>
set -eu
cd "$1"

handled=$(find workers -name 'handlers.c' -exec \
    grep -hoE '^ *\{"[a-z-]+(\.[a-z_-]+)+", *[a-z_]+' {} + | sed -E 's/^[^"]*"([^"]*)".*/\1/')
said=$(find workers -name '*.c' ! -name '*_test.c' -exec \
    grep -hoE 'publish_fact(_id)?\(job, "[a-z.-]+"' {} + | sed -E 's/.*"([^"]*)"/\1/')
test -n "$handled$said" || { echo "no handler found: has handlers.c another form now?"; exit 1; }

found=0
for type in $(printf '%s\n%s\n' "$handled" "$said" | sort -u); do
    [ -e "schemas/events/$type.json" ] && continue
    echo "$type: schemas/events/$type.json is missing"
    found=1
done
exit $found
