#!/bin/sh
# Checks what the libraries show and keep: a visible symbol begins with a word of its file's
# name (or, in workers, with the integration's or the last word of it), and nothing is writable for as long as the
# program but the few things named here.
# Usage: symbols.sh <build directory>
set -eu
cd "$1"

libraries=$(find common workers -name 'librelais_*.a' | sort)
test -n "$libraries" || { echo "no library in $1: build first"; exit 1; }

problems=$(for library in $libraries; do
    owner=$(basename "$library" .a)
    owner=${owner#librelais_}
    nm -A -g --defined-only "$library" 2>/dev/null | awk -v owner="$owner" '{
        n = split($1, part, ":")
        file = part[n - 1] == "" ? part[n] : part[n - 1]
        for (i = 1; i <= n; i++)
            if (part[i] ~ /\.c\.o$/)
                file = part[i]
        symbol = $NF
        name = file
        sub(/\.c\.o$/, "", name)
        ours = 0
        words = split(name, word, "_")
        for (i = 1; i <= words; i++) {
            sub(/s$/, "", word[i]) # metric_add() works on one of the metrics
            ours = ours || index(symbol, word[i]) == 1
        }
        # Ingest links the webhooks of all integrations together.
        if (owner != "common" && name == "webhook")
            ours = 0
        last = owner
        sub(/.*_/, "", last)
        if (!ours && !(owner != "common" && (index(symbol, owner) == 1 ||
                index(symbol, last "_") == 1)))
            print owner "/" file ": " symbol " does not begin with " \
                (owner == "common" ? name : owner "_ or " name)
    }'
    objdump -t "$library" | awk -v owner="$owner" '
        /file format/ { file = $1; sub(/:$/, "", file) }
        $0 ~ /\t/ {
            split($0, half, "\t")
            n = split(half[1], left, " ")
            section = left[n]
            symbol = $NF
            if (section !~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ ||
                section ~ /^\.data\.rel\.ro/ || symbol ~ /^\./)
                next
            # The level of the log, the loop and the fiber of a thread, the signal flag.
            if (owner == "common" && (file == "log.c.o" && symbol == "log_state" ||
                file == "fiber.c.o" && section == ".tbss" ||
                file == "loop.c.o" && section == ".tbss" ||
                file == "worker.c.o" && symbol ~ /signal/))
                next
            print owner "/" file ": " symbol " is writable static storage (" section ")"
        }'
done)
test -z "$problems" || { printf '%s\n' "$problems"; exit 1; }
