"""A real Postgres and the real Auth Proxy around the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from dev.cloudsql.server import Running
from dev.cloudsql.testing import Proxy, proxy_running, stand_in_running
from dev.cluster.build import build
from dev.cluster.progress import Progress
from dev.local.postgres import Postgres


@pytest.fixture(scope="session")
def proxy_binary() -> Path:
    """The Auth Proxy from the build cache, built there when it is missing (45 s)."""
    return build("cloud-sql-proxy", Progress()) / "cloud-sql-proxy"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres(tmp_path_factory.mktemp("postgres") / "data", token_hex(8)) as server:
        yield server


@pytest.fixture
async def stand_in(postgres: Postgres, tmp_path: Path) -> AsyncIterator[Running]:
    async with stand_in_running(postgres.address, tmp_path) as server:
        yield server


@pytest.fixture
def credentials(tmp_path: Path) -> tuple[str, str]:
    """The flags for the generated service-account key, as the sidecar has outside GKE."""
    return "--credentials-file", str(tmp_path / "key.json")


@pytest.fixture
async def proxy(
    stand_in: Running, proxy_binary: Path, credentials: tuple[str, str]
) -> AsyncIterator[Proxy]:
    async with proxy_running(proxy_binary, stand_in.api_url, *credentials) as started:
        yield started
