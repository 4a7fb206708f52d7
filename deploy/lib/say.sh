# shellcheck shell=bash
# say.sh - what a person reads while it happens: one line when a step begins, one when
# it ends, and for a step that fails its last words and what to do.

now_ms() {
    local now=${EPOCHREALTIME/[.,]/}
    printf '%s' $((now / 1000))
}

# Prints the time since now_ms() gave $1, as "3.2 s".
since() {
    local ms=$(($(now_ms) - $1))
    printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

say() {
    printf '%s\n' "$*"
}

# say_failed <what failed> <its log> <what to do>
say_failed() {
    {
        printf 'FAILED: %s\n' "$1"
        if [ -s "$2" ]; then
            printf '  the last lines of %s:\n' "$2"
            tail -n 15 "$2" | sed 's/^/    | /'
        fi
        printf '  what to do: %s\n' "$3"
    } >&2
}

# step <text> <log> <what to do if it fails> <command...>
# Runs the command with its output in the log. Commands are run in a condition, so -e
# does not hold inside them: each of their steps has to return its own failure.
step() {
    local text=$1 log=$2 cure=$3 from
    shift 3
    from=$(now_ms)
    printf '  ..  %s\n' "$text"
    if "$@" >>"$log" 2>&1 </dev/null; then
        printf '  ok  %s (%s)\n' "$text" "$(since "$from")"
        return 0
    fi
    say_failed "$text" "$log" "$cure"
    return 1
}
