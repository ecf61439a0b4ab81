"""The small community that is there when the server starts."""

from __future__ import annotations

from dataclasses import dataclass

from dev.discord.world import applications, guilds, messages, permissions
from dev.discord.world.models import Application, Channel, Guild, User
from dev.discord.world.state import World

DEFAULT_TOKEN = "MTEwMDAwMDAwMDAwMDAwMDAwMA.local.not-a-secret"  # noqa: S105 -- says so itself
"""The token of the seeded bot when none is given; easy to recognise, of no use anywhere else.

Its first part is the application's id, as in a real token: some clients read it (hikari does).
"""


@dataclass(frozen=True, slots=True)
class Seed:
    """The parts of the seeded community, for whoever started the server."""

    guild: Guild
    general: Channel
    owner: User
    moderator: User
    member: User
    bot: Application


def plant(world: World, token: str, bot_name: str = "vertice") -> Seed:
    """Make one guild with four channels, three roles, three people, and the bot."""
    owner = guilds.create_user(world, "olivia", "Olivia")
    moderator = guilds.create_user(world, "marco", "Marco")
    member = guilds.create_user(world, "nina", "Nina")
    guild = guilds.create_guild(world, "Vértice HQ", owner.id)
    guilds.create_role(world, guild, "Member", color=0x3BA55D)
    mods = guilds.create_role(world, guild, "Moderator", permissions.MODERATOR, color=0xFAA61A)
    topics = {
        "welcome": "Start here",
        "general": "Talk about anything",
        "bot-commands": "Try the bot here: type / to see what it can do",
        "mod-log": "What the moderators did",
    }
    channels = {
        name: guilds.create_channel(world, guild, name, topic=topic)
        for name, topic in topics.items()
    }
    guilds.join(world, guild, moderator.id, [mods.id])
    guilds.join(world, guild, member.id)
    bot = applications.register(world, bot_name, token, owner.id)
    applications.invite(world, bot, guild)
    _greet(world, channels["welcome"], owner)
    return Seed(guild, channels["general"], owner, moderator, member, bot)


def _greet(world: World, channel: Channel, owner: User) -> None:
    text = (
        "Welcome to your local Discord. Nothing here leaves this machine.\n"
        "Go to **#bot-commands** and type `/` to see what the bot can do."
    )
    messages.send(world, channel, messages.Draft(owner.id, text))
