"""How the world looks on the wire: API objects built from our own records."""

from __future__ import annotations

from dev.discord.clock import iso
from dev.discord.snowflake import epoch_seconds
from dev.discord.wire import Json
from dev.discord.world import permissions
from dev.discord.world.models import (
    Application,
    Attachment,
    Channel,
    ChannelType,
    Guild,
    Member,
    Message,
    Role,
    User,
)
from dev.discord.world.state import World

GATEWAY_FLAGS = {
    # privileged intent -> flag of an unverified app that has it switched on in the portal
    1 << 8: 1 << 13,
    1 << 1: 1 << 15,
    1 << 15: 1 << 19,
}


def user(record: User) -> Json:
    """Render a user."""
    return {
        "id": str(record.id),
        "username": record.name,
        "global_name": None if record.bot else record.display_name,
        "discriminator": "0",
        "avatar": None,
        "bot": record.bot,
        "public_flags": 0,
    }


def role(record: Role) -> Json:
    """Render a role."""
    return {
        "id": str(record.id),
        "name": record.name,
        "permissions": str(record.permissions),
        "position": record.position,
        "color": record.color,
        "colors": {"primary_color": record.color, "secondary_color": None, "tertiary_color": None},
        "hoist": record.hoist,
        "managed": record.managed,
        "mentionable": record.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def member(world: World, record: Member, *, with_user: bool = True) -> Json:
    """Render a guild member; messages carry it without the user inside."""
    body: Json = {
        "roles": [str(role_id) for role_id in record.roles],
        "joined_at": iso(record.joined_at),
        "nick": record.nick,
        "avatar": None,
        "banner": None,
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "pending": False,
        "flags": 0,
        "communication_disabled_until": record.timeout_until,
    }
    if with_user:
        body["user"] = user(world.user(record.user_id))
    return body


def channel(world: World, record: Channel, viewer: int | None = None) -> Json:
    """Render a channel of a guild or of two people; ``viewer`` is not among its own recipients."""
    body: Json = {
        "id": str(record.id),
        "type": int(record.type),
        "flags": 0,
        "last_message_id": str(max(record.messages)) if record.messages else None,
    }
    if record.type is ChannelType.DM:
        others = [person for person in record.recipients if person != viewer]
        return {**body, "recipients": [user(world.user(person)) for person in others]}
    return {
        **body,
        "guild_id": str(record.guild_id),
        "name": record.name,
        "topic": record.topic,
        "position": record.position,
        "parent_id": str(record.parent_id) if record.parent_id else None,
        "nsfw": record.nsfw,
        "rate_limit_per_user": record.slowmode,
        "bitrate": 64_000,
        "user_limit": 0,
        "permission_overwrites": [
            {"id": str(o.id), "type": o.type, "allow": str(o.allow), "deny": str(o.deny)}
            for o in record.overwrites
        ],
    }


def guild(record: Guild) -> Json:
    """Render a guild as REST does: without channels and members."""
    return {
        "id": str(record.id),
        "name": record.name,
        "owner_id": str(record.owner_id),
        "roles": [role(item) for item in record.roles.values()],
        "icon": None,
        "banner": None,
        "splash": None,
        "discovery_splash": None,
        "description": None,
        "emojis": [],
        "stickers": [],
        "features": [],
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "safety_alerts_channel_id": None,
        "application_id": None,
        "widget_enabled": False,
        "vanity_url_code": None,
        "verification_level": 1,
        "default_message_notifications": 1,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "nsfw": False,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "premium_progress_bar_enabled": False,
        "preferred_locale": "en-US",
        "max_members": 500_000,
        "max_presences": None,
        "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50,
        "region": "local",
    }


def guild_create(world: World, record: Guild, me: int, *, everybody: bool) -> Json:
    """Render the data of GUILD_CREATE for the bot ``me``.

    Without GUILD_PRESENCES the member list has only the bot itself (docs, GUILD_CREATE); with it
    (``everybody``) it has all members.
    """
    shown = record.members.values() if everybody else [record.members[me]]
    return {
        **guild(record),
        "joined_at": iso(record.members[me].joined_at),
        "large": False,
        "unavailable": False,
        "member_count": len(record.members),
        "members": [member(world, item) for item in shown],
        "channels": [channel(world, item) for item in record.channels.values()],
        "threads": [],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def attachment(record: Attachment, base: str) -> Json:
    """Render an attachment whose file is served under ``base``."""
    url = f"{base}/cdn/attachments/{record.channel_id}/{record.id}/{record.filename}"
    body: Json = {
        "id": str(record.id),
        "filename": record.filename,
        "size": len(record.data),
        "url": url,
        "proxy_url": url,
        "content_type": record.content_type,
        "ephemeral": False,
    }
    if record.description:
        body["description"] = record.description
    if record.width and record.height:
        body |= {"width": record.width, "height": record.height}
    return body


def message(world: World, record: Message, *, nested: bool = False) -> Json:
    """Render a message; ``nested`` leaves out the message it replies to."""
    urls = {item.filename: attachment(item, world.base) for item in record.attachments}
    body: Json = {
        "id": str(record.id),
        "channel_id": str(record.channel_id),
        "author": user(world.user(record.author_id)),
        "content": record.content,
        "timestamp": iso(epoch_seconds(record.id)),
        "edited_timestamp": iso(record.edited_at) if record.edited_at else None,
        "type": int(record.type),
        "flags": record.flags,
        "tts": record.tts,
        "pinned": record.pinned,
        "mention_everyone": record.mention_everyone,
        "mentions": [user(world.user(item)) for item in record.mentions],
        "mention_roles": [str(item) for item in record.mention_roles],
        "attachments": list(urls.values()),
        "embeds": [_embed(item, urls) for item in record.embeds],
        "components": record.components,
        "reactions": _reactions(record),
    }
    if record.nonce is not None:
        body["nonce"] = record.nonce
    if record.application_id is not None:
        body["application_id"] = str(record.application_id)
    if record.interaction is not None:
        body["interaction_metadata"] = record.interaction
        body["webhook_id"] = str(record.application_id)
    if record.reference is not None and not nested:
        body |= _reply(world, record, record.reference)
    return body


def gateway_message(world: World, record: Message) -> Json:
    """Render a message as gateway events carry it: with guild and member."""
    body = message(world, record)
    if record.guild_id is None:
        return body
    body["guild_id"] = str(record.guild_id)
    author = world.guild(record.guild_id).members.get(record.author_id)
    if author is not None:
        body["member"] = member(world, author, with_user=False)
    return body


def application(world: World, record: Application) -> Json:
    """Render an application as its own token sees it."""
    flags = sum(flag for intent, flag in GATEWAY_FLAGS.items() if record.privileged & intent)
    return {
        "id": str(record.id),
        "name": record.name,
        "description": "An application of the local Discord",
        "icon": None,
        "bot_public": False,
        "bot_require_code_grant": False,
        "verify_key": f"{record.id:064x}",
        "owner": user(world.user(record.owner_id)),
        "bot": user(world.user(record.user_id)),
        "team": None,
        "flags": flags,
        "tags": [],
        "rpc_origins": [],
        "redirect_uris": [],
        "summary": "",
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "integration_types_config": {"0": {}, "1": {}},
        "approximate_guild_count": len(world.member_of(record.user_id)),
        "approximate_user_install_count": 0,
    }


def resolved_member(world: World, where: Guild, record: Member, in_channel: Channel) -> Json:
    """Render a member as interactions carry it: with permissions, without the user."""
    body = member(world, record, with_user=False)
    body["permissions"] = str(permissions.in_channel(where, in_channel, record))
    return body


def _reply(world: World, record: Message, target: int) -> Json:
    found = world.channel(record.channel_id).messages.get(target)
    reference: Json = {
        "type": 0,
        "message_id": str(target),
        "channel_id": str(record.channel_id),
    }
    if record.guild_id is not None:
        reference["guild_id"] = str(record.guild_id)
    return {
        "message_reference": reference,
        "referenced_message": message(world, found, nested=True) if found else None,
    }


def _reactions(record: Message) -> list[Json]:
    return [
        {
            "emoji": {"id": None, "name": emoji},
            "count": len(people),
            "count_details": {"burst": 0, "normal": len(people)},
            "me": False,
            "me_burst": False,
            "burst_colors": [],
        }
        for emoji, people in record.reactions.items()
    ]


def _embed(record: Json, urls: dict[str, Json]) -> Json:
    """Point ``attachment://name`` links of an embed to the file's address."""
    shown = {"type": "rich", **record}
    for part in ("image", "thumbnail", "author", "footer"):
        inner = shown.get(part)
        if not isinstance(inner, dict):
            continue
        key = "url" if part in ("image", "thumbnail") else "icon_url"
        link = str(inner.get(key, ""))
        if link.startswith("attachment://") and (file := urls.get(link[13:])):
            size = {name: file[name] for name in ("width", "height") if name in file}
            shown[part] = {**inner, key: file["url"], f"proxy_{key}": file["url"], **size}
    return shown
