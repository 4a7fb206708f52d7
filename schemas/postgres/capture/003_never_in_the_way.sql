-- What a row holds, and what became of the outbox, never makes a user's write fail.
--
-- A row that cannot be described costs its description and no more: whatever the error
-- (text or numbers that jsonb refuses, a row too large or too deep for it, a look-up that
-- failed), the change says only that there was one, and whoever reads it looks at the item.
-- Where not even that can be written, what counts is whether trying again may help:
--   - The database itself is in trouble at the moment (SQLSTATE classes 40 rollback, 53
--     resources, 55 locks, 57 operator, 58 system): the error is raised. The user's own
--     write meets the same trouble, and a change that is not captured must not happen.
--   - All else is an outbox that is missing, forbidden or changed, which would stop every
--     write until somebody mends it: a warning, and the write goes on. `relais audit` finds
--     what that hid.
-- (The classes stand twice: a function of them could itself be missing or forbidden.)
CREATE OR REPLACE FUNCTION relais_capture.record() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    verb     text := CASE TG_OP WHEN 'INSERT' THEN 'create' WHEN 'UPDATE' THEN 'update'
                     ELSE 'delete' END;
    invoices regclass;
    before   jsonb;
    after    jsonb;
    names    text[] := '{}';
BEGIN
    IF TG_OP = 'UPDATE' AND OLD *= NEW THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        before := relais_capture.shown(to_jsonb(OLD));
    END IF;
    IF TG_OP <> 'DELETE' THEN
        after := relais_capture.shown(to_jsonb(NEW));
        SELECT coalesce(array_agg(a.key ORDER BY a.key), '{}') INTO names
            FROM jsonb_each(after) AS a
            WHERE a.value IS DISTINCT FROM coalesce(before -> a.key, 'null')
                AND a.key NOT IN ('date_updated', 'user_updated');
    END IF;
    IF TG_OP = 'UPDATE' AND names = '{}' THEN
        RETURN NULL;
    END IF;
    invoices := to_regclass(format('%I.%I', TG_TABLE_SCHEMA, TG_ARGV[1]));
    INSERT INTO relais_capture.change
        (collection, op, item, root, actor, changed, old_row, new_row)
        VALUES (TG_ARGV[0], verb, coalesce(after, before) ->> 'id',
            relais_capture.root(TG_ARGV[0], coalesce(after, before), invoices),
            relais_capture.actor(TG_OP, before, after), names, before, after);
    PERFORM pg_notify('relais_capture', '');
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    BEGIN
        INSERT INTO relais_capture.change (collection, op, item)
            VALUES (TG_ARGV[0], verb,
                CASE TG_OP WHEN 'DELETE' THEN OLD.id::text ELSE NEW.id::text END);
        PERFORM pg_notify('relais_capture', '');
    EXCEPTION WHEN OTHERS THEN
        IF left(SQLSTATE, 2) IN ('40', '53', '55', '57', '58') THEN
            RAISE;
        END IF;
        RAISE WARNING 'relais_capture: % of % not captured: %', verb, TG_ARGV[0], SQLERRM;
    END;
    RETURN NULL;
END $$;

-- TRUNCATE, with the same care: one row that cannot be described leaves them all bare.
CREATE OR REPLACE FUNCTION relais_capture.record_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format(
        'INSERT INTO relais_capture.change (collection, op, item, root, changed, old_row)'
        ' SELECT $1, ''delete'', r ->> ''id'', relais_capture.root($1, r, $2), ''{}'', r'
        ' FROM (SELECT relais_capture.shown(to_jsonb(t)) FROM %s AS t) AS rows (r)',
        TG_RELID::regclass)
        USING TG_ARGV[0], to_regclass(format('%I.%I', TG_TABLE_SCHEMA, TG_ARGV[1]));
    PERFORM pg_notify('relais_capture', '');
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    BEGIN
        EXECUTE format('INSERT INTO relais_capture.change (collection, op, item)'
            ' SELECT $1, ''delete'', t.id::text FROM %s AS t', TG_RELID::regclass)
            USING TG_ARGV[0];
        PERFORM pg_notify('relais_capture', '');
    EXCEPTION WHEN OTHERS THEN
        IF left(SQLSTATE, 2) IN ('40', '53', '55', '57', '58') THEN
            RAISE;
        END IF;
        RAISE WARNING 'relais_capture: truncate of % not captured: %', TG_ARGV[0], SQLERRM;
    END;
    RETURN NULL;
END $$;
