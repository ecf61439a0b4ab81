-- Ownership of shards, the ledger of effects, and the log of handler starts.

-- One row per shard (row 0 stands for all of them while one replica runs everything).
-- The epoch grows with each change of owner and is what every effect is fenced by; rev grows with
-- each renewal, so that a renewal that was overtaken by a later one changes nothing.
CREATE TABLE vertice.shard (
    bot         text        NOT NULL,
    id          integer     NOT NULL CHECK (id >= 0),
    owner       text,
    epoch       bigint      NOT NULL DEFAULT 0 CHECK (epoch >= 0),
    rev         bigint      NOT NULL DEFAULT 0,
    lease_until timestamptz,
    PRIMARY KEY (bot, id)
);

-- What was done, once each. The row is written in the transaction of the change that it stands
-- for. "started" is a claim on something outside Postgres that is not known to be finished.
CREATE TABLE vertice.effect (
    bot    text        NOT NULL,
    key    text        NOT NULL,
    kind   text        NOT NULL,
    epoch  bigint      NOT NULL,
    status text        NOT NULL CHECK (status IN ('started', 'done')),
    at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bot, key, kind)
);
CREATE INDEX effect_at ON vertice.effect (at);

-- Starts of handlers, for tests that look for duplicates: no unique constraint on purpose.
CREATE TABLE vertice.dispatch_log (
    event_key text        NOT NULL,
    handler   text        NOT NULL,
    epoch     bigint      NOT NULL,
    replica   text        NOT NULL,
    at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dispatch_log_at ON vertice.dispatch_log (at);

-- Small facts of a bot, such as the hash of the commands that Discord has.
CREATE TABLE vertice.kv (
    bot        text        NOT NULL,
    key        text        NOT NULL,
    value      text        NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bot, key)
);
