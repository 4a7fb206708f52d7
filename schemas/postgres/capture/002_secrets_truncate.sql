-- What is not captured although it is in the row, and what is captured although it is no
-- change of a row.

-- Columns that are secrets: who holds a signing link can sign. They are in no change, nor
-- is a change of nothing else a change.
CREATE FUNCTION relais_capture.shown(r jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN r - 'docuseal_embed_url';
END $$;

UPDATE relais_capture.change
    SET old_row = relais_capture.shown(old_row), new_row = relais_capture.shown(new_row),
        changed = array_remove(changed, 'docuseal_embed_url')
    WHERE old_row IS DISTINCT FROM relais_capture.shown(old_row)
        OR new_row IS DISTINCT FROM relais_capture.shown(new_row);

-- The trigger. Arguments: the collection's name in events, and the invoices' table.
--
-- It never breaks a write for a missing outbox or missing rights; every other error is
-- raised, because a change that is not captured must not happen.
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
EXCEPTION
    WHEN undefined_table OR insufficient_privilege THEN
        RAISE WARNING 'relais_capture: % of % not captured: %', verb, TG_ARGV[0], SQLERRM;
        RETURN NULL;
    WHEN untranslatable_character OR invalid_text_representation THEN
        INSERT INTO relais_capture.change (collection, op, item)
            VALUES (TG_ARGV[0], verb,
                CASE TG_OP WHEN 'DELETE' THEN OLD.id::text ELSE NEW.id::text END);
        PERFORM pg_notify('relais_capture', '');
        RETURN NULL;
END $$;

-- TRUNCATE fires no trigger of a row, but it deletes them all: so one delete each. The same
-- arguments, and the same care for who truncates.
CREATE FUNCTION relais_capture.record_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    invoices regclass := to_regclass(format('%I.%I', TG_TABLE_SCHEMA, TG_ARGV[1]));
BEGIN
    EXECUTE format(
        'INSERT INTO relais_capture.change (collection, op, item, root, changed, old_row)'
        ' SELECT $1, ''delete'', r ->> ''id'', relais_capture.root($1, r, $2), ''{}'', r'
        ' FROM (SELECT relais_capture.shown(to_jsonb(t)) FROM %s AS t) AS rows (r)',
        TG_RELID::regclass) USING TG_ARGV[0], invoices;
    PERFORM pg_notify('relais_capture', '');
    RETURN NULL;
EXCEPTION
    WHEN undefined_table OR insufficient_privilege THEN
        RAISE WARNING 'relais_capture: truncate of % not captured: %', TG_ARGV[0], SQLERRM;
        RETURN NULL;
    WHEN untranslatable_character OR invalid_text_representation THEN
        EXECUTE format('INSERT INTO relais_capture.change (collection, op, item)'
            ' SELECT $1, ''delete'', t.id::text FROM %s AS t', TG_RELID::regclass)
            USING TG_ARGV[0];
        PERFORM pg_notify('relais_capture', '');
        RETURN NULL;
END $$;

-- Puts the triggers on those of the collections whose tables exist, and says on how many
-- there are now. Each is 'name', or 'name=table' where the table is called something else.
-- Again and again without harm: what is in place is left alone.
CREATE OR REPLACE FUNCTION relais_capture.install(collections text[]) RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
DECLARE
    entry    text;
    name     text;
    invoices text := 'client_invoices';
    target   regclass;
    found    integer := 0;
BEGIN
    FOREACH entry IN ARRAY collections LOOP
        IF split_part(entry, '=', 1) = 'client_invoices' AND entry LIKE '%=%' THEN
            invoices := split_part(entry, '=', 2);
        END IF;
    END LOOP;
    FOREACH entry IN ARRAY collections LOOP
        name := split_part(entry, '=', 1);
        target := to_regclass(format('%I', coalesce(
            nullif(split_part(entry, '=', 2), ''), name)));
        CONTINUE WHEN target IS NULL;
        found := found + 1;
        CONTINUE WHEN 2 = (
            SELECT count(*) FROM pg_trigger AS t
            WHERE t.tgrelid = target AND (t.tgname, t.tgfoid) IN (
                    ('relais_capture', 'relais_capture.record'::regproc),
                    ('relais_capture_truncate', 'relais_capture.record_truncate'::regproc))
                AND t.tgargs = convert_to(name, 'UTF8') || '\x00'
                    || convert_to(invoices, 'UTF8') || '\x00');
        EXECUTE format('DROP TRIGGER IF EXISTS relais_capture ON %s', target);
        EXECUTE format('DROP TRIGGER IF EXISTS relais_capture_truncate ON %s', target);
        EXECUTE format('CREATE TRIGGER relais_capture AFTER INSERT OR UPDATE OR DELETE'
            ' ON %s FOR EACH ROW EXECUTE FUNCTION relais_capture.record(%L, %L)',
            target, name, invoices);
        EXECUTE format('CREATE TRIGGER relais_capture_truncate BEFORE TRUNCATE'
            ' ON %s FOR EACH STATEMENT'
            ' EXECUTE FUNCTION relais_capture.record_truncate(%L, %L)',
            target, name, invoices);
    END LOOP;
    RETURN found;
END $$;
