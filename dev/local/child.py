"""One child process: its output under its name, a polite stop, no orphan."""

from __future__ import annotations

import asyncio
import ctypes
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Ask the kernel to end this process when its parent dies (Linux; elsewhere a no-op)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """A running child.

    Args:
        name: Shown before each line of its output.
        process: The process, its output piped.
        say: Takes each line.
    """

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, say: Callable[[str], None]
    ) -> None:
        self.name = name
        self._process = process
        self._say = say
        self._reader = asyncio.create_task(self._copy())

    @classmethod
    async def start(
        cls,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        say: Callable[[str], None],
    ) -> Child:
        """Start ``command`` in a session of its own.

        A Ctrl-C in the terminal then reaches the parent alone, which stops its parts in order.
        """
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        return cls(name, process, say)

    @property
    def status(self) -> int | None:
        """The exit status, None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for the end, with all output said, and return the exit status."""
        status = await self._process.wait()
        await self._reader
        return status

    async def stop(self, patience: float) -> int:
        """Ask with SIGTERM, kill after ``patience`` seconds, and return the exit status."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), patience)
            except TimeoutError:
                self._say(f"{self.name} does not end: killed after {patience:.0f} s")
                self._process.kill()
        return await self.wait()

    async def _copy(self) -> None:
        stream = self._process.stdout
        if stream is None:
            raise RuntimeError("the child's output is not piped")
        while chunk := await _line(stream):
            self._say(f"{self.name:>8} | {chunk.decode(errors='replace').rstrip()}")


async def _line(stream: asyncio.StreamReader) -> bytes:
    """Read a line, or a piece of one that is longer than the buffer."""
    try:
        return await stream.readuntil()
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError as error:
        return await stream.readexactly(error.consumed)
