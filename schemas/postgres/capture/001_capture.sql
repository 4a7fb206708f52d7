-- Change capture, in Directus's own database: triggers write every change of a row into
-- relais_capture.change within the transaction that made it, so that there is no change
-- without its row and no row without its change. Applied by `relais migrate`.
CREATE SCHEMA IF NOT EXISTS relais_capture;

-- A row stays unpublished until Kafka has it. It is found by published_at, never by "seq
-- above the last one": a slow transaction's lower seq becomes visible after a higher one.
-- For one item seq order is commit order, because the row's lock is held until the commit.
--
-- root is the lane: the entity the item belongs to. NULL: could not be said at the time.
-- changed, old_row and new_row are NULL where the row cannot be put into jsonb (a json
-- column holding \u0000): such a change says only that there was one.
CREATE TABLE relais_capture.change (
    seq          bigserial PRIMARY KEY,
    event_id     uuid NOT NULL DEFAULT gen_random_uuid(),
    txid         bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    collection   text COLLATE "C" NOT NULL,
    op           text NOT NULL CHECK (op IN ('create', 'update', 'delete')),
    item         text COLLATE "C" NOT NULL,
    root         text COLLATE "C",
    actor        text,
    changed      text[],
    old_row      jsonb,
    new_row      jsonb,
    published_at timestamptz
);
CREATE INDEX change_unpublished ON relais_capture.change (seq) WHERE published_at IS NULL;
CREATE INDEX change_published ON relais_capture.change (published_at)
    WHERE published_at IS NOT NULL;
CREATE INDEX change_item ON relais_capture.change (collection, item, seq);

-- The root of an invoice: the quote it belongs to, else itself. Its row may be gone (a
-- cascade deletes it before its children); then what was captured of it answers. NULL if
-- nothing does.
CREATE FUNCTION relais_capture.invoice_root(invoices regclass, id text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    invoice jsonb;
BEGIN
    IF invoices IS NOT NULL THEN
        EXECUTE format('SELECT to_jsonb(i) FROM %s AS i WHERE i.id = %L', invoices, id)
            INTO invoice;
    END IF;
    IF invoice IS NULL THEN
        SELECT coalesce(c.new_row, c.old_row) INTO invoice
            FROM relais_capture.change AS c
            WHERE c.collection = 'client_invoices' AND c.item = id
            ORDER BY c.seq DESC LIMIT 1;
    END IF;
    IF invoice IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN coalesce('quote:' || (invoice ->> 'quote_id'), 'invoice:' || id);
END $$;

-- The root of an item of one of the collections, from its row. NULL where the row does not
-- say it. (plpgsql keeps its plan; an SQL function would be planned anew for each row.)
CREATE FUNCTION relais_capture.root(collection text, r jsonb, invoices regclass)
RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE collection
        WHEN 'quotes' THEN 'quote:' || (r ->> 'id')
        WHEN 'quote_items' THEN 'quote:' || (r ->> 'quote_id')
        WHEN 'client_invoices'
            THEN coalesce('quote:' || (r ->> 'quote_id'), 'invoice:' || (r ->> 'id'))
        WHEN 'invoice_items' THEN relais_capture.invoice_root(invoices, r ->> 'invoice_id')
        WHEN 'payments' THEN relais_capture.invoice_root(invoices, r ->> 'invoice_id')
        WHEN 'cgv_acceptances' THEN 'cgv:' || (r ->> 'id')
        WHEN 'leads' THEN 'lead:' || (r ->> 'id')
        WHEN 'people' THEN 'contact:' || (r ->> 'id')
        WHEN 'companies' THEN 'company:' || (r ->> 'id')
    END;
END $$;

-- Who did it, as far as the row knows: Directus writes user_updated and date_updated
-- together, so an old name beside an unchanged date is somebody else's. A delete leaves no
-- name.
CREATE FUNCTION relais_capture.actor(op text, before jsonb, after jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE
        WHEN op = 'INSERT' THEN after ->> 'user_created'
        WHEN op = 'UPDATE' AND after -> 'date_updated' IS DISTINCT FROM
            before -> 'date_updated' THEN after ->> 'user_updated'
    END;
END $$;

-- The trigger. Arguments: the collection's name in events, and the invoices' table.
--
-- It never breaks a write for a missing outbox or missing rights; every other error is
-- raised, because a change that is not captured must not happen.
CREATE FUNCTION relais_capture.record() RETURNS trigger
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
        before := to_jsonb(OLD);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        after := to_jsonb(NEW);
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

-- Puts the trigger on those of the collections whose tables exist, and says on how many
-- there is one now. Each is 'name', or 'name=table' where the table is called something
-- else. Again and again without harm: what is in place is left alone.
CREATE FUNCTION relais_capture.install(collections text[]) RETURNS integer
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
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_trigger AS t
            WHERE t.tgrelid = target AND t.tgname = 'relais_capture'
                AND t.tgfoid = 'relais_capture.record'::regproc
                AND t.tgargs = convert_to(name, 'UTF8') || '\x00'
                    || convert_to(invoices, 'UTF8') || '\x00');
        EXECUTE format('DROP TRIGGER IF EXISTS relais_capture ON %s', target);
        EXECUTE format('CREATE TRIGGER relais_capture AFTER INSERT OR UPDATE OR DELETE'
            ' ON %s FOR EACH ROW EXECUTE FUNCTION relais_capture.record(%L, %L)',
            target, name, invoices);
    END LOOP;
    RETURN found;
END $$;

-- The codes of the owner companies, from the table of that name; none where it is missing.
CREATE FUNCTION relais_capture.companies(owner_companies text)
RETURNS TABLE (id text, code text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF to_regclass(format('%I', owner_companies)) IS NOT NULL THEN
        RETURN QUERY EXECUTE format(
            'SELECT c.id::text, coalesce(c.code::text, '''') FROM %I AS c LIMIT 1000',
            owner_companies);
    END IF;
END $$;

SELECT relais_capture.install(ARRAY['quotes', 'client_invoices', 'payments', 'leads',
    'people', 'companies', 'cgv_acceptances', 'quote_items', 'invoice_items']);
