"""Images: names, archives without an engine, command lines."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from dev.cluster.images import authority_bundle, bootstrap_command, build_command
from dev.cluster.scratch import ScratchImage, full_reference, image_archive, write_archive


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("vertice-bot:dev", "docker.io/library/vertice-bot:dev"),
        ("vertice-bot", "docker.io/library/vertice-bot:latest"),
        ("someone/thing:1", "docker.io/someone/thing:1"),
        ("ghcr.io/a/b:1", "ghcr.io/a/b:1"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        ("localhost/a:1", "localhost/a:1"),
        ("docker.io/library/x:dev", "docker.io/library/x:dev"),
    ],
)
def test_references_are_completed(short: str, full: str) -> None:
    assert full_reference(short) == full
    assert full_reference(full) == full


@pytest.fixture
def image(tmp_path: Path) -> ScratchImage:
    program, bundle = tmp_path / "tool", tmp_path / "bundle"
    program.write_bytes(b"#!program")
    bundle.write_bytes(b"authorities")
    return ScratchImage("tool:dev", program, files=(("etc/ssl/ca.crt", bundle),))


def _members(archive: bytes) -> dict[str, tuple[bytes, int]]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for member in opened:
            stream = opened.extractfile(member)
            assert stream is not None
            found[member.name] = (stream.read(), member.mode)
    return found


def test_archive_is_what_docker_save_writes(image: ScratchImage) -> None:
    archive = _members(image_archive(image))
    (manifest,) = json.loads(archive["manifest.json"][0])
    assert manifest["RepoTags"] == ["docker.io/library/tool:dev"]
    config = json.loads(archive[manifest["Config"]][0])
    layer = archive[manifest["Layers"][0]][0]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert config["config"]["Entrypoint"] == ["/tool"]
    assert config["config"]["User"] == "65532"
    assert _members(layer) == {
        "tool": (b"#!program", 0o755),
        "etc/ssl/ca.crt": (b"authorities", 0o644),
    }


def test_archives_are_reproducible_and_never_stale(image: ScratchImage, tmp_path: Path) -> None:
    assert image_archive(image) == image_archive(image)
    first = write_archive(image, tmp_path / "out")
    assert write_archive(image, tmp_path / "out") == first
    image.program.write_bytes(b"#!changed")
    assert write_archive(image, tmp_path / "out") != first


def test_build_passes_authorities_as_a_secret_only() -> None:
    command = build_command(
        Path("Dockerfile.bot"), "bot:dev", Path(), {"BASE": "base:1"}, Path("/ca.crt")
    )
    assert command[1:4] == ["build", "--network", "host"]
    assert "id=ca,src=/ca.crt" in command
    assert "BASE=base:1" in command
    without = build_command(Path("Dockerfile.bot"), "bot:dev", Path(), {}, None)
    assert "--secret" not in without


def test_authority_bundle_follows_the_environment(tmp_path: Path) -> None:
    mine = tmp_path / "mine.crt"
    mine.write_text("x")
    assert authority_bundle({"SSL_CERT_FILE": str(mine)}) == mine
    other = authority_bundle({"SSL_CERT_FILE": str(tmp_path / "missing")})
    assert other != tmp_path / "missing"


def test_base_has_what_the_dockerfiles_need() -> None:
    command = bootstrap_command(Path("/root-fs"))
    assert "--include=ca-certificates,python3,python3-venv" in command
    assert command[-2:] == ["bookworm", "/root-fs"]
