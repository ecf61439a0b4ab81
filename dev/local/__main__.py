"""``python -m dev.local``: the bot alone, without a cluster and without Docker."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from dev.local.postgres import PostgresError
from dev.local.session import ROOT, Session, StartError
from dev.local.settings import Layout, Ports


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dev.local",
        description="Run the bot with an embedded Postgres and the local Discord; reload.",
    )
    ports = Ports()
    parser.add_argument("--port", type=int, default=ports.discord, help="the local Discord")
    parser.add_argument("--http-port", type=int, default=ports.http, help="the bot's probes")
    parser.add_argument("--metrics-port", type=int, default=ports.metrics, help="the bot's metrics")
    parser.add_argument(
        "--state", type=Path, default=ROOT / "build" / "dev", help="where the database is kept"
    )
    parser.add_argument(
        "--token-file", type=Path, help="run on the real Discord with the token in this file"
    )
    return parser


@contextlib.contextmanager
def _only_one(state: Path) -> Iterator[None]:
    """Hold a lock on the state directory.

    Raises:
        StartError: Another run holds it.
    """
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StartError(
                f"`make dev` runs already on {state}: stop it, or give this one another --state"
            ) from error
        yield


async def _run(session: Session) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    work = asyncio.ensure_future(session.run(stop))

    def on_signal() -> None:
        if not stop.is_set():
            stop.set()
            return
        work.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    with contextlib.suppress(asyncio.CancelledError):
        await work


def main(arguments: list[str] | None = None) -> int:
    """Run until Ctrl-C; returns the exit status."""
    given = _parser().parse_args(arguments)
    if given.token_file is not None and not given.token_file.is_file():
        print(f"dev: there is no file {given.token_file}: put the bot's token into it")
        return 2
    ports = Ports(given.port, given.http_port, given.metrics_port)
    token_file = given.token_file and given.token_file.resolve()
    try:
        with _only_one(given.state):
            asyncio.run(_run(Session(Layout(given.state.resolve()), ports, token_file)))
    except (StartError, PostgresError) as error:
        print(f"dev: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
