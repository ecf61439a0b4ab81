"""``vertice logs BOT``: the bot and the operator together, in order of time."""

import asyncio
import dataclasses
import enum
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Annotated

import typer

from vertice_operator.cli.commands.assume import SYSTEM, OperatorNamespace
from vertice_operator.cli.exits import ExitCode, Refusal
from vertice_operator.cli.explain import missing_right
from vertice_operator.cli.look import logs as look
from vertice_operator.cli.look.bots import one_bot
from vertice_operator.cli.options import Bot, Context, Kubeconfig, Namespace, Target
from vertice_operator.cli.screen import paint, write
from vertice_operator.cli.session import Session, ask, refusals
from vertice_operator.cli.show.logs import LEVELS, Filter, Interleaver, Line, Role, draw_line, parse
from vertice_operator.cluster import errors
from vertice_operator.cluster.client import Object

EXAMPLES = (
    ("vertice logs my-bot --follow", "all replicas, the proxy and the operator, as it comes"),
    ("vertice logs my-bot --level warning --since 1h", "what went wrong in the last hour"),
    ("vertice logs my-bot --shard 3 --replica 7f9c-x2x", "one shard on one replica"),
    ("vertice logs my-bot -o json | jq .message", "one JSON object a line"),
)
_LOOK_AGAIN = 2.0
_TICK = 0.1
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class LogFormat(enum.StrEnum):
    """How lines are written."""

    TEXT = "text"
    JSON = "json"
    RAW = "raw"


def logs(
    name: Bot,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    tail: Annotated[
        int, typer.Option("--tail", help="Last lines of each container; -1: all.")
    ] = 200,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="Not older than 90s, 10m, 2h or 1d.")
    ] = "",
    level: Annotated[
        str, typer.Option("--level", help="Least level: debug, info, warning, error.")
    ] = "debug",
    replica: Annotated[
        list[str] | None,
        typer.Option("--replica", metavar="POD", help="Only this pod, or the end of its name."),
    ] = None,
    shard: Annotated[
        list[int] | None, typer.Option("--shard", help="Only lines about this shard.")
    ] = None,
    only: Annotated[
        list[Role] | None, typer.Option("--only", help="Only these logs; may be repeated.")
    ] = None,
    previous: Annotated[
        bool, typer.Option("--previous", "-p", help="Of the containers before their restart.")
    ] = False,
    whole_operator: Annotated[
        bool, typer.Option("--whole-operator", help="The operator's lines about others too.")
    ] = False,
    output: Annotated[
        LogFormat, typer.Option("--output", "-o", help="How lines are written.")
    ] = LogFormat.TEXT,
    operator_namespace: OperatorNamespace = SYSTEM,
    namespace: Namespace = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show the logs of a bot's replicas, its proxy, its migration and the operator together.

    JSON lines are written for people; of the operator's lines those that name the bot.

    Exit codes: 0 shown, 3 there is no such bot, 4 you may not read its pods' logs.
    """
    with refusals():
        chosen = Filter("", _level(level), tuple(replica or ()), tuple(shard or ()), whole_operator)
        query = _query(tail, since, previous)
    target = Target(namespace, context=context, kubeconfig=kubeconfig)
    reading = Reading(name, operator_namespace, tuple(only or Role), query, chosen, output)
    ask(target, reading.follow if follow else reading.once)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read, and how it is shown."""

    name: str
    operator_namespace: str
    roles: tuple[Role, ...]
    query: dict[str, str]
    chosen: Filter
    output: LogFormat

    async def once(self, session: Session) -> None:
        """Show what is there, in order of time."""
        bot = await one_bot(session, self.name)
        found = await self._find(session, bot)
        place, read = count(), []
        results = await asyncio.gather(
            *(look.tail(session, source, self.query) for source in found.sources)
        )
        for source, (lines, why) in zip(found.sources, results, strict=True):
            if why:
                _note(f"{source.pod}/{source.container}: {why}")
            read += [_line(source, stamp, raw, next(place)) for stamp, raw in lines]
        self._show(bot, sorted(read))
        forbidden = "Missing right" in "".join(why for _, why in results)
        if forbidden and not read:
            raise Refusal(ExitCode.FORBIDDEN, "no log may be read")

    async def follow(self, session: Session) -> None:
        """Show lines as they come, those of new pods as well, until Ctrl-C."""
        bot = await one_bot(session, self.name)
        async with asyncio.TaskGroup() as group:
            arriving: asyncio.Queue[tuple[look.Source, str, str]] = asyncio.Queue(1000)
            group.create_task(self._keep_looking(session, bot, arriving))
            group.create_task(self._show_arriving(bot, arriving))

    async def _keep_looking(
        self,
        session: Session,
        bot: Object,
        arriving: "asyncio.Queue[tuple[look.Source, str, str]]",
    ) -> None:
        """Open the log of each container that starts; later ones from their beginning."""
        open_: dict[look.Source, asyncio.Task[None]] = {}
        query = self.query
        async with asyncio.TaskGroup() as group:
            while True:
                found = await self._find(session, bot, quiet=bool(open_))
                for source in found.sources:
                    if source not in open_:
                        task = look.follow(session, source, query, arriving)
                        open_[source] = group.create_task(task)
                query = {}
                await asyncio.sleep(_LOOK_AGAIN)

    async def _show_arriving(
        self, bot: Object, arriving: "asyncio.Queue[tuple[look.Source, str, str]]"
    ) -> None:
        loop, order, place = asyncio.get_running_loop(), Interleaver(), count()
        while True:
            try:
                source, stamp, raw = await asyncio.wait_for(arriving.get(), _TICK)
                order.add(_line(source, stamp, raw, next(place)), loop.time())
            except TimeoutError:
                pass
            self._show(bot, order.due(loop.time()))

    async def _find(self, session: Session, bot: Object, *, quiet: bool = False) -> look.Found:
        try:
            found = await look.find(session, bot, self.operator_namespace, self.roles)
        except errors.ForbiddenError as error:
            raise Refusal(ExitCode.FORBIDDEN, missing_right(error.message)) from None
        if not quiet:
            for missing in found.missing:
                _note(missing)
            if not found.sources:
                _note("no container has started yet")
        return found

    def _show(self, bot: Object, lines: Iterable[Line]) -> None:
        meta = bot["metadata"]
        name = f"{meta['namespace']}/{meta['name']}"
        chosen = dataclasses.replace(self.chosen, bot=name)
        wanted = [line for line in lines if chosen.wants(line)]
        if self.output is LogFormat.TEXT:
            paint(map(draw_line, wanted), sys.stdout)
            return
        for line in wanted:
            shown = json.dumps(line.to_dict(), ensure_ascii=False)
            write(f"{shown if self.output is LogFormat.JSON else line.raw}\n")


def _line(source: look.Source, stamp: str, raw: str, place: int) -> Line:
    return parse(
        stamp, raw, pod=source.pod, container=source.container, role=source.role, place=place
    )


def _note(message: str) -> None:
    typer.echo(f"vertice: {message}", err=True)


def _level(word: str) -> str:
    if word.upper() not in LEVELS:
        known = ", ".join(each.lower() for each in LEVELS)
        raise Refusal(ExitCode.USAGE, f"--level {word} is unknown; there are {known}")
    return word.upper()


def _query(tail: int, since: str, previous: bool) -> dict[str, str]:
    query: dict[str, str] = {}
    if tail >= 0:
        query["tailLines"] = str(tail)
    if since:
        query["sinceSeconds"] = str(seconds(since))
    if previous:
        query["previous"] = "true"
    return query


def seconds(word: str) -> int:
    """Read a length of time such as 90s, 10m, 2h or 1d."""
    number, unit = word[:-1], word[-1:]
    if not number.isdigit() or unit not in _UNITS or int(number) == 0:
        raise Refusal(ExitCode.USAGE, f"--since {word} is no time such as 90s, 10m, 2h or 1d")
    return int(number) * _UNITS[unit]
