# mypy: ignore-errors
"""Stock hikari, told nothing but the address; runs in an environment of its own.

Prints one JSON line for READY, RESUMED and each message.
"""

import json
import os
import sys

import hikari


def main() -> None:
    """Run until killed. ``argv[1]`` is the API base; the token is in ``JUDGE_TOKEN``."""
    wanted = hikari.Intents.ALL_UNPRIVILEGED | hikari.Intents.MESSAGE_CONTENT
    token = os.environ["JUDGE_TOKEN"]
    bot = hikari.GatewayBot(token, rest_url=sys.argv[1], banner=None, intents=wanted, logs=None)

    def say(**fact: object) -> None:
        print(json.dumps(fact), flush=True)

    @bot.listen()
    async def on_ready(event: hikari.ShardReadyEvent) -> None:
        say(ready=event.shard.id)

    @bot.listen()
    async def on_resumed(event: hikari.ShardResumedEvent) -> None:
        say(resumed=event.shard.id)

    @bot.listen()
    async def on_message(event: hikari.GuildMessageCreateEvent) -> None:
        say(message=str(event.message_id))

    bot.run(check_for_updates=False)


main()
