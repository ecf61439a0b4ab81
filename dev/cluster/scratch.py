"""Images that hold one static program and nothing else, written without a Docker engine."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65532


@dataclass(frozen=True)
class ScratchImage:
    """A program on an empty file system.

    Parameters
    ----------
    reference
        Name and tag.
    program
        The static program; it becomes the entry point, at the root.
    user
        Numeric user that it runs as.
    files
        Further files: path in the image, without the leading slash, and the file on this machine.
    """

    reference: str
    program: Path
    user: int = NOBODY
    files: tuple[tuple[str, Path], ...] = ()

    @property
    def full_reference(self) -> str:
        """The reference as a container runtime completes it."""
        return full_reference(self.reference)


def full_reference(reference: str) -> str:
    """Complete an image reference as Docker does: registry, ``library/`` and tag.

    >>> full_reference("vertice-bot:dev")
    'docker.io/library/vertice-bot:dev'
    """
    first, slash, _ = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        complete = reference
    elif slash:
        complete = f"docker.io/{reference}"
    else:
        complete = f"docker.io/library/{reference}"
    last = complete.rpartition("/")[2]
    return complete if ":" in last or "@" in last else f"{complete}:latest"


def machine_architecture() -> str:
    """Return this machine's processor as container images name it."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _member(name: str, content: bytes, mode: int) -> tuple[tarfile.TarInfo, io.BytesIO]:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = mode
    return entry, io.BytesIO(content)


def _tar(members: Sequence[tuple[str, bytes, int]]) -> bytes:
    # No clock and no owner go in, so that the same program makes the same image everywhere.
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content, mode in members:
            archive.addfile(*_member(name, content, mode))
    return buffer.getvalue()


def image_archive(image: ScratchImage) -> bytes:
    """Return the image as ``docker save`` would write it; the same input makes the same bytes."""
    program = image.program.name
    members = [(program, image.program.read_bytes(), 0o755)]
    members += [(name, path.read_bytes(), 0o644) for name, path in image.files]
    layer = _tar(members)
    config = json.dumps(
        {
            "architecture": machine_architecture(),
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {"Entrypoint": [f"/{program}"], "User": str(image.user), "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(layer)}"]},
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": f"program {program}"}],
        },
        sort_keys=True,
    ).encode()
    config_name = f"{_digest(config)}.json"
    manifest = [
        {
            "Config": config_name,
            "RepoTags": [image.full_reference],
            "Layers": [f"{_digest(layer)}/layer.tar"],
        }
    ]
    return _tar(
        [
            (config_name, config, 0o644),
            (f"{_digest(layer)}/layer.tar", layer, 0o644),
            ("manifest.json", json.dumps(manifest).encode(), 0o644),
        ]
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_archive(image: ScratchImage, folder: Path) -> Path:
    """Write the archive of an image into ``folder``, unless it is there, and return its path.

    The name holds a digest of the inputs, so that an archive is never stale.
    """
    inputs = hashlib.sha256(image.program.read_bytes())
    for name, path in image.files:
        inputs.update(name.encode() + path.read_bytes())
    inputs.update(f"{image.reference} {image.user}".encode())
    target = folder / f"{image.program.name}-{inputs.hexdigest()[:16]}.tar"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        staged = target.with_suffix(".new")
        staged.write_bytes(image_archive(image))
        staged.rename(target)
    return target
