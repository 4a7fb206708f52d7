#!/usr/bin/env bash
# What the harness takes from deploy/lib, so that the programs of tests get the settings
# that the demo's get:
#
#   deploy.sh configure <run> <bin>            ports, secrets and settings, into stack.env
#   deploy.sh settings <run> <name> [number]   all that the program gets, a line each
#   deploy.sh reader <run>                     the URL of a role that reads Directus's rows
#   deploy.sh superuser <run>                  the URL of one that may all, in that database
#   deploy.sh remove <run>                     what is left of a stopped stack
#   deploy.sh watch <run> <pid>                waits for that process's end; if it could not
#                                              clean up (ctest kills what takes too long),
#                                              ends and removes all of the run
set -uo pipefail
. "$(dirname "$0")/../../../deploy/lib/stack.sh"
. "$deploy_dir/lib/programs.sh"

settings() {
    if is_simulator "$2"; then
        simulator_settings "$1" "$2"
    elif [ "$2" = relais ]; then
        program_settings "$1" "$2"
    else
        program_settings "$1" "$2"
        printf 'ADMIN_PORT=%s\n' "$(program_port "$@")"
    fi
}

watch() {
    local file
    tail --pid="$2" -f /dev/null
    for file in "$1"/pid/*; do
        [ -f "$file" ] && process_stop "$1" "$(basename "$file")" 5
    done
    [ ! -d "$1" ] || stack_remove "$1"
}

case ${1:-} in
configure) programs_configure "$2" "$3" ;;
settings) settings "${@:2}" ;;
reader) postgres_reader "$2" ;;
superuser) postgres_url "$2" postgres directus ;;
remove) stack_remove "$2" ;;
watch) watch "$2" "$3" ;;
*) exit 2 ;;
esac
