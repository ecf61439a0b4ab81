"""A TCP relay that can be cut, between a program and a server that it must not lose for ever."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

_CHUNK = 65536


class Relay:
    """Forwards connections on a free loopback port to ``target`` until :meth:`cut`.

    While it is cut nothing passes and nothing is refused, as on a network that loses packets:
    connections stay open and silent, new ones are accepted and wait.

    Parameters
    ----------
    target
        Host and port of the server.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._passing = threading.Event()
        self._passing.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """Where to connect to."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        """Begin to accept."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close everything."""
        self._listener.close()
        self._close_all()
        self._passing.set()

    def cut(self) -> None:
        """Let nothing pass any more."""
        self._passing.clear()

    def heal(self, *, late: bool) -> None:
        """Let bytes pass again.

        Parameters
        ----------
        late
            What was sent meanwhile arrives now; otherwise all old connections are dropped with
            what they held, as when retransmission has given up.
        """
        if not late:
            self._close_all()
        self._passing.set()

    def _close_all(self) -> None:
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
            self._open.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self._open.append(client)
        self._passing.wait()
        try:
            server = socket.create_connection(self._target)
        except OSError:
            client.close()
            return
        with self._lock:
            self._open.append(server)
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                self._passing.wait()
                sink.sendall(data)
            self._passing.wait()
            sink.shutdown(socket.SHUT_WR)
