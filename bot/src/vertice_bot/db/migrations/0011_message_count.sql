-- Message counts by hour. No content is stored, and nothing about a single message outlives the
-- time in which Discord could send it again.

CREATE TABLE vertice.message_count (
    bot        text        NOT NULL,
    guild_id   bigint      NOT NULL,
    hour       timestamptz NOT NULL,
    channel_id bigint      NOT NULL,
    member_id  bigint      NOT NULL,
    messages   integer     NOT NULL CHECK (messages > 0),
    PRIMARY KEY (bot, guild_id, hour, channel_id, member_id)
);

-- Ids of messages counted lately. A count goes up only in the statement that inserts the id here,
-- so a flush that is repeated, or an event that is replayed to another replica, adds nothing.
-- A message id holds its own time, hence old ids are pruned by range (see repos/message_counts.py).
CREATE TABLE vertice.counted_message (
    id  bigint NOT NULL,
    bot text   NOT NULL,
    PRIMARY KEY (id, bot)
);
