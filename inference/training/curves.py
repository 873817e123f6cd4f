"""The loss of each run, epoch by epoch, as a picture: work/curves.svg, redrawn while it goes on."""

from __future__ import annotations

import csv
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT, MARGIN = 640, 320, 48
INKS = ("#1b6ca8", "#c8553d", "#2e7d5b", "#8a5a9e", "#b08900", "#4a4a4a", "#d0719c", "#3aa3a3")


def draw(runs: Path, out: Path) -> None:
    """Read every `runs`/*/log.csv and write one SVG; nothing when no run has begun."""
    curves = {path.parent.name: _losses(path) for path in sorted(runs.glob("*/log.csv"))}
    curves = {name: losses for name, losses in curves.items() if losses}
    if not curves:
        return
    highest = max(map(max, curves.values()))
    longest = max(map(len, curves.values()))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        "<title>Training loss by epoch</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{MARGIN}" y="20">training loss, epochs 1 to {longest}</text>',
        *_axis(highest),
    ]
    for place, (name, losses) in enumerate(curves.items()):
        ink = INKS[place % len(INKS)]
        points = " ".join(
            f"{_x(epoch, longest):.1f},{_y(loss, highest):.1f}" for epoch, loss in enumerate(losses)
        )
        lines += [
            f'<polyline points="{points}" fill="none" stroke="{ink}" stroke-width="1.5"/>',
            f'<text x="{WIDTH - 110}" y="{40 + 16 * place}" fill="{ink}">'
            f"{escape(name)} {losses[-1]:.3f}</text>",
        ]
    out.write_text("\n".join([*lines, "</svg>"]) + "\n")


def _losses(log: Path) -> list[float]:
    with log.open(newline="") as lines:
        return [float(row["loss"]) for row in csv.DictReader(lines)]


def _x(epoch: int, longest: int) -> float:
    return MARGIN + epoch * (WIDTH - 170 - MARGIN) / max(1, longest - 1)


def _y(loss: float, highest: float) -> float:
    return HEIGHT - MARGIN + 16 - loss / highest * (HEIGHT - 2 * MARGIN)


def _axis(highest: float) -> list[str]:
    marks = []
    for step in range(5):
        value = highest * step / 4
        level = _y(value, highest)
        marks.append(
            f'<line x1="{MARGIN}" x2="{WIDTH - 170}" y1="{level:.1f}" y2="{level:.1f}" '
            f'stroke="#ddd"/><text x="8" y="{level + 4:.1f}">{value:.2f}</text>'
        )
    return marks
