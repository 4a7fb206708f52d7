-- What is to be said later: a row of the outbox with its time. One per (worker, entity,
-- name), so that a later word replaces the earlier; set and taken back in the settle that
-- decides it, moved into the outbox by whichever process of the worker sees it due.
CREATE TABLE relais.timer (
    worker  text COLLATE "C" NOT NULL,
    entity  text COLLATE "C" NOT NULL,
    name    text COLLATE "C" NOT NULL,
    due_at  timestamptz NOT NULL,
    topic   text COLLATE "C" NOT NULL,
    key     text COLLATE "C" NOT NULL,
    id      text COLLATE "C" NOT NULL,
    headers bytea NOT NULL,
    payload bytea NOT NULL,
    set_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (worker, entity, name)
);
CREATE INDEX timer_due ON relais.timer (worker, due_at);

-- How far the business's clock (timers, "today", days overdue) is ahead of the real one.
-- Empty but in tests and demos: workers read it only where CLOCK_MOVABLE says so.
CREATE TABLE relais.clock (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    ahead_ms bigint NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now()
);
