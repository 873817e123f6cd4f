"""`make bench-pages`: the server's time for each page, in a small and in a large clinic.

Each clinic has private servers and a process of its own. Loading a million opinions takes most of
the time. `--only TEXT` measures the pages whose line has the text, `--state DIR` keeps the servers'
data for a look at single queries.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.pages import clinic
from bench.pages.figures import Time, as_json, from_json

SMALL, LARGE = 10_000, 1_000_000
AIM_MS, AIM_RATIO = 100, 1.5
FLOOR_MS = 5  # below it a ratio says nothing


def say(text: str) -> None:
    """One line on the screen, at once."""
    print(text, file=sys.stderr, flush=True)


def one_size(predictions: int, only: str, state: Path | None) -> None:
    """Load and measure one clinic; the figures go to stdout as JSON."""
    with clinic.servers(state) as running:
        from bench.pages import times  # what it asks for are pages of apps that are ready

        began = time.monotonic()
        say(f"Loading {predictions} predictions")
        large = clinic.furnish(running, predictions, say)
        counted = ", ".join(f"{count} {table}" for table, count in large.counts.items())
        say(f"  in {time.monotonic() - began:.0f} s: {counted}")
        print(as_json(times.measure(large, say, only=only)))


def both(small: int, large: int, only: str) -> tuple[list[Time], list[Time]]:
    """The figures of two clinics, one after the other."""
    found = []
    for predictions in (small, large):
        command = [sys.executable, "-m", "bench.pages", "--size", str(predictions), "--only", only]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found.append(from_json(done.stdout.splitlines()[-1]))
    return found[0], found[1]


def lines(small: list[Time], large: list[Time], sizes: tuple[int, int]) -> list[str]:
    """The table, slowest page first, and the verdict."""
    before = {each.name: each for each in small}
    found = [f"{'':52}{sizes[0]:>16,}{sizes[1]:>22,} predictions"]
    found.append(f"{'ms':52}{'p50':>8}{'p95':>8}{'p50':>8}{'p95':>8}{'work':>8}{'ratio':>8}")
    for each in sorted(large, key=lambda each: -each.p95):
        if each.trouble:
            continue
        less = before[each.name]
        found.append(
            f"{each.name:52}{less.p50:8.1f}{less.p95:8.1f}{each.p50:8.1f}{each.p95:8.1f}"
            f"{each.work:8.1f}{ratio(less, each):8.2f}"
        )
    return [*found, "", *verdict(small, large)]


def ratio(small: Time, large: Time) -> float:
    """How much longer half of the requests take in the large clinic."""
    return max(large.p50, FLOOR_MS) / max(small.p50, FLOOR_MS)


def verdict(small: list[Time], large: list[Time]) -> list[str]:
    """What `make bench` ends with."""
    before = {each.name: each for each in small}
    judged = [each for each in large if not each.trouble and each.kind != "download"]
    slow = [each for each in judged if each.p95 > AIM_MS]
    ratios = {each.name: ratio(before[each.name], each) for each in judged}
    slowest = max(judged, key=lambda each: each.p95)
    steepest = max(ratios, key=lambda name: ratios[name])
    return [
        f"pages and endpoints  {len(judged)}, {judged[0].times} requests each; "
        f"{len(judged) - len(slow)} with p95 of at most {AIM_MS} ms",
        f"slowest p95          {slowest.p95:.1f} ms   {slowest.name}",
        f"ratio large : small  {statistics.median(ratios.values()):.2f}   median of all pages "
        f"(aim: at most {AIM_RATIO})",
        f"  at worst           {ratios[steepest]:.2f}   {steepest}",
        f"  processors' work   {_of_work(before, judged):.2f}   median, whatever else runs",
        *(f"slower than {AIM_MS} ms   {each.p95:.1f} ms   {each.name}" for each in slow),
        *(f"not measured         {each.name}: {each.trouble}" for each in large if each.trouble),
    ]


def _of_work(before: dict[str, Time], judged: list[Time]) -> float:
    floored = [(each.work, before[each.name].work) for each in judged]
    return statistics.median(max(a, FLOOR_MS) / max(b, FLOOR_MS) for a, b in floored)


def main() -> int:
    """Measure and print; 0 whatever the figures are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=SMALL)
    parser.add_argument("--large", type=int, default=LARGE)
    parser.add_argument("--only", default="")
    parser.add_argument("--size", type=int, help="one clinic alone, as JSON")
    parser.add_argument("--state", type=Path, help="where to keep the servers' data, with --size")
    given = parser.parse_args()
    if given.size:
        one_size(given.size, given.only, given.state)
        return 0
    small, large = both(given.small, given.large, given.only)
    print("\n".join(lines(small, large, (given.small, given.large))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
