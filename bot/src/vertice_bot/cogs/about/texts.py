"""What ``/ping`` and ``/about`` say."""

PING_DESCRIPTION = "Is the bot awake, and which instance answers?"
ABOUT_DESCRIPTION = "Version, uptime and where this bot runs"

PONG = "Pong! Gateway {latency} · replica `{replica}` · shard {shard}"
LATENCY = "{milliseconds} ms"
LATENCY_UNKNOWN = "not measured yet"

TITLE = "Vértice {version}"
SUMMARY = (
    "Moderation, statistics and more, from a bot that keeps answering while it is being updated."
)
UPTIME = "Running since"
REPLICA = "Replica"
REVISION = "Revision"
SHARD = "Shard"
SHARD_VALUE = "{shard} of {count}"
EPOCH = "Lease epoch"
LATENCY_NAME = "Gateway"
NONE = "none"
INVITE = "Invite"
