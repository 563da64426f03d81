"""Run every measurement, print it, and write benchmarks/latest.json.

May touch: benchmarks/latest.json. The figures of a shared machine are noisy: medians of several runs, and what they are
held against, count.
"""

from __future__ import annotations

import asyncio
import json
import platform
from pathlib import Path

from benchmarks.first_byte import measure
from distributor import log


def main() -> None:
    """Measure and write."""
    log.configure("error", "console", ())
    results = asyncio.run(measure())
    print(f"Python {platform.python_version()}, SQLite and memory queue, the sandbox in the same process")
    for result in results:
        against = f" (aim: {result['against']})" if result["against"] is not None else ""
        print(f"  {result['name']}: {result['value']:.2f} {result['unit']}{against}")
    (Path(__file__).parent / "latest.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
