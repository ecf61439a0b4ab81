-- Leases per shard, and what another process needs to go on with a shard's session.

-- Who is to take a released shard, and when it was released: the others wait a while for the heir.
ALTER TABLE vertice.shard ADD COLUMN heir text, ADD COLUMN freed_at timestamptz;

-- One row per process start that is logged in to Discord; placement looks only at rows seen lately.
CREATE TABLE vertice.member (
    bot       text        NOT NULL,
    owner     text        NOT NULL,
    replica   text        NOT NULL,
    revision  text        NOT NULL,
    draining  boolean     NOT NULL DEFAULT false,
    joined_at timestamptz NOT NULL DEFAULT now(),
    seen_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bot, owner)
);

-- What a RESUME needs. Written with each renewal and exactly at a hand-over, always by the owner
-- under its epoch. done is the watermark: every event up to it has finished its handlers.
CREATE TABLE vertice.session (
    bot         text        NOT NULL,
    shard       integer     NOT NULL,
    epoch       bigint      NOT NULL,
    session_id  text        NOT NULL,
    resume_url  text        NOT NULL,
    done        bigint      NOT NULL,
    received    bigint      NOT NULL,
    fingerprint text        NOT NULL,
    clean       boolean     NOT NULL DEFAULT false,
    saved_at    timestamptz NOT NULL DEFAULT now(),
    -- How often in a row the shard was taken from a dead owner at the same watermark.
    stuck_at    bigint,
    crashes     integer     NOT NULL DEFAULT 0,
    PRIMARY KEY (bot, shard)
);

-- The guilds of a session as Discord described them (zlib, JSON), and the events that changed them
-- since. A process that resumes fills its cache from these first: discord.py drops events of guilds
-- that it does not know.
CREATE TABLE vertice.guild_state (
    bot        text   NOT NULL,
    shard      integer NOT NULL,
    session_id text   NOT NULL,
    guild_id   bigint NOT NULL,
    seq        bigint NOT NULL,
    data       bytea  NOT NULL,
    PRIMARY KEY (bot, shard, guild_id)
);
CREATE TABLE vertice.guild_journal (
    bot        text   NOT NULL,
    shard      integer NOT NULL,
    session_id text   NOT NULL,
    seq        bigint NOT NULL,
    guild_id   bigint NOT NULL,
    name       text   NOT NULL,
    data       bytea  NOT NULL,
    PRIMARY KEY (bot, shard, session_id, seq)
);

-- Events that could not be read, or that ended the process again and again. No token, no secret is
-- in an event; its text may be personal data, hence the short life (pruned after 7 days).
CREATE TABLE vertice.dead_letter (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bot        text        NOT NULL,
    shard      integer     NOT NULL,
    session_id text        NOT NULL,
    seq        bigint      NOT NULL,
    epoch      bigint      NOT NULL,
    name       text        NOT NULL,
    reason     text        NOT NULL,
    detail     text        NOT NULL,
    payload    text        NOT NULL,
    at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dead_letter_at ON vertice.dead_letter (at);

-- How often the handling of one event was begun in careful mode.
CREATE TABLE vertice.replay_attempt (
    bot        text    NOT NULL,
    session_id text    NOT NULL,
    seq        bigint  NOT NULL,
    attempts   integer NOT NULL DEFAULT 1,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bot, session_id, seq)
);

-- When the next IDENTIFY of a bucket may be sent, over all replicas.
CREATE TABLE vertice.identify_turn (
    bot     text        NOT NULL,
    bucket  integer     NOT NULL,
    free_at timestamptz NOT NULL,
    PRIMARY KEY (bot, bucket)
);
