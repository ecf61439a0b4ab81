"""Fixtures shared by every test folder: real servers, started once per session."""

import operator

# pytest's importlib mode names the files below operator/ "operator.tests...." and imports missing
# parents: a parent without __path__ is imported again, over the standard library's module. With a
# path that leads nowhere the standard library's operator stays (a test guards it).
operator.__path__ = []  # type: ignore[attr-defined]

pytest_plugins = [
    f"dev.testing.{topic}"
    for topic in ("golden", "postgres", "redis", "discord", "apiserver", "audited", "cluster")
]
