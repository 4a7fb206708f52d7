# shellcheck shell=bash
# process.sh - starts and ends the processes of a run folder: <run>/pid/<name> holds the
# process's id and start time, <run>/log/<name>.log what it said.

# The start time tells a process from a later one with the same id.
process_birth() {
    local stat fields
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # The second field is the name in brackets and may hold blanks.
    read -r -a fields <<<"${stat##*) }"
    # A zombie has ended; its parent has not looked yet.
    [ "${fields[0]}" != Z ] && printf '%s' "${fields[19]}"
}

# process_note <run> <name> <pid>: remembers the process, if it lives.
process_note() {
    local birth file=$1/pid/$2
    birth=$(process_birth "$3") || return 1
    printf '%s %s\n' "$3" "$birth" >"$file.$BASHPID" && mv "$file.$BASHPID" "$file"
}

# process_start <run> <name> <command...>
# A session of its own keeps the terminal's Ctrl-C from it. The process itself writes its id
# before the command begins, so none can be running and unknown; the second note is for the
# caller, who may ask at once.
process_start() {
    local run=$1 name=$2
    shift 2
    mkdir -p "$run/pid" "$run/log" || return 1
    (
        set +m
        (
            process_note "$run" "$name" "$BASHPID"
            exec setsid "$@"
        ) </dev/null >>"$run/log/$name.log" 2>&1 &
        process_note "$run" "$name" $!
    )
}

# process_pid <run> <name>: prints the id while the process lives.
process_pid() {
    local pid birth
    read -r pid birth 2>/dev/null <"$1/pid/$2" || return 1
    [ "$(process_birth "$pid")" = "${birth:-unknown}" ] && printf '%s' "$pid"
}

# process_gone <run> <name> <seconds>: waits for the process to end.
process_gone() {
    local limit=$(($(now_ms) + $3 * 1000))
    while process_pid "$1" "$2" >/dev/null; do
        [ "$(now_ms)" -lt "$limit" ] || return 1
        sleep 0.05
    done
}

# process_signal <run> <name> <signal>
process_signal() {
    local pid
    pid=$(process_pid "$1" "$2") || return 1
    kill "-$3" "$pid" 2>/dev/null
}

# process_stop <run> <name> [seconds]: TERM, and KILL for one that does not listen.
process_stop() {
    local run=$1 name=$2 patience=${3:-20}
    if process_signal "$run" "$name" TERM; then
        process_signal "$run" "$name" CONT
    fi
    if ! process_gone "$run" "$name" "$patience"; then
        say "$name did not end within $patience s of TERM: killed" >&2
        process_signal "$run" "$name" KILL
        process_gone "$run" "$name" 10
    fi
    rm -f "$run/pid/$name"
}

# until_true <seconds> <run> <name> <condition...>
# Waits until the condition holds; fails at once when the process has ended.
until_true() {
    local limit=$(($(now_ms) + $1 * 1000)) run=$2 name=$3
    shift 3
    until "$@"; do
        if ! process_pid "$run" "$name" >/dev/null; then
            say "$name has ended before it was ready" >&2
            return 1
        fi
        if [ "$(now_ms)" -gt "$limit" ]; then
            say "$name was not ready in time" >&2
            return 1
        fi
        sleep 0.1
    done
}
