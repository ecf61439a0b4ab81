"""The resource as a whole, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field, ValidationError

from vertice_operator.api.conditions import KubernetesTime
from vertice_operator.api.names import ANNOTATION_PAUSED, API_VERSION, KIND, MAX_NAME_LENGTH
from vertice_operator.api.problem import Problem, SpecError
from vertice_operator.api.rule import Rule
from vertice_operator.api.v1alpha1.base import ApiModel
from vertice_operator.api.v1alpha1.spec import DiscordBotSpec
from vertice_operator.api.v1alpha1.status import DiscordBotStatus

_NAME_SHAPE = "^[a-z]([-a-z0-9]*[a-z0-9])?$"


def _name_is_label(bot: DiscordBot) -> bool:
    name = bot.metadata.name
    letters = name.replace("-", "")
    return (
        name[:1].isalpha()
        and name.isascii()
        and name == name.lower()
        and letters.isalnum()
        and not name.endswith("-")
    )


class ObjectMeta(ApiModel):
    """The part of the metadata that the operator looks at."""

    name: str
    """Name of the resource."""
    namespace: str = "default"
    """Namespace of the resource and of all its children."""
    uid: str = ""
    """Identity of this resource; empty where no server has stored it yet."""
    generation: int = 0
    """Counts changes of the spec."""
    resource_version: str = ""
    """Version of the stored object."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Labels."""
    annotations: dict[str, str] = Field(default_factory=dict)
    """Annotations."""
    creation_timestamp: KubernetesTime | None = None
    """When it was made."""
    deletion_timestamp: KubernetesTime | None = None
    """When its deletion was asked for."""


class DiscordBot(ApiModel):
    """A Discord bot: everything it needs, run and kept by the operator."""

    model_config = ConfigDict(title=KIND)

    api_version: str = API_VERSION
    """vertice.dev/v1alpha1."""
    kind: str = KIND
    """DiscordBot."""
    metadata: ObjectMeta
    """Metadata."""
    spec: DiscordBotSpec
    """What the bot should be."""
    status: DiscordBotStatus = DiscordBotStatus()
    """What the operator observed."""

    RULES: ClassVar = (
        Rule(
            name="name-length",
            cel=f"self.metadata.name.size() <= {MAX_NAME_LENGTH}",
            message=f"metadata.name must have at most {MAX_NAME_LENGTH} characters, so that the "
            "names of children fit",
            holds=lambda bot: len(bot.metadata.name) <= MAX_NAME_LENGTH,
        ),
        Rule(
            name="name-shape",
            cel=f"self.metadata.name.matches('{_NAME_SHAPE}')",
            message="metadata.name must start with a letter and hold only lower-case letters, "
            "digits and hyphens, because a Service is named after it",
            holds=_name_is_label,
        ),
    )

    @classmethod
    def from_object(cls, document: Mapping[str, Any]) -> Self:
        """Read a resource as the API server or a YAML file gives it, defaulted or not.

        Args:
            document: the whole object, with ``metadata`` and ``spec``.

        Raises:
            SpecError: it is not a DiscordBot of this version, or a field is missing or wrong;
                holds every problem found. Cross-field rules are judged by
                ``api.validation.problems``.
        """
        if document.get("apiVersion", API_VERSION) != API_VERSION:
            raise SpecError((Problem("apiVersion", f"must be {API_VERSION}"),))
        if document.get("kind", KIND) != KIND:
            raise SpecError((Problem("kind", f"must be {KIND}"),))
        try:
            return cls.model_validate(document)
        except ValidationError as refused:
            raise SpecError(_problems(refused)) from None

    @property
    def paused(self) -> bool:
        """Whether the annotation asks the operator to leave everything as it is."""
        return self.metadata.annotations.get(ANNOTATION_PAUSED, "").lower() == "true"

    @property
    def deleting(self) -> bool:
        """Whether the resource is on its way out."""
        return self.metadata.deletion_timestamp is not None


def _problems(refused: ValidationError) -> tuple[Problem, ...]:
    """Turn pydantic's errors into paths and sentences; never repeats the input of a secret."""
    found: dict[str, str] = {}
    for error in refused.errors(include_url=False, include_context=True, include_input=False):
        path = _path(error["loc"])
        message = error["msg"].removeprefix("Value error, ")
        found[path] = f"{found[path]}; or {message}" if path in found else message
    return tuple(Problem(path, message) for path, message in found.items())


_BRANCHES = frozenset({"int", "str", "literal['auto']"})


def _path(location: tuple[int | str, ...]) -> str:
    """Write a location as ``spec.discord.intents[2]``, without the branches of unions."""
    text = ""
    for step in location:
        if isinstance(step, int):
            text += f"[{step}]"
        elif not any(step == branch or step.endswith(f"{branch}]") for branch in _BRANCHES):
            text += f".{step}" if text else step
    return text
