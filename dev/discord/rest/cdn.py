"""Files of messages, as Discord's CDN serves them."""

from __future__ import annotations

from aiohttp import web

from dev.discord.core import CORE

_INLINE = ("image/", "text/plain")


async def get_attachment(request: web.Request) -> web.Response:
    """Serve an attachment; anything that is not a picture or plain text is a download."""
    core = request.app[CORE]
    found = core.world.attachments.get(int(request.match_info["attachment_id"]))
    if found is None or found.channel_id != int(request.match_info["channel_id"]):
        return web.Response(status=404, text="This content is no longer available.")
    shown = found.content_type.startswith(_INLINE) and "svg" not in found.content_type
    disposition = "inline" if shown else "attachment"
    return web.Response(
        body=found.data,
        headers={
            "Content-Type": found.content_type,
            "Content-Disposition": disposition,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=3600",
        },
    )
