"""Request bodies: JSON, or a form with ``payload_json`` and files."""

from __future__ import annotations

import mimetypes
import struct
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from dev.discord.rest.errors import ApiError
from dev.discord.snowflake import Snowflakes
from dev.discord.wire import Json, loads
from dev.discord.world.models import Attachment

_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a form."""

    index: int
    """The n of its field name ``files[n]``, by which ``attachments`` of the body refer to it."""
    filename: str
    content_type: str
    data: bytes


async def read_body(request: web.Request) -> tuple[Any, list[Upload]]:
    """Return the JSON body, or None, and the uploaded files; raises ``ApiError`` on bad JSON."""
    if request.content_type == "multipart/form-data":
        return await _read_form(request)
    raw = await request.read()
    if not raw:
        return None, []
    return _json(raw), []


async def _read_form(request: web.Request) -> tuple[Any, list[Upload]]:
    body: Any = None
    files: list[Upload] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        data = bytes(await part.read(decode=True))
        name = part.name or ""
        if name == "payload_json":
            body = _json(data)
        elif name.startswith("file"):
            filename = part.filename or "file"
            kind = part.headers.get("Content-Type") or ""
            files.append(Upload(_index(name, len(files)), filename, _kind(kind, filename), data))
    return body, files


def to_attachments(
    body: Json, files: list[Upload], channel_id: int, ids: Snowflakes
) -> list[Attachment]:
    """Make attachments of the uploads, with name and description from ``body["attachments"]``."""
    described = {str(item.get("id")): item for item in body.get("attachments") or []}
    made = []
    for upload in files:
        extra = described.get(str(upload.index), {})
        width, height = image_size(upload.data) or (None, None)
        made.append(
            Attachment(
                id=ids.next(),
                channel_id=channel_id,
                filename=str(extra.get("filename") or upload.filename),
                content_type=upload.content_type,
                data=upload.data,
                description=extra.get("description"),
                width=width,
                height=height,
            )
        )
    return made


def image_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a PNG, None for anything else."""
    if not data.startswith(_PNG) or len(data) < 24:
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _index(name: str, position: int) -> int:
    digits = name.partition("[")[2].rstrip("]")
    return int(digits) if digits.isdigit() else position


def _kind(declared: str, filename: str) -> str:
    if declared and declared != "application/octet-stream":
        return declared
    return mimetypes.guess_type(filename)[0] or "application/octet-stream"


def _json(raw: bytes) -> Any:
    try:
        return loads(raw)
    except ValueError:
        raise ApiError(400, 50109, "The request body contains invalid JSON.") from None
