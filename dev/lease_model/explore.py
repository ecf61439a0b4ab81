"""Visit every world that can be reached, and stop at the first that breaks a promise."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from dev.lease_model.database import Rules
from dev.lease_model.world import Bounds, World, owners, start, steps


@dataclass(frozen=True, slots=True)
class Found:
    """What an exploration saw.

    Attributes
    ----------
    worlds:
        How many different ones were visited.
    wrong:
        The promise that was broken; empty when none was.
    path:
        The shortest way to it, in words.
    """

    worlds: int
    wrong: str = ""
    path: tuple[str, ...] = ()


def explore(bounds: Bounds, rules: Rules) -> Found:
    """Go everywhere within the bounds, the nearest worlds first."""
    first = start(bounds)
    came: dict[World, tuple[World, str] | None] = {first: None}
    queue = deque([first])
    while queue:
        world = queue.popleft()
        wrong = broken(world, bounds, rules)
        if wrong:
            return Found(len(came), wrong, _path(came, world))
        for label, after in steps(world, bounds, rules):
            if after not in came:
                came[after] = (world, label)
                queue.append(after)
    return Found(len(came))


def broken(world: World, bounds: Bounds, rules: Rules) -> str:
    """Say which promise is broken here; empty when all hold."""
    if world.wrong:
        return world.wrong
    acting = owners(world, bounds, rules)
    return f"{acting[0]} and {acting[1]} are owners at once" if len(acting) > 1 else ""


def _path(came: dict[World, tuple[World, str] | None], world: World) -> tuple[str, ...]:
    labels: list[str] = []
    step = came[world]
    while step is not None:
        labels.append(step[1])
        step = came[step[0]]
    return tuple(reversed(labels))
