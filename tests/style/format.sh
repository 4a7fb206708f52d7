#!/bin/sh
# Checks that clang-format would change nothing.
# Usage: format.sh <source directory>
set -eu
cd "$1"

command -v clang-format >/dev/null || { echo "clang-format is not installed"; exit 77; }
find common workers tests -name '*.[ch]' -print0 |
    xargs -0 clang-format --dry-run --Werror --ferror-limit=1
