#!/bin/sh
# Checks that docs/settings.md is what the programs print.
# Usage: settings.sh <source directory> <build directory>
set -eu

"$1/docs/settings" "$2/bin" | diff -u "$1/docs/settings.md" - || {
    echo "docs/settings.md is old: docs/settings $2/bin >docs/settings.md"
    exit 1
}
