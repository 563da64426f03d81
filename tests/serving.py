"""The service in a process of its own, as an operator starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def serving(settings: Path, *program: str) -> Iterator[subprocess.Popen[str]]:
    """`distributor serve` over these settings; `program` are Python's arguments where it is started otherwise. What the
    block has not ended is killed."""
    command = [sys.executable, *(program or ("-m", "distributor")), "--config", str(settings), "serve"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=settings.parent, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
