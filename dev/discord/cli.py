"""Command line: ``python -m dev.discord serve``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from dev.discord.judges.run import JUDGES, JudgeError, try_judge
from dev.discord.server import Addresses, LocalDiscord, Options
from dev.discord.settings import GatewaySettings, RestSettings, Settings
from dev.discord.world.seed import DEFAULT_TOKEN


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    top = argparse.ArgumentParser(prog="python -m dev.discord", description="A local Discord.")
    commands = top.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run the server until SIGINT or SIGTERM")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serve.add_argument("--port", type=int, default=0, help="port to listen on (0: any free one)")
    serve.add_argument("--token-file", type=Path, help="file with the seeded bot's token")
    serve.add_argument("--bot-name", default="vertice", help="name of the seeded bot")
    serve.add_argument(
        "--public-url", help="http:// address clients reach this server by (default: as asked)"
    )
    serve.add_argument(
        "--statusz",
        action="append",
        default=[],
        metavar="URL",
        help="a bot's /statusz, shown on the page; may be given again; a name stands for all pods",
    )
    serve.add_argument("--ledger", type=Path, help="append every ledger entry to this JSONL file")
    serve.add_argument(
        "--ledger-limit",
        type=int,
        default=Settings().ledger_limit,
        help="entries kept in memory (%(default)s)",
    )
    serve.add_argument("--seed", type=int, default=0, help="seed of every random choice")
    serve.add_argument("--heartbeat", type=float, default=41.25, help="heartbeat interval, seconds")
    serve.add_argument("--max-concurrency", type=int, default=1, help="IDENTIFYs per window")
    serve.add_argument("--no-rate-limits", action="store_true", help="switch REST limits off")
    judging = commands.add_parser(
        "judge", help="let other libraries live through TCP cuts, and say whether they agree"
    )
    judging.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(JUDGES)}; all")
    judging.add_argument("--rounds", type=int, default=3, help="how many cuts (%(default)s)")
    return top


def options_from(args: argparse.Namespace) -> Options:
    """Turn parsed arguments into server options.

    Raises
    ------
    ValueError
        With a text for the user, when a file or address cannot be used.
    """
    token = DEFAULT_TOKEN
    if args.token_file is not None:
        try:
            token = args.token_file.read_text().strip()
        except OSError as error:
            raise ValueError(f"cannot read --token-file: {error.strerror}") from None
        if not token:
            raise ValueError("--token-file is empty: put the bot's token on its first line")
    public_url = args.public_url.rstrip("/") if args.public_url else None
    if public_url is not None and not public_url.startswith(("http://", "https://")):
        raise ValueError("--public-url must begin with http:// or https://")
    gateway = GatewaySettings(
        heartbeat_interval=args.heartbeat, max_concurrency=args.max_concurrency
    )
    return Options(
        host=args.host,
        port=args.port,
        token=token,
        bot_name=args.bot_name,
        ledger_path=args.ledger,
        statusz=tuple(args.statusz),
        settings=Settings(
            gateway=gateway,
            rest=RestSettings(rate_limits=not args.no_rate_limits),
            seed=args.seed,
            public_url=public_url,
            ledger_limit=args.ledger_limit,
        ),
    )


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 1 for a bad verdict, 2 for bad arguments."""
    args = parser().parse_args(argv)
    if args.command == "judge":
        return asyncio.run(_judge(args.names or list(JUDGES), args.rounds))
    try:
        options = options_from(args)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        asyncio.run(_serve(options))
    except OSError as error:
        where = f"{options.host}:{options.port}"
        print(f"error: cannot listen on {where}: {error.strerror}; try --port 0", file=sys.stderr)
        return 2
    return 0


async def _serve(options: Options) -> None:
    server = LocalDiscord(options)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(signum, stop.set)
    addresses = await server.start()
    _announce(addresses, options)
    try:
        await stop.wait()
    finally:
        await server.stop()


async def _judge(names: list[str], rounds: int) -> int:
    unknown = [name for name in names if name not in JUDGES]
    if unknown:
        print(f"error: no judge {unknown[0]}; there are: {', '.join(JUDGES)}", file=sys.stderr)
        return 2
    agreed = True
    for name in names:
        try:
            verdict = await try_judge(name, rounds)
        except (JudgeError, TimeoutError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            agreed = False
            continue
        agreed = agreed and verdict.clean
        outcome = "agrees" if verdict.clean else "DISAGREES"
        print(
            f"{name}: {outcome}: {verdict.sent} messages, {verdict.resumes} resumes, "
            f"{len(verdict.lost)} lost, {len(verdict.doubled)} doubled"
        )
    return 0 if agreed else 1


def _announce(addresses: Addresses, options: Options) -> None:
    known = options.token == DEFAULT_TOKEN
    print(f"page     {addresses.page}/")
    print(f"api      {addresses.api_base}")
    print(f"gateway  {addresses.gateway_url}")
    print(f"admin    {addresses.admin}")
    print(f"token    {DEFAULT_TOKEN if known else 'from --token-file'}")
    print("ready", flush=True)
