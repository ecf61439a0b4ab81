"""The last check of `make up`: somebody on the local Discord asks, and the bot answers."""

from __future__ import annotations

import asyncio
import time

import aiohttp

from dev.cluster.errors import ClusterError
from dev.discord.script import Script, ScriptError

_PATIENCE_SECONDS = 60.0


async def ping(page: str, patience: float = _PATIENCE_SECONDS) -> str:
    """Run ``/ping`` as a member of the seeded guild and return the bot's words.

    Args:
        page: Address of the local Discord, ``http://host:port``.
        patience: Seconds in which to try again: commands are there once the bot has synced them.

    Raises:
        ClusterError: No answer in that time; with the last refusal.
    """
    deadline = time.monotonic() + patience
    async with Script(f"{page.rstrip('/')}/_admin") as script:
        while True:
            try:
                home = await script.home()
                channel, member = home.channel("bot-commands"), home.user("nina")
                # By its id: others may have added bots with a command of that name.
                answer = await script.run_command(channel, member, "ping", bot_id=home.bot())
                if answer.content:
                    return answer.content
                seen = f"the interaction is {answer.state}"
            except (ScriptError, aiohttp.ClientError) as error:
                seen = str(error)
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"the bot does not answer /ping: {seen}. Look at its lines: "
                    "kubectl -n demo logs -l vertice.dev/bot=vertice -c bot"
                )
            # Refusals come at once; an answer that is late has waited in run_command already.
            await asyncio.sleep(0.5)
