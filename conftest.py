"""Fixtures shared by every test folder: real servers, started once per session."""

from pathlib import Path

_TOPICS = ("golden", "postgres", "redis", "discord", "apiserver", "cluster")
pytest_plugins = [
    f"dev.testing.{topic}"
    for topic in _TOPICS
    if (Path(__file__).parent / "dev" / "testing" / f"{topic}.py").exists()
]
