-- Moderation cases, written ahead: a row is `pending` before anything is done, and `applied` or
-- `failed` after. A crash in between leaves `pending`, which the sweep settles.

-- Several bots may share a database, hence `bot` (<namespace>/<name>) comes first everywhere.

-- One row per guild: the next number is taken in the transaction that inserts the case, so numbers
-- are unique and without gaps however many moderators work at once.
CREATE TABLE vertice.case_counter (
    bot         text    NOT NULL,
    guild_id    bigint  NOT NULL,
    last_number integer NOT NULL CHECK (last_number > 0),
    PRIMARY KEY (bot, guild_id)
);

CREATE TABLE vertice.moderation_case (
    bot            text        NOT NULL,
    guild_id       bigint      NOT NULL,
    number         integer     NOT NULL CHECK (number > 0),
    kind           text        NOT NULL CHECK (kind IN ('warn')),
    status         text        NOT NULL DEFAULT 'pending'
                               CHECK (status IN ('pending', 'applied', 'failed')),
    member_id      bigint      NOT NULL,
    moderator_id   bigint      NOT NULL,
    reason         text        NOT NULL CHECK (char_length(reason) BETWEEN 1 AND 512),
    -- The interaction that asked for the case: a replayed interaction can never open a second one.
    interaction_id bigint      NOT NULL UNIQUE,
    -- What became of the direct message to the member; `unknown` after a crash in mid-send.
    notice         text        NOT NULL DEFAULT 'waiting'
                               CHECK (notice IN ('waiting', 'sent', 'refused', 'failed', 'unknown')),
    failure        text        CHECK (char_length(failure) <= 200),
    created_at     timestamptz NOT NULL DEFAULT now(),
    settled_at     timestamptz,
    PRIMARY KEY (bot, guild_id, number),
    CHECK ((status = 'pending') = (settled_at IS NULL)),
    CHECK ((status = 'pending') = (notice = 'waiting')),
    CHECK ((status = 'failed') = (failure IS NOT NULL))
);

CREATE INDEX moderation_case_of_member
    ON vertice.moderation_case (bot, guild_id, member_id, number DESC);

-- The sweep looks only at what is open, which is nearly nothing.
CREATE INDEX moderation_case_open
    ON vertice.moderation_case (bot, created_at) WHERE status = 'pending';
