"""Child processes: output under a name, a polite stop, a hard one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import psutil

from dev.local.child import Child

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""


async def started(lines: list[str], code: str) -> Child:
    return await Child.start("part", [sys.executable, "-c", code], os.environ, lines.append)


async def until(lines: list[str], text: str) -> None:
    async with asyncio.timeout(20):
        while not any(text in line for line in lines):  # noqa: ASYNC110 - polls, with a deadline
            await asyncio.sleep(0.01)


async def test_output_comes_under_the_name_with_lines_of_any_length() -> None:
    lines: list[str] = []
    child = await started(lines, "print('hello'); print('x' * 200_000); print('end', end='')")
    assert await child.wait() == 0
    assert lines[0] == "    part | hello"
    assert sum(line.count("x") for line in lines) == 200_000
    assert lines[-1] == "    part | end"


async def test_a_polite_stop() -> None:
    lines: list[str] = []
    child = await started(lines, "import time; print('up', flush=True); time.sleep(60)")
    await until(lines, "up")
    assert child.status is None
    assert await child.stop(10) == -signal.SIGTERM


async def test_a_deaf_child_is_killed_and_named() -> None:
    lines: list[str] = []
    child = await started(lines, STUBBORN)
    await until(lines, "deaf")
    assert await child.stop(0.2) == -signal.SIGKILL
    assert "part does not end: killed after 0 s" in lines


async def test_a_child_does_not_outlive_a_killed_parent() -> None:
    code = (
        "import asyncio, os, sys\n"
        "from dev.local.child import Child\n"
        "async def main():\n"
        "    child = await Child.start('x', [sys.executable, '-c',"
        " 'import os, time; print(os.getpid(), flush=True); time.sleep(60)'],"
        " os.environ, lambda line: print(line, flush=True))\n"
        "    await child.wait()\n"
        "asyncio.run(main())\n"
    )
    lines: list[str] = []
    parent = await started(lines, code)
    await until(lines, "x |")
    grandchild = psutil.Process(int(lines[0].rsplit("|", 1)[1]))
    assert grandchild.is_running()
    await parent.stop(0)
    await asyncio.to_thread(grandchild.wait, 10)
