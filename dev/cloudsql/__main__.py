"""``python -m dev.cloudsql``: run the stand-in, or write a key file for it."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from dev.cloudsql.instance import TLS_PORT, Instance
from dev.cloudsql.server import Options, running
from dev.cloudsql.service_account import create_key_file


def _host_port(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r}: write HOST:PORT")
    return host, int(port)


def _instance(text: str) -> Instance:
    try:
        return Instance.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dev.cloudsql",
        description="Stand-in for the SQL Admin API and the TLS front of a Cloud SQL instance.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run until SIGTERM or Ctrl-C")
    serve.add_argument("--instance", type=_instance, required=True, metavar="P:R:I")
    serve.add_argument("--postgres", type=_host_port, required=True, metavar="HOST:PORT")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serve.add_argument("--api-port", type=int, default=8421)
    serve.add_argument(
        "--tls-port", type=int, default=TLS_PORT, help="the proxy only ever dials %(default)s"
    )
    serve.add_argument(
        "--ip-address", help="address or name under which the proxy reaches the TLS port"
    )
    serve.add_argument(
        "--public-url", help="base URL of the API as clients reach it (token_uri of the key file)"
    )
    serve.add_argument(
        "--key-file", type=Path, help="service-account key file, written when it does not exist"
    )
    serve.add_argument("--state-dir", type=Path, help="keep the certificate authority here")
    serve.add_argument(
        "--accept-token",
        action="append",
        default=[],
        help="bearer token that is good without an exchange (cloud-sql-proxy --token)",
    )
    key = commands.add_parser("key", help="write a service-account key file and exit")
    key.add_argument("--project", required=True)
    key.add_argument("--token-uri", required=True)
    key.add_argument("--out", type=Path, required=True)
    return parser


async def _serve(options: Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running(options) as stand_in:
        host, port = stand_in.tls_address
        print(
            f"cloudsql: ready api={stand_in.api_url} tls={host}:{port} "
            f"instance={options.instance.connection_name}",
            flush=True,
        )
        await stop.wait()


def main(arguments: list[str] | None = None) -> int:
    """Parse the arguments and run; returns the exit status."""
    given = _parser().parse_args(arguments)
    if given.command == "key":
        create_key_file(given.out, given.project, given.token_uri)
        return 0
    options = Options(
        instance=given.instance,
        postgres=given.postgres,
        host=given.host,
        api_port=given.api_port,
        tls_port=given.tls_port,
        address=given.ip_address,
        public_url=given.public_url,
        key_file=given.key_file,
        state_dir=given.state_dir,
        static_tokens=frozenset(given.accept_token),
    )
    try:
        asyncio.run(_serve(options))
    except (OSError, ValueError) as error:
        print(f"cloudsql: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
