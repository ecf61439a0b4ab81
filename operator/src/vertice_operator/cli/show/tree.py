"""``vertice tree``: a bot and its objects, each with its health and why."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from vertice_operator.api import names
from vertice_operator.cli.screen import BAD, DIM, GOOD, WAIT, Document, document, text
from vertice_operator.cli.show.health import Health, Verdict, judge

Object = Mapping[str, Any]
_STYLES = {
    Health.HEALTHY: GOOD,
    Health.PROGRESSING: WAIT,
    Health.UNKNOWN: WAIT,
    Health.ABSENT: DIM,
    Health.FAILING: BAD,
}


def trees(items: Iterable[Document]) -> Document:
    """Give the document of several bots."""
    return document("BotTreeList", items=list(items))


def bot_tree(
    bot: Object,
    children: Sequence[Object],
    pods: Sequence[Object],
    hidden: Sequence[tuple[str, str]],
) -> Document:
    """Describe one bot with everything below it.

    Parameters
    ----------
    children, pods
        Live objects that carry the bot's label.
    hidden
        Kind and missing right of what may not be seen.
    """
    meta, status = bot["metadata"], bot.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    ready = conditions.get("Ready") or {}
    kinds_hidden = dict(hidden)
    nodes = [_child(child, bot, pods) for child in children]
    seen = {(each["kind"], each["name"]) for each in nodes}
    nodes += [
        _unseen(each, kinds_hidden)
        for each in status.get("children") or ()
        if (each["kind"], each["name"]) not in seen
    ]
    if "Pod" in kinds_hidden:
        nodes.append(_node("Pod", "*", Verdict(Health.UNKNOWN, _may_not(kinds_hidden["Pod"]))))
    return {
        "namespace": meta["namespace"],
        "name": meta["name"],
        "health": _bot_health(ready).value,
        "reason": ready.get("reason", ""),
        "message": "" if ready.get("status") == "True" else ready.get("message", ""),
        "children": nodes,
    }


def _bot_health(ready: Object) -> Health:
    by_status = {"True": Health.HEALTHY, "False": Health.FAILING}
    return by_status.get(ready.get("status", ""), Health.PROGRESSING)


def _child(live: Object, bot: Object, pods: Sequence[Object]) -> Document:
    meta = live["metadata"]
    if not _ours(meta, bot):
        verdict = Verdict(Health.FAILING, "carries the bot's label and is not the bot's")
        return _node(live["kind"], meta["name"], verdict)
    node = _node(live["kind"], meta["name"], judge(live))
    node["children"] = [_pod(pod) for pod in pods if _below(pod, live)]
    return node


def _ours(meta: Object, bot: Object) -> bool:
    owners = meta.get("ownerReferences") or ()
    return any(each.get("uid") == bot["metadata"].get("uid") for each in owners)


def _below(pod: Object, live: Object) -> bool:
    """Tell whether a pod belongs to a Deployment (through a ReplicaSet) or to a Job."""
    component = (pod["metadata"].get("labels") or {}).get(names.LABEL_COMPONENT)
    if live["kind"] == "Deployment":
        return component == names.COMPONENT_BOT
    owners = pod["metadata"].get("ownerReferences") or ()
    return any(each.get("uid") == live["metadata"].get("uid") for each in owners)


def _pod(pod: Object) -> Document:
    meta = pod["metadata"]
    verdict = judge({**pod, "kind": "Pod"})
    revision = (meta.get("labels") or {}).get("pod-template-hash", "")
    return {**_node("Pod", meta["name"], verdict), "revision": revision}


def _unseen(child: Object, hidden: Mapping[str, str]) -> Document:
    """Describe what the status lists and no live object shows."""
    kind, name, message = child["kind"], child["name"], child.get("message") or ""
    if child["state"] == "Failed":
        return _node(kind, name, Verdict(Health.FAILING, message))
    if kind in hidden:
        return _node(kind, name, Verdict(Health.UNKNOWN, _may_not(hidden[kind])))
    if child["state"] == "Skipped":
        return _node(kind, name, Verdict(Health.ABSENT, message))
    return _node(kind, name, Verdict(Health.FAILING, "is gone; the operator makes it again"))


def _may_not(right: str) -> str:
    return f"you may not see it: {right}"


def _node(kind: str, name: str, verdict: Verdict) -> Document:
    node = {"kind": kind, "name": name, "health": verdict.health.value, "why": verdict.why}
    return {**node, "children": []}


def failing(answer: Document) -> bool:
    """Tell whether any bot, or anything below one, is failing."""

    def bad(node: Document) -> bool:
        return node["health"] == Health.FAILING.value or any(map(bad, node["children"]))

    return any(map(bad, answer["items"]))


def draw_trees(answer: Document) -> Iterable[RenderableType]:
    """Draw each bot as a tree."""
    for each in answer["items"]:
        head = Text.assemble(
            text(f"{each['namespace']}/{each['name']}", "bold"),
            "  ",
            _mark(each["health"], each["reason"] or each["health"]),
        )
        if each["message"]:
            head = Text.assemble(head, f"  {text(each['message'])}")
        root = Tree(head, guide_style=DIM)
        _grow(root, each["children"])
        yield root


def _grow(root: Tree, nodes: Sequence[Document]) -> None:
    for node in nodes:
        revision = f" ({node['revision']})" if node.get("revision") else ""
        line = Text.assemble(
            text(f"{node['kind']} {node['name']}{revision}"),
            "  ",
            _mark(node["health"], node["health"]),
        )
        if node["why"]:
            line = Text.assemble(line, f"  {text(node['why'])}")
        _grow(root.add(line), node["children"])


def _mark(health: str, word: str) -> Text:
    return text(word, _STYLES[Health(health)])
