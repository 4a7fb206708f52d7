# shellcheck shell=bash
# fetch_kafka.sh - Apache Kafka's jars, in the versions of deploy/kafka/pom.xml and with the
# checksums beside it.

kafka_home() {
    local key
    key=$(cache_key "$deploy_dir/kafka/pom.xml" "$deploy_dir/kafka/SHA256SUMS")
    printf '%s/kafka-%s' "$(cache_dir)" "$key"
}

# Every jar that is asked for, as it has to be, and none beside them.
kafka_verify() {
    local sums=$deploy_dir/kafka/SHA256SUMS
    (cd "$1" && sha256sum --quiet --strict -c "$sums") || return 1
    diff <(cd "$1" && ls) <(awk '{ print $2 }' "$sums" | LC_ALL=C sort)
}

kafka_download() {
    mkdir "$1/libs" || return 1
    mvn -q -B -f "$deploy_dir/kafka/pom.xml" dependency:copy-dependencies \
        -DoutputDirectory="$1/libs" || return 1
    kafka_verify "$1/libs"
}

# fetch_kafka <log>
fetch_kafka() {
    local home
    home=$(kafka_home) || return 1
    if [ "${FRESH:-0}" != 1 ] && [ -d "$home" ]; then
        kafka_verify "$home/libs" >/dev/null 2>&1 && return 0
        rm -rf "$home"
    fi
    step "Apache Kafka 4.1.1: its jars, by Maven" "$1" \
        "check that Maven reaches its repository (mvn settings, proxy), then start again" \
        cache_fill "$home" kafka_download
}
