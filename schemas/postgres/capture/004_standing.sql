-- A trigger that somebody switched off (ALTER TABLE ... DISABLE TRIGGER), or that was dropped,
-- tells nobody of changes, and nobody that it does not. So it can be asked for.

-- The collections ('name', or 'name=table' where the table is called something else), their
-- tables, NULL where there is none, and whether all changes of it are captured: both triggers
-- are there, as install() makes them, and fire.
CREATE FUNCTION relais_capture.standing(collections text[])
RETURNS TABLE (name text, target regclass, invoices text, captured boolean)
LANGUAGE sql STABLE AS $$
    WITH entry AS (
        SELECT n, split_part(e, '=', 1) AS name,
            coalesce(nullif(split_part(e, '=', 2), ''), split_part(e, '=', 1)) AS named
        FROM unnest(collections) WITH ORDINALITY AS u (e, n)
    ), place AS (
        SELECT n, entry.name, to_regclass(format('%I', named)) AS target,
            coalesce((SELECT i.named FROM entry AS i WHERE i.name = 'client_invoices'),
                'client_invoices') AS invoices
        FROM entry
    )
    SELECT p.name, p.target, p.invoices, 2 = (
        SELECT count(*) FROM pg_trigger AS t
        WHERE t.tgrelid = p.target AND t.tgenabled IN ('O', 'A')
            AND (t.tgname, t.tgfoid) IN (
                ('relais_capture', 'relais_capture.record'::regproc),
                ('relais_capture_truncate', 'relais_capture.record_truncate'::regproc))
            AND t.tgargs = convert_to(p.name, 'UTF8') || '\x00'
                || convert_to(p.invoices, 'UTF8') || '\x00')
    FROM place AS p ORDER BY n
$$;

-- As before, but one that was switched off is made anew.
CREATE OR REPLACE FUNCTION relais_capture.install(collections text[]) RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
DECLARE
    one   record;
    found integer := 0;
BEGIN
    FOR one IN SELECT * FROM relais_capture.standing(collections) WHERE target IS NOT NULL LOOP
        found := found + 1;
        CONTINUE WHEN one.captured;
        EXECUTE format('DROP TRIGGER IF EXISTS relais_capture ON %s', one.target);
        EXECUTE format('DROP TRIGGER IF EXISTS relais_capture_truncate ON %s', one.target);
        EXECUTE format('CREATE TRIGGER relais_capture AFTER INSERT OR UPDATE OR DELETE'
            ' ON %s FOR EACH ROW EXECUTE FUNCTION relais_capture.record(%L, %L)',
            one.target, one.name, one.invoices);
        EXECUTE format('CREATE TRIGGER relais_capture_truncate BEFORE TRUNCATE'
            ' ON %s FOR EACH STATEMENT'
            ' EXECUTE FUNCTION relais_capture.record_truncate(%L, %L)',
            one.target, one.name, one.invoices);
    END LOOP;
    RETURN found;
END $$;
