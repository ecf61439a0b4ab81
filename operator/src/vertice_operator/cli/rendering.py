"""From a resource to objects with no cluster at hand; refuses what the operator would refuse."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vertice_operator import __version__
from vertice_operator.api.problem import Problem, SpecError
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.api.validation import problems
from vertice_operator.cli.exits import ExitCode, Refusal
from vertice_operator.render import KINDS, RenderFacts, desired_objects, unsupported

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is taken for true of the cluster and the operator, where neither is asked."""

    kubernetes_minor: int
    without_optional: bool
    bot_image: str
    proxy_image: str

    def facts(self) -> RenderFacts:
        """Give the facts for the renderer."""
        kinds = (kind.kind for kind in KINDS if kind.optional and not self.without_optional)
        return RenderFacts(
            operator_version=__version__,
            bot_image=self.bot_image,
            proxy_image=self.proxy_image,
            server_minor=self.kubernetes_minor,
            available_kinds=frozenset(kinds),
        )


def objects(document: Mapping[str, Any], assumed: Assumptions) -> list[Object]:
    """Give the objects of one resource in the order of application.

    Raises
    ------
    Refusal
        The resource cannot be used; the message has every problem with its path.
    """
    bot, facts = read(document), assumed.facts()
    found = (*problems(bot), *unsupported(bot, facts))
    if found:
        raise refused(bot.metadata.name, found)
    return [child.body for child in desired_objects(bot, facts) if child.body is not None]


def read(document: Mapping[str, Any]) -> DiscordBot:
    """Read a resource; :class:`Refusal` with every problem where that fails."""
    try:
        return DiscordBot.from_object(document)
    except SpecError as error:
        name = (document.get("metadata") or {}).get("name", "?")
        raise refused(str(name), error.problems) from None


def refused(name: str, found: Iterable[Problem]) -> Refusal:
    """Say why a resource cannot be used, a line a problem."""
    return Refusal(ExitCode.USAGE, "\n".join(f"{name}: {problem}" for problem in found))
