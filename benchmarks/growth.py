"""Growth: the time of one delivery with ten thousand, a hundred thousand and a million of them.

May touch: benchmarks/growth.svg, and what benchmarks.engine touches. The log grows with the deliveries; none of it may
make the next delivery dearer.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import engine
from benchmarks.engine import STANDS
from benchmarks.results import Result, median, result

SETUP = (
    "One release to 10,000, 100,000 and 1,000,000 readers, drained by one worker process with a channel that does "
    "nothing; processor time of the worker and time passed for a delivery, against those with 10,000; medians of 3 "
    "(one run with a million)."
)
SIZES = (10_000, 100_000, 1_000_000)
PLOT = Path(__file__).parent / "growth.svg"

Point = tuple[int, float]  # deliveries, microseconds of one


async def measure(*, quick: bool = False) -> list[Result]:
    """Microseconds of a delivery at each size; writes the plot after a whole measurement."""
    results: list[Result] = []
    curves: dict[str, list[Point]] = {}
    for stand in (STANDS[0], STANDS[2]):
        name = stand.name.partition(" ")[0]
        base: tuple[float, float] | None = None
        for size in SIZES[:2] if quick else SIZES:
            runs = [await engine.run(stand, size) for _ in range(1 if quick or size == SIZES[-1] else 3)]
            passed, busy = median(1e6 / run.rate for run in runs), median(run.busy * 1e6 for run in runs)
            first = base or (passed, busy)
            base = first
            results.append(result(f"time of a delivery with {size:,}, {name}", passed, "µs", first[0]))
            results.append(result(f"processor time of a delivery with {size:,}, {name}", busy, "µs", first[1]))
            curves.setdefault(name, []).append((size, passed))
    if not quick:
        PLOT.write_text(draw(curves), encoding="utf-8")
    return results


def draw(curves: dict[str, list[Point]]) -> str:
    """An SVG of microseconds over the number of deliveries (logarithmic), one line for each database."""
    width, height, left, bottom = 640, 360, 70, 50
    most = max(value for points in curves.values() for _, value in points) * 1.25
    places = {size: left + (width - left - 30) * at / max(len(SIZES) - 1, 1) for at, size in enumerate(SIZES)}

    def up(value: float) -> float:
        return height - bottom - (height - bottom - 30) * value / most

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{left}" y="18">Time of one delivery (µs), by how many there are</text>',
    ]
    for step in range(5):
        value = most * step / 4
        lines.append(f'<path d="M{left} {up(value):.1f}H{width - 20}" stroke="#ddd"/>')
        lines.append(f'<text x="{left - 8}" y="{up(value) + 4:.1f}" text-anchor="end">{value:.0f}</text>')
    for size, place in places.items():
        lines.append(f'<text x="{place:.1f}" y="{height - bottom + 22}" text-anchor="middle">{size:,}</text>')
    for (name, points), colour in zip(curves.items(), ("#0b5394", "#b45f06"), strict=False):
        path = "L".join(f"{places[size]:.1f} {up(value):.1f}" for size, value in points)
        lines.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        size, value = points[-1]
        lines.append(
            f'<text x="{places[size]:.1f}" y="{up(value) - 8:.1f}" text-anchor="end" fill="{colour}">{name}</text>'
        )
    return "\n".join([*lines, "</svg>", ""])
