"""The collector's pace: in processes of their own, for it must not change under the other tests."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from distributor.demo.stage import Stage
from tests.serving import ROOT, serving

AT_THE_END = "import atexit, gc; atexit.register(lambda: print('frozen', gc.get_freeze_count(), gc.get_threshold()[0]))"
A_BATCH = """
import gc
from distributor.collector import settle
def collections(): return sum(generation['collections'] for generation in gc.get_stats())
def batch(): return [[number] for number in range(10_000)]
before = collections(); batch(); usual = collections() - before
settle()
before = collections(); batch(); settled = collections() - before
garbage = []; garbage.append(garbage); del garbage
print(usual, settled, gc.collect())
"""


def test_a_batch_of_deliveries_makes_the_collector_walk_no_more_and_garbage_still_goes() -> None:
    said = subprocess.run([sys.executable, "-c", A_BATCH], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    usual, settled, found = map(int, said.split())
    assert usual >= 10
    assert settled <= 1
    assert found >= 1


async def test_the_service_settles_when_it_has_started(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "stage", roles=frozenset())  # the settings and the sandbox; the service is a process
    await stage.start()
    try:
        said = await asyncio.to_thread(_serve, stage.settings_file)
    finally:
        await stage.stop()
    _, frozen, youngest = said.split()
    assert int(frozen) > 50_000
    assert int(youngest) == 20_000


def _serve(settings: Path) -> str:
    """Run the service until it says that it runs, end it; its last line."""
    with serving(settings, "-c", f"{AT_THE_END}; from distributor.cli import main; main()") as process:
        assert process.stdout is not None
        assert "Distributor runs" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        return process.communicate(timeout=30)[0].splitlines()[-1]
