-- The ledger: what was done, what is being done, what waits. Applied by `relais migrate`.
--
-- Payloads and JSON are bytea: jsonb and text refuse NUL and normalise what must stay as it
-- was. Ids and keys are COLLATE "C": compared as bytes, and faster.
CREATE SCHEMA IF NOT EXISTS relais;

-- Events that are finished. `event` is the ce_id of what Relais made, "<ce_source> <ce_id>"
-- of foreign ones. Kept longer than any topic or sender can repeat (retention job).
CREATE TABLE relais.finished_event (
    worker      text COLLATE "C" NOT NULL,
    event       text COLLATE "C" NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    -- The event first: it differs at the first look, which halves the cost of a look-up.
    PRIMARY KEY (event, worker)
);
CREATE INDEX finished_event_age ON relais.finished_event USING brin (finished_at);

-- Calls that must not be repeated. intent: an attempt may be under way until deadline_at;
-- open: refused or certainly not sent, may be tried; confirmed: done, `result` is the
-- provider's answer; flagged: may have been done and cannot be looked up, a person decides.
CREATE TABLE relais.effect (
    kind        text COLLATE "C" NOT NULL,
    identity    text COLLATE "C" NOT NULL,
    state       text NOT NULL CHECK (state IN ('intent', 'open', 'confirmed', 'flagged')),
    attempt     bigint NOT NULL DEFAULT 1,
    worker      text COLLATE "C" NOT NULL,
    partition   integer,
    epoch       bigint,
    deadline_at timestamptz,
    result      bytea,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, identity)
);
CREATE INDEX effect_unsettled ON relais.effect (state, updated_at)
    WHERE state <> 'confirmed';

-- Our row <-> the provider's object. `company` is the scope of the provider's account, ''
-- where one account serves all.
CREATE TABLE relais.external_ref (
    system      text COLLATE "C" NOT NULL,
    company     text COLLATE "C" NOT NULL,
    collection  text COLLATE "C" NOT NULL,
    local_id    text COLLATE "C" NOT NULL,
    remote_type text COLLATE "C" NOT NULL,
    remote_id   text COLLATE "C" NOT NULL,
    lane_key    text COLLATE "C" NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (system, company, collection, local_id)
);
CREATE INDEX external_ref_remote
    ON relais.external_ref (system, company, remote_type, remote_id);

-- Follow-up events that are committed but not yet acknowledged by Kafka, in order of seq.
-- worker and partition name the owner that publishes; both NULL: the leader does.
CREATE TABLE relais.outbox (
    seq        bigserial NOT NULL,
    topic      text COLLATE "C" NOT NULL,
    id         text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    headers    bytea NOT NULL,
    payload    bytea NOT NULL,
    worker     text COLLATE "C",
    partition  integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, id)
);
CREATE INDEX outbox_order ON relais.outbox (worker, partition, seq);

-- Events that wait for their time, and those behind them in the same lane, in order of seq.
CREATE TABLE relais.parked_event (
    seq              bigserial PRIMARY KEY,
    worker           text COLLATE "C" NOT NULL,
    partition        integer NOT NULL,
    lane             text COLLATE "C" NOT NULL,
    event            text COLLATE "C" NOT NULL,
    topic            text COLLATE "C" NOT NULL,
    headers          bytea NOT NULL,
    key              bytea,
    payload          bytea,
    attempts         integer NOT NULL DEFAULT 0,
    first_attempt_at timestamptz,
    due_at           timestamptz NOT NULL,
    error            text NOT NULL DEFAULT '',
    parked_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (event, worker)
);
CREATE INDEX parked_event_lane ON relais.parked_event (worker, partition, lane, seq);
CREATE INDEX parked_event_due ON relais.parked_event (worker, due_at);

-- The fence: who owns a partition writes with its epoch, and only the newest epoch writes.
CREATE TABLE relais.partition_epoch (
    worker     text COLLATE "C" NOT NULL,
    partition  integer NOT NULL,
    epoch      bigint NOT NULL,
    owner      text NOT NULL,
    assigned_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (worker, partition)
);

-- What `relais journey` shows: one row an attempt.
CREATE TABLE relais.journey_step (
    id      bigserial PRIMARY KEY,
    entity  text COLLATE "C" NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    worker  text NOT NULL,
    event   text NOT NULL,
    type    text NOT NULL,
    attempt integer NOT NULL,
    outcome text NOT NULL,
    took_ms integer NOT NULL,
    note    text NOT NULL,
    calls   text NOT NULL
);
CREATE INDEX journey_step_entity ON relais.journey_step (entity, id);
CREATE INDEX journey_step_age ON relais.journey_step USING brin (at);

-- What a worker last acted on for an entity. Kept for ever.
CREATE TABLE relais.entity_state (
    worker     text COLLATE "C" NOT NULL,
    entity     text COLLATE "C" NOT NULL,
    state      bytea NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (worker, entity)
);

CREATE TABLE relais.sweep_cursor (
    worker     text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    value      text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (worker, name)
);

-- What a person must look at: `relais status`.
CREATE TABLE relais.attention (
    kind        text COLLATE "C" NOT NULL,
    entity      text COLLATE "C" NOT NULL,
    worker      text NOT NULL,
    text        text NOT NULL,
    raised_at   timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    PRIMARY KEY (kind, entity)
);
