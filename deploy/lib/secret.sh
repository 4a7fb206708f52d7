# shellcheck shell=bash
# secret.sh - passwords and tokens that nobody has seen before.

secret_new() {
    od -An -v -tx1 -N 24 /dev/urandom | tr -d ' \n'
}
