"""The product on a cluster, brought up once per session by the program behind ``make up``."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator

import pytest

from dev.cluster.progress import Progress
from dev.discord.script import Script
from dev.testing.cluster import Cluster
from dev.up.objects import DEMO_NAMESPACE, PAGE_NODE_PORT
from dev.up.steps import Up
from tests.e2e.product import NAMESPACE, Bot, Product


@pytest.fixture(scope="session")
def product(cluster: Cluster) -> Iterator[Product]:
    """Bring up the operator, the backing services and the example bot, and a namespace for tests.

    Everything that is left when the tests end is shown by ``kubectl`` on a kept cluster
    (``VERTICE_KEEP_CLUSTER=1``).
    """
    Up(cluster.provider, Progress()).run()
    made = Product(cluster, f"http://{cluster.node_port_address(PAGE_NODE_PORT)}")
    cluster.apply(f"""
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels: {{pod-security.kubernetes.io/enforce: restricted}}
""")
    _copy_secret(made, "vertice-google", "google")
    _copy_secret(made, "vertice-database", "database")
    yield made
    made.run("delete", "discordbots", "--all", "--wait=true")


def _copy_secret(product: Product, source: str, name: str) -> None:
    found = product.cluster.get("secret", source, "-n", DEMO_NAMESPACE)
    values = {key: base64.b64decode(value).decode() for key, value in found["data"].items()}
    product.secret(name, values)


@pytest.fixture(scope="session")
def main_bots() -> dict[str, Bot]:
    """Hold the bot that tests share, so that it is made once."""
    return {}


@pytest.fixture
async def main_bot(product: Product, main_bots: dict[str, Bot]) -> Bot:
    """Return a bot with two replicas that tests share; each leaves it Ready."""
    if "main" not in main_bots:
        main_bots["main"] = await product.add_bot(
            "main", replicas=2, cache={"host": "redis.vertice-dev.svc"}
        )
    return main_bots["main"]


@pytest.fixture
async def member(main_bot: Bot) -> AsyncIterator[str]:
    """Return the id of a plain member of the shared bot's guild."""
    async with Script(main_bot.product.admin) as script:
        joined = await script.join(main_bot.guild_id, name="mira")
        user_id = (await script.home(main_bot.guild_id)).users["mira"]
        assert joined
        yield user_id
        await script.leave(main_bot.guild_id, user_id)
