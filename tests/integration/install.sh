#!/bin/sh
# What `cmake --install` puts on a server: programs that start from there, a user for
# each, and a systemd unit that systemd reads without a complaint.
# Usage: install.sh <build directory>
set -eu

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
export DESTDIR="$root/server"
cmake --install "$1" --prefix /usr/local >"$root/said"

cd "$DESTDIR/usr/local"
users=$(sed -n 's/^u \(relais-[a-z-]*\) .*/\1/p' lib/sysusers.d/relais.conf | sort)
programs=$(cd bin && printf '%s\n' relais-* | sort)
[ "$users" = "$programs" ] || {
    printf 'users:\n%s\nprograms:\n%s\n' "$users" "$programs"
    exit 1
}
systemd-sysusers --dry-run "$PWD/lib/sysusers.d/relais.conf" >"$root/said" 2>&1 || {
    cat "$root/said"
    exit 1
}
bin/relais --help >"$root/said"

# systemd has nothing to say of the units.
accepted() {
    systemd-analyze verify --man=no "$@" >"$root/said" 2>&1 || true
    [ -s "$root/said" ] || return 0
    echo "systemd on $(basename "$1"):"
    cat "$root/said"
    exit 1
}

sed "s#^ExecStart=#&$DESTDIR#" lib/systemd/system/relais-audit.service \
    >"$root/relais-audit.service"
cp lib/systemd/system/relais-audit.timer "$root"
accepted "$root/relais-audit.service" "$root/relais-audit.timer"

# The unit names the place after the installation, and the users that come with it.
for program in $programs; do
    "bin/$program" --settings >"$root/said"
    grep -q '^| `KAFKA_BROKERS`' "$root/said" || {
        echo "$program --settings tells of no KAFKA_BROKERS"
        exit 1
    }
    unit="$root/relais@${program#relais-}.service"
    sed "s#^ExecStart=#&$DESTDIR#; s#^User=.*#User=$(id -un)#" \
        lib/systemd/system/relais@.service >"$unit"
    accepted "$unit"
done
