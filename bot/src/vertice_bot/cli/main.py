"""``vertice-bot run | migrate | check``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

import vertice_bot
from vertice_bot.errors import ExitCode, Stop
from vertice_bot.settings import Settings, load_settings

TERMINATION_LOG = Path("/dev/termination-log")

app = typer.Typer(
    name="vertice-bot",
    help=(
        "Run a Discord bot on any number of replicas.\n\n"
        "Configuration comes from a YAML file and from VERTICE_* variables, which win; secrets "
        "come from files that the configuration names. Exit codes: 0 stopped in order, 2 bad "
        "configuration, 69 a dependency refused for good (token, intents), 70 internal error. "
        "Each is explained in one line, also in /dev/termination-log."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="VERTICE_CONFIG",
        help="YAML file; without it everything comes from VERTICE_* variables.",
    ),
]


def _version(asked: bool) -> None:
    if asked:
        print(f"vertice-bot {vertice_bot.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    _asked: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
def run(config: Config = None) -> None:
    """Run the bot until SIGTERM.

    One replica at a time is connected to Discord (it holds the lease); the others stand by and
    take over within seconds. Without a database it runs as a single process.
    """

    def action(settings: Settings) -> int:
        from vertice_bot.app import run as run_bot

        return run_bot(settings)

    _guarded(config, action)


@app.command()
def migrate(
    config: Config = None,
    wait: Annotated[
        float, typer.Option(help="Seconds to wait for a database that does not answer yet.")
    ] = 60.0,
) -> None:
    """Apply the missing migrations, one runner at a time; safe to run again."""

    def action(settings: Settings) -> int:
        from vertice_bot.cli.migrate import run_migrations

        return run_migrations(settings, wait)

    _guarded(config, action)


@app.command()
def check(
    config: Config = None,
    application_id: Annotated[
        int | None, typer.Option(help="For the invite URL, when the configuration has none.")
    ] = None,
) -> None:
    """Validate the configuration; print intents, permissions and the invite URL.

    Nothing is contacted: a token, for example, is only looked at for its form.
    """

    def action(settings: Settings) -> int:
        from vertice_bot.cli.check import print_report

        return print_report(settings, application_id)

    _guarded(config, action)


def _guarded(config: Path | None, action: Callable[[Settings], int]) -> None:
    """Run an action and turn every ending into an exit code and one line."""
    log = TERMINATION_LOG
    try:
        settings = load_settings(config)
        log = settings.termination_log
        code = action(settings)
    except Stop as stop:
        _say(stop.message, log)
        raise typer.Exit(int(stop.code)) from None
    except KeyboardInterrupt:
        raise typer.Exit(int(ExitCode.OK)) from None
    raise typer.Exit(code)


def _say(message: str, log: Path) -> None:
    print(f"vertice-bot: {message}", file=sys.stderr)
    try:
        if log.exists():
            log.write_text(message + "\n", encoding="utf-8")
    except OSError as error:
        print(f"vertice-bot: cannot write {log}: {error.strerror}", file=sys.stderr)
