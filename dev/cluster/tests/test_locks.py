"""Locks between processes."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from pathlib import Path

from dev.cluster.locks import locked
from dev.cluster.progress import Progress, wait_until

HOLD = (
    "import sys, time; from pathlib import Path; from dev.cluster.locks import locked\n"
    "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(1000)"
)


def test_waits_for_the_holder_and_says_so_and_survives_its_death(tmp_path: Path) -> None:
    path, said, got = tmp_path / "deep" / "lock", io.StringIO(), threading.Event()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"

    def take() -> None:
        with locked(path, "waiting for the other", Progress(said)):
            got.set()

    taker = threading.Thread(target=take)
    taker.start()
    wait_until("it waits", lambda: "waiting for the other" in said.getvalue(), 10)
    assert not got.is_set()
    holder.kill()
    holder.communicate()
    taker.join(10)
    assert got.is_set()
