"""Which image runs where the resource leaves it to the operator.

An operator upgrade restarts no bot: what the bot was first given is kept, and a newer default is
only shown, until somebody asks for it (a new image, ``restartAt``, ``adoptOperatorDefaults``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vertice_operator.api import names
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.decide.facts import Defaults, Facts


@dataclass(frozen=True, slots=True)
class Pins:
    """The defaults that hold for one bot, and the newer one it could have."""

    operator_version: str
    bot_image: str
    proxy_image: str
    update_available: str | None


def pins(facts: Facts) -> Pins:
    """Decide which defaults hold.

    In order: the operator's own where adoption is asked for or nothing runs yet; what the status
    remembers; what the live Deployment runs, where the status was lost. A default that
    ``restartAt`` brought is live before the status remembers it, and must not be taken back.
    """
    bot, newest = facts.bot, facts.defaults
    kept = bot.status.pinned
    if adopts(bot, facts.deployment):
        return Pins(newest.operator_version, newest.bot_image, newest.proxy_image, None)
    live = facts.deployment
    taken = _restarted(bot, live)
    bot_image = _live_image(live, names.CONTAINER_BOT, bot)
    if not (taken and bot_image == newest.bot_image):
        bot_image = (kept and kept.bot_image) or bot_image
    proxy_image = _live_image(live, names.CONTAINER_PROXY, bot)
    if not (taken and proxy_image == newest.proxy_image):
        proxy_image = (kept and kept.proxy_image) or proxy_image
    return Pins(
        operator_version=(kept and kept.operator_version) or newest.operator_version,
        bot_image=bot_image or newest.bot_image,
        proxy_image=proxy_image or newest.proxy_image,
        update_available=_newer(bot, bot_image, newest),
    )


def adopts(bot: DiscordBot, deployment: Mapping[str, Any] | None) -> bool:
    """Tell whether the resource asks for all that a newer operator would do otherwise."""
    if bot.spec.rollout.adopt_operator_defaults:
        return True
    if deployment is None or bot.spec.restart_at is None:
        return False
    return not _restarted(bot, deployment)


def _restarted(bot: DiscordBot, deployment: Mapping[str, Any] | None) -> bool:
    """Tell whether the restart that the spec asks for has reached the live template."""
    if deployment is None or bot.spec.restart_at is None:
        return False
    template = deployment["spec"]["template"]["metadata"].get("annotations") or {}
    return bool(template.get(names.ANNOTATION_RESTARTED_AT) == bot.spec.restart_at)


def _newer(bot: DiscordBot, pinned: str | None, newest: Defaults) -> str | None:
    """Return the operator's default where the bot runs an older one and could have it."""
    if not bot.spec.image.is_default or pinned in (None, newest.bot_image):
        return None
    return newest.bot_image


def _live_image(
    deployment: Mapping[str, Any] | None, container: str, bot: DiscordBot
) -> str | None:
    """Return the image that the live template names, where it was a default."""
    chosen = not bot.spec.image.is_default if container == names.CONTAINER_BOT else False
    if deployment is None or chosen:
        return None
    spec = deployment["spec"]["template"]["spec"]
    entries = [*(spec.get("initContainers") or ()), *spec["containers"]]
    return next((each["image"] for each in entries if each["name"] == container), None)
