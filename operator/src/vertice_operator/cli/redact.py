"""Removes secrets from what is about to leave the cluster. Pure.

Three nets, each for what the others let through: values that are known to be secret, fields whose
names say that they hold a secret, and texts that look like one wherever they stand.
"""

import base64
import json
import re
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any

MARK = "[redacted]"
SHORTEST = 6
"""Shorter values are not looked for: they are part of ordinary words."""

_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # A Discord bot token: user id, time and signature.
    (re.compile(r"[\w-]{18,}\.[\w-]{5,8}\.[\w-]{25,}"), MARK),
    # A JSON web token, such as a service account's.
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), MARK),
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)",
                   re.DOTALL),
        MARK,
    ),
    (re.compile(r"(?i)\b(authorization['\"]?\s*[:=]\s*['\"]?)(?:(bot|bearer|basic)\s+)?"
                r"[^\s'\",}]+"), rf"\1{MARK}"),
    # User and password in an address; a stroke in the password is often not written as %2F.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@:'\"]*:[^\s@'\"]+@"), rf"\1{MARK}@"),
    (re.compile(r"(?i)(/webhooks/\d+/|/interactions/\d+/)[\w.-]{20,}"), rf"\1{MARK}"),
    (re.compile(r"(?i)(hooks\.slack\.com/services/)[\w/]+"), rf"\1{MARK}"),
    (
        re.compile(
            # The last part keeps off what is no value: a switch, a block, what is removed already.
            r"(?i)\b([\w.-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key)"
            r"\\*['\"]?[ \t]*[=:][ \t]*)(?!\\*['\"]?\[redacted|(?:true|false|null|~)\b|[{\[|>])"
            # Quotes may be escaped: a log line is often JSON with such words inside.
            r"(\\*\"[^\"\n]*\"|'[^'\n]*'|[^\s,;}\"']+)"
        ),
        rf"\1{MARK}",
    ),
)  # fmt: skip
_SECRET_NAME = re.compile(
    r"(?i)(password|passwd|passphrase|secret|token|api_?key|private_?key|credential|dsn)s?$"
)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Redactor:
    """Cleans texts and objects, and counts what it removed.

    Parameters
    ----------
    known
        Values that are secret, such as the content of the Secrets that a bot refers to. They are
        looked for as they are, in base64, in URLs and as JSON writes them.
    """

    def __init__(self, known: Iterable[bytes] = ()) -> None:
        self._known = sorted({form for value in known for form in _forms(value)}, key=len)[::-1]
        self.count = 0

    def text(self, words: str) -> str:
        """Give a text without secrets."""
        for form in self._known:
            self.count += words.count(form)
            words = words.replace(form, MARK)
        for shape, instead in _SHAPES:
            words, found = shape.subn(instead, words)
            self.count += found
        return words

    def item(self, value: Any, name: str = "") -> Any:
        """Give an object of the API server without secrets; its shape stays."""
        if isinstance(value, Mapping):
            return {key: self._field(str(key), inner, value) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.item(each, name) for each in value]
        if not isinstance(value, str):
            return value
        if value and _SECRET_NAME.search(name):
            self.count += 1
            return MARK
        return self.text(value)

    def _field(self, key: str, inner: Any, beside: Mapping[str, Any]) -> Any:
        if key in (_LAST_APPLIED, "managedFields"):
            # The first repeats the whole object as one text; the second says nothing here.
            self.count += key == _LAST_APPLIED
            return MARK if key == _LAST_APPLIED else []
        if key == "value" and isinstance(beside.get("name"), str):
            return self.item(inner, str(beside["name"]))  # an environment variable
        return self.item(inner, key)


def _forms(value: bytes) -> Iterable[str]:
    """Give the texts in which a value may turn up, each line of several by itself as well."""
    plain = value.decode(errors="replace").strip()
    for each in {plain, *plain.splitlines(), *_inside(plain)}:
        if len(each) >= SHORTEST:
            yield each
            yield json.dumps(each)[1:-1]
            yield json.dumps(each, ensure_ascii=False)[1:-1]
            yield urllib.parse.quote(each, safe="")
            yield urllib.parse.quote_plus(each)
            yield from _base64(each.encode())
    if len(value) >= SHORTEST:
        yield from _base64(value)


def _base64(value: bytes) -> Iterable[str]:
    """Give the two usual alphabets, without the end that depends on what follows."""
    yield base64.b64encode(value).decode().rstrip("=")
    yield base64.urlsafe_b64encode(value).decode().rstrip("=")


def _inside(plain: str) -> Iterable[str]:
    """Give the secret fields of a JSON document, such as a Google key file."""
    try:
        said = json.loads(plain)
    except ValueError:
        return
    if isinstance(said, Mapping):
        for key, value in said.items():
            if isinstance(value, str) and _SECRET_NAME.search(str(key)):
                yield value
                yield from value.splitlines()
