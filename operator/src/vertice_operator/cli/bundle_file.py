"""A support bundle: files by name, told in a list of contents, packed the same way every time."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import yaml

from vertice_operator.cli.redact import Redactor

CONTENTS = "README.txt"
_LARGEST = 4 * 1024 * 1024


@dataclass
class Bundle:
    """Collects files; each is redacted when it is added, so that nothing else can get in.

    ``missing`` says by topic what could not be had, and why.
    """

    redactor: Redactor
    files: dict[str, bytes] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add_text(self, path: str, words: str) -> None:
        """Add a text."""
        clean = self.redactor.text(words).encode()
        self.files[path] = clean[-_LARGEST:]

    def add_object(self, path: str, item: Mapping[str, Any]) -> None:
        """Add an object of the API server, as YAML."""
        clean = self.redactor.item(dict(item))
        self.add_text(path, yaml.safe_dump(clean, sort_keys=False, allow_unicode=True, width=100))

    def lacks(self, topic: str, why: str) -> None:
        """Tell what is not in the bundle."""
        self.missing[topic] = self.redactor.text(why)

    def contents(self, head: str) -> str:
        """Describe the bundle: what is in it, what is not, what was removed."""
        listed = "\n".join(
            f"  {name}  {len(self.files[name])} bytes" for name in sorted(self.files)
        )
        absent = "\n".join(f"  {topic}: {why}" for topic, why in sorted(self.missing.items()))
        return (
            f"{head}\n\nRemoved: {self.redactor.count} places that held or looked like a secret "
            f"now say [redacted]. Secrets themselves are not in here, not even in base64.\n\n"
            f"Files\n{listed}\n\nNot in here\n{absent or '  nothing is missing'}\n"
        )

    def packed(self, folder: str, head: str, now: datetime) -> bytes:
        """Give the bundle as .tar.gz, all files below one folder."""
        files = {CONTENTS: self.contents(head).encode(), **dict(sorted(self.files.items()))}
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(f"{folder}/{name}")
                entry.size, entry.mtime, entry.mode = len(content), int(now.timestamp()), 0o600
                archive.addfile(entry, io.BytesIO(content))
        return gzip.compress(plain.getvalue(), mtime=0)
