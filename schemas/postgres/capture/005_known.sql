-- For `relais audit`, which finds writes in Directus's own log that were not captured: many of
-- them changed nothing.

-- Whether what was captured last of the item shows it as it is now. False also where that
-- cannot be said.
CREATE FUNCTION relais_capture.is_known(of_collection text, of_item text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last    relais_capture.change;
    target  regclass;
    present jsonb;
    unseen  text[] := '{date_updated,user_updated}';
BEGIN
    SELECT * INTO last FROM relais_capture.change AS c
        WHERE c.collection = of_collection AND c.item = of_item ORDER BY c.seq DESC LIMIT 1;
    SELECT t.tgrelid INTO target FROM pg_trigger AS t
        WHERE t.tgname = 'relais_capture' AND t.tgfoid = 'relais_capture.record'::regproc
            AND position(convert_to(of_collection, 'UTF8') || '\x00' IN t.tgargs) = 1;
    IF last.seq IS NULL OR target IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('SELECT relais_capture.shown(to_jsonb(t)) FROM %s AS t'
        ' WHERE t.id::text = $1', target) INTO present USING of_item;
    IF present IS NULL THEN
        RETURN last.op = 'delete';
    END IF;
    RETURN coalesce(present - unseen = last.new_row - unseen, false);
EXCEPTION WHEN insufficient_privilege OR data_exception THEN
    RETURN false;
END $$;
