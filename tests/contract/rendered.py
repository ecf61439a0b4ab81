"""What the operator makes of every example and of every spec of its own render tests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.api.validation import problems
from vertice_operator.render import KINDS, RenderFacts, desired_objects, unsupported

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
SPECS = ROOT / "operator" / "tests" / "render" / "specs"


@dataclass(frozen=True)
class Rendered:
    """One resource and its children."""

    label: str
    bot: DiscordBot
    children: dict[tuple[str, str], dict[str, Any]]
    refused: tuple[str, ...]
    """What the operator would refuse to apply."""

    def child(self, kind: str, name: str | None = None) -> dict[str, Any] | None:
        """Give a child by kind and name (the bot's own by default), or None."""
        return self.children.get((kind, name or self.bot.metadata.name))

    @property
    def config_files(self) -> dict[str, str]:
        """The two files of the ConfigMap."""
        found = self.child("ConfigMap", f"{self.bot.metadata.name}-config")
        assert found is not None
        files: dict[str, str] = found["data"]
        return files

    @property
    def pod(self) -> dict[str, Any]:
        """The pod spec of the Deployment."""
        found = self.child("Deployment")
        assert found is not None
        pod: dict[str, Any] = found["spec"]["template"]["spec"]
        return pod

    @property
    def secret_files(self) -> set[str]:
        """Paths of the files with secrets, as the bot sees them."""
        volumes = {each["name"]: each for each in self.pod["volumes"]}
        return {
            f"{mount['mountPath']}/{name}"
            for mount in self.container["volumeMounts"]
            for name in self._files_of(volumes[mount["name"]])
        }

    def _files_of(self, volume: dict[str, Any]) -> set[str]:
        if "csi" in volume:
            provider_class = volume["csi"]["volumeAttributes"]["secretProviderClass"]
            found = self.child("SecretProviderClass", provider_class)
            assert found is not None
            listed = yaml.safe_load(found["spec"]["parameters"]["secrets"])
            return {each["path"] for each in listed}
        sources = volume.get("projected", {}).get("sources", ())
        return {item["path"] for source in sources for item in source["secret"]["items"]}

    @property
    def container(self) -> dict[str, Any]:
        """The bot's container."""
        (found,) = (each for each in self.pod["containers"] if each["name"] == "bot")
        container: dict[str, Any] = found
        return container


def facts(server_minor: int = 34) -> RenderFacts:
    """Facts of a cluster that has everything."""
    return RenderFacts(
        operator_version="0.1.0",
        bot_image="registry.example.com/vertice-bot:0.1.0",
        proxy_image="registry.example.com/cloud-sql-proxy:2.27.0",
        server_minor=server_minor,
        secret_hash="00112233445566aa",
        available_kinds=frozenset(kind.kind for kind in KINDS if kind.optional),
    )


def render(label: str, document: dict[str, Any]) -> Rendered:
    """Render one resource that must be valid."""
    metadata = {"namespace": "demo", "uid": "0e7c2f6a-1d44-4b8e-9a55-3f1f0f6f4b11", "generation": 1}
    whole = {**document, "metadata": {**metadata, **document["metadata"]}}
    bot = DiscordBot.from_object(whole)
    assert problems(bot) == ()
    found = facts(26 if "container" in label else 34)
    children = {
        (child.kind.kind, child.name): child.body
        for child in desired_objects(bot, found)
        if child.body is not None
    }
    refused = tuple(str(problem) for problem in unsupported(bot, found))
    return Rendered(label, bot, children, refused)


@cache
def everything() -> tuple[Rendered, ...]:
    """Render all examples and all specs of the operator's own tests."""
    found = []
    for path in sorted(EXAMPLES.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if document and document["kind"] == "DiscordBot":
                found.append(render(f"examples/{path.stem}", document))
    for path in sorted(SPECS.glob("*.yaml")):
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
        document = {
            "apiVersion": "vertice.dev/v1alpha1",
            "kind": "DiscordBot",
            "metadata": {"name": "my-bot"},
            "spec": spec,
        }
        found.append(render(f"specs/{path.stem}", document))
    assert len(found) >= 10
    return tuple(found)
