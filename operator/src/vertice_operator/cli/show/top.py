"""``vertice top``: what each replica uses, may use, and does."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from vertice_operator.api.names import COMPONENT_BOT, LABEL_COMPONENT
from vertice_operator.api.quantity import parse_quantity
from vertice_operator.cli.look.statusz import Said
from vertice_operator.cli.screen import BAD, WAIT, Document, document, table, text

Object = Mapping[str, Any]
RESOURCES = ("cpu", "memory")
_TIGHT, _OVER = 80, 95
_MIB = 1024 * 1024


def bot_usage(
    bot: Object, pods: Sequence[Object], metrics: Sequence[Object], said: Sequence[Said], note: str
) -> Document:
    """Describe what the replicas of one bot use.

    Parameters
    ----------
    metrics
        PodMetrics; a pod without is shown without usage.
    note
        Why there are no metrics.
    """
    meta = bot["metadata"]
    used = {each["metadata"]["name"]: each for each in metrics}
    told = {each.pod: each.document for each in said}
    replicas = [
        _replica(pod, used.get(pod["metadata"]["name"]), told.get(pod["metadata"]["name"], {}))
        for pod in pods
        if (pod["metadata"].get("labels") or {}).get(LABEL_COMPONENT) == COMPONENT_BOT
    ]
    total = {kind: _sum(each[kind]["used"] for each in replicas) for kind in RESOURCES}
    return {
        "namespace": meta["namespace"],
        "name": meta["name"],
        "note": note,
        "total": total,
        "replicas": replicas,
    }


def usages(items: Iterable[Document]) -> Document:
    """Give the document of several bots."""
    return document("BotUsageList", items=list(items))


def _replica(pod: Object, metrics: Object | None, told: Object) -> Document:
    containers = _lasting(pod)
    per = {each["name"]: each.get("usage") or {} for each in (metrics or {}).get("containers", ())}
    return {
        "pod": pod["metadata"]["name"],
        **{kind: _resource(kind, containers, per) for kind in RESOURCES},
        "shards": [each.get("id") for each in told.get("shards") or ()],
        "lagSeconds": told.get("lag_seconds"),
        "containers": [
            {"name": each["name"], **{kind: _resource(kind, [each], per) for kind in RESOURCES}}
            for each in containers
        ],
    }


def _lasting(pod: Object) -> list[Object]:
    """Give the containers that run as long as the pod: sidecars are init containers by form."""
    spec = pod["spec"]
    sidecars = [e for e in spec.get("initContainers") or () if e.get("restartPolicy") == "Always"]
    return [*spec["containers"], *sidecars]


def _resource(
    kind: str, containers: Sequence[Object], per: Mapping[str, Mapping[str, str]]
) -> Document:
    """Add up one resource, in cores or bytes. No limit of one container is no limit at all."""

    def asked(field: str) -> list[float | None]:
        limits = [(each.get("resources") or {}).get(field) or {} for each in containers]
        return [_number(each.get(kind)) for each in limits]

    limits, used = (
        asked("limits"),
        [_number((per.get(e["name"]) or {}).get(kind)) for e in containers],
    )
    limit = None if None in limits else _sum(limits)
    total = _sum(used)
    percent = round(100 * total / limit) if total is not None and limit else None
    return {
        "used": total,
        "request": _sum(asked("requests")),
        "limit": limit,
        "percentOfLimit": percent,
    }


def _number(quantity: str | None) -> float | None:
    return None if quantity is None else float(parse_quantity(str(quantity)))


def _sum(values: Iterable[float | None]) -> float | None:
    known = [Decimal(str(each)) for each in values if each is not None]
    return float(sum(known)) if known else None


def draw_usage(answer: Document) -> Iterable[RenderableType]:
    """Draw the replicas of each bot."""
    for place, each in enumerate(answer["items"]):
        if place:
            yield Text()
        yield text(f"{each['namespace']}/{each['name']}", "bold")
        if each["note"]:
            yield text(f"  {each['note']}", WAIT)
        yield _table(each)


def _table(each: Document) -> RenderableType:
    made = table("replica", "cpu", "request", "limit", "memory", "request", "limit",
                 "shards", "lag", indent=2)  # fmt: skip
    for replica in each["replicas"]:
        lag = replica["lagSeconds"]
        made.add_row(
            text(f"  {replica['pod']}"),
            *_cells(replica["cpu"], cores),
            *_cells(replica["memory"], mebibytes),
            text(", ".join(map(str, replica["shards"])) or "-"),
            "-" if lag is None else f"{lag:.1f} s",
        )
    if len(each["replicas"]) > 1:
        total = each["total"]
        made.add_row("  all", cores(total["cpu"]), "", "", mebibytes(total["memory"]))
    return made


def _cells(resource: Document, show: Any) -> list[Text]:
    percent = resource["percentOfLimit"]
    share = "" if percent is None else f" ({percent}%)"
    style = BAD if (percent or 0) >= _OVER else WAIT if (percent or 0) >= _TIGHT else ""
    used = Text(f"{show(resource['used'])}{share}", style)
    return [used, Text(show(resource["request"])), Text(show(resource["limit"]))]


def cores(value: float | None) -> str:
    """Write an amount of CPU in thousandths of a core."""
    return "-" if value is None else f"{value * 1000:.0f}m"


def mebibytes(value: float | None) -> str:
    """Write an amount of memory."""
    return "-" if value is None else f"{value / _MIB:.0f}Mi"
