"""The base of every model, and the value types that several parts of the spec share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from vertice_operator.api.rule import Rule


def _publish_rules(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Put the rules of a model into its schema."""
    rules: tuple[Rule, ...] = getattr(model, "RULES", ())
    if rules:
        schema["x-kubernetes-validations"] = [rule.schema() for rule in rules]


class ApiModel(BaseModel):
    """An object of the resource: immutable, camelCase outside, snake_case inside.

    Unknown fields are ignored at parse. In a spec they cannot occur: the API server refuses them
    under strict field validation (kubectl's default) and prunes them otherwise. In a status they
    can, after a downgrade, and must not make the resource unreadable. A null means an absent
    field, as it does for the API server.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        json_schema_extra=_publish_rules,
    )

    RULES: ClassVar[tuple[Rule, ...]] = ()
    """Cross-field rules of this object, each in CEL and in Python."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: entry for key, entry in value.items() if entry is not None}
        return value

    def to_dict(self) -> dict[str, Any]:
        """Give the object as it is written in YAML, defaults included, absent fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


Bool = StrictBool
"""Booleans and integers are strict: the API server does not turn "3" into 3 either."""
Int = StrictInt

Port = Annotated[Int, Field(ge=1, le=65535)]
Seconds = Annotated[Int, Field(ge=0, le=3600)]

ObjectName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    ),
]
"""Name of another object in the same namespace (DNS subdomain)."""

NamespaceName = Annotated[
    str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
]

SecretKey = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
"""Key inside a Secret or ConfigMap."""

Host = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$|^[0-9A-Fa-f:.]+$",
    ),
]
"""Host name, IPv4 or IPv6 address, without a port."""

HttpURL = Annotated[str, Field(max_length=2048, pattern=r"^https?://[^\s/?#]+[^\s]*$")]
WebSocketURL = Annotated[str, Field(max_length=2048, pattern=r"^wss?://[^\s/?#]+[^\s]*$")]

LabelValue = Annotated[
    str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")
]
Labels = Annotated[dict[str, LabelValue], Field(max_length=32)]
Annotations = Annotated[dict[str, Annotated[str, Field(max_length=8192)]], Field(max_length=32)]

FreeForm = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
]
"""An object that is passed through as it is; its shape is another API's business."""

QUANTITY_PATTERN = (
    r"^\+?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?[0-9]+))?$"
)
"""Kubernetes' own quantity, without a negative sign: no field here may be negative."""

PERCENT_PATTERN = r"^(100|[1-9]?[0-9])%$"
POSITIVE_PERCENT_PATTERN = r"^(100|[1-9][0-9]?)%$"


def _text_of_int(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _quantity(value: str) -> str:
    if not re.fullmatch(QUANTITY_PATTERN, value):
        raise ValueError(f"{value!r} is not a quantity such as 250m, 0.5, 256Mi or 1Gi")
    return value


Quantity = Annotated[
    str,
    Field(max_length=32),
    BeforeValidator(_text_of_int),
    AfterValidator(_quantity),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "minimum": 0,
            "maxLength": 32,
            "pattern": QUANTITY_PATTERN,
        }
    ),
]
"""An amount of CPU or memory. A plain number may be written without quotes."""


def _count_or_percent(least: int, pattern: str) -> tuple[AfterValidator, WithJsonSchema]:
    """Give the type of a number of pods from ``least`` to 100, or of a percentage."""

    def check(value: int | str) -> int | str:
        if isinstance(value, int):
            if not least <= value <= 100:
                raise ValueError(f"must be from {least} to 100")
        elif not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r} is neither a number nor a percentage such as 25%")
        return value

    schema = {
        "x-kubernetes-int-or-string": True,
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "minimum": least,
        "maximum": 100,
        "maxLength": 4,
        "pattern": pattern,
    }
    return (AfterValidator(check), WithJsonSchema(schema))


CountOrPercent = Annotated[Int | str, *_count_or_percent(0, PERCENT_PATTERN)]
"""A number of pods, or a percentage of them."""
PositiveCountOrPercent = Annotated[Int | str, *_count_or_percent(1, POSITIVE_PERCENT_PATTERN)]
"""The same, but not nothing."""


class SecretKeyRef(ApiModel):
    """One key of a Secret in the namespace of the resource."""

    name: ObjectName
    """Name of the Secret."""
    key: SecretKey
    """Key inside the Secret."""
