"""Does a live object still say what we want? And if not, where does it first differ?

Only what we want is looked at: fields that the server defaulted or others added are theirs. The
answer is a path and both values, because a repair and a roll-out must be able to say their reason.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from vertice_operator.api.quantity import parse_quantity

# Lists whose entries the API server merges by key; in all others the list is one value.
_MERGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "metadata.ownerReferences": ("uid",),
    "spec.containers": ("name",),
    "spec.initContainers": ("name",),
    "spec.volumes": ("name",),
    "spec.imagePullSecrets": ("name",),
    "spec.topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "spec.ports": ("port", "protocol"),
    "[].env": ("name",),
    "[].volumeMounts": ("mountPath",),
    "[].ports": ("containerPort", "protocol"),
}
_PLAIN_NUMBERS = frozenset({"minReadySeconds", "initialDelaySeconds"})
_QUANTITY_PARENTS = frozenset({"requests", "limits"})
_QUANTITY_FIELDS = frozenset({"sizeLimit", "averageValue"})


def first_difference(wanted: object, live: object) -> str | None:
    """Return where ``live`` first fails to say what ``wanted`` says, or None.

    The answer reads like ``spec.template.spec.containers[bot].image: 'a:1' instead of 'a:2'``,
    live value first.
    """
    return _compare(wanted, live, (), "")


def _compare(wanted: object, live: object, path: tuple[str, ...], shown: str) -> str | None:
    if isinstance(wanted, Mapping):
        return _compare_maps(wanted, live, path, shown)
    if isinstance(wanted, Sequence) and not isinstance(wanted, str | bytes):
        return _compare_lists(wanted, live, path, shown)
    if wanted == live and type(wanted) is type(live):
        return None
    if _is_quantity(path) and _same_quantity(wanted, live):
        return None
    return f"{shown}: {_short(live)} instead of {_short(wanted)}"


def _compare_maps(
    wanted: Mapping[str, Any], live: object, path: tuple[str, ...], shown: str
) -> str | None:
    if not isinstance(live, Mapping):
        return None if live is None and not wanted else f"{shown}: {_short(live)}"
    for key, value in wanted.items():
        where = f"{shown}.{key}" if shown else key
        if key not in live and (_is_empty(value) or _is_left_out(key, value)):
            continue
        found = _compare(value, live.get(key), (*path, key), where)
        if found:
            return found
    return None


def _compare_lists(
    wanted: Sequence[Any], live: object, path: tuple[str, ...], shown: str
) -> str | None:
    if not isinstance(live, Sequence) or isinstance(live, str):
        return None if live is None and not wanted else f"{shown}: {_short(live)}"
    keys = _MERGE_KEYS.get(".".join(path[-2:]))
    # A NetworkPolicy's ports stand at the same place in a list, but have no key: one value.
    if keys is None or not all(
        isinstance(item, Mapping) and keys[0] in item for item in (*wanted, *live)
    ):
        if len(wanted) != len(live):
            return f"{shown}: {len(live)} entries instead of {len(wanted)}"
        pairs = [(str(place), item, live[place]) for place, item in enumerate(wanted)]
    else:
        by_key = {_identity(item, keys): item for item in live}
        pairs = [(_label(item, keys), item, by_key.get(_identity(item, keys))) for item in wanted]
    for label, item, other in pairs:
        found = _compare(item, other, (*path, "[]"), f"{shown}[{label}]")
        if found:
            return found
    return None


def _identity(item: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[object, ...]:
    return tuple(item.get(key, "TCP" if key == "protocol" else None) for key in keys)


def _label(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return str(item.get(keys[0]))


def _is_left_out(key: str, value: object) -> bool:
    """Tell whether the API server leaves a field with this value out of what it answers.

    An empty text always, and a zero where the field has no state "not set".
    """
    return value == "" or (key in _PLAIN_NUMBERS and value == 0 and type(value) is int)


def _is_empty(value: object) -> bool:
    return isinstance(value, Mapping | list | tuple) and not value


def _is_quantity(path: tuple[str, ...]) -> bool:
    return path[-1] in _QUANTITY_FIELDS or (len(path) > 1 and path[-2] in _QUANTITY_PARENTS)


def _same_quantity(wanted: object, live: object) -> bool:
    try:
        return parse_quantity(str(wanted)) == parse_quantity(str(live))
    except ValueError:
        return False


def _short(value: object) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
