# shellcheck shell=bash
# postgres_reader.sh - the role of DIRECTUS_DATABASE_URL, for who asks for it.

# What such a role needs: the collections, and what tells how they hang together. Nothing of
# Directus's own users.
postgres_reader_sql() {
    cat <<SQL
CREATE ROLE reader LOGIN PASSWORD '$1';
GRANT SELECT ON directus_fields, directus_relations TO reader;
DO \$\$
DECLARE name text;
BEGIN
    FOR name IN SELECT collection FROM directus_collections
                WHERE collection NOT LIKE 'directus\\_%'
                AND to_regclass(quote_ident(collection)) IS NOT NULL
    LOOP EXECUTE format('GRANT SELECT ON %I TO reader', name); END LOOP;
END \$\$;
SQL
}

# postgres_reader <run>: prints the URL of the role, which is made when first asked for.
postgres_reader() {
    local run=$1 password
    if ! stack_get "$run" STACK_POSTGRES_PASSWORD_READER >/dev/null; then
        password=$(secret_new)
        postgres_reader_sql "$password" |
            PGPASSWORD=$(stack_get "$run" STACK_POSTGRES_PASSWORD_POSTGRES) psql -Xq1 -v ON_ERROR_STOP=1 \
                -h 127.0.0.1 -p "$(stack_get "$run" STACK_POSTGRES_PORT)" -U postgres directus ||
            return 1
        stack_set "$run" STACK_POSTGRES_PASSWORD_READER "$password"
    fi
    postgres_url "$run" reader directus
}
