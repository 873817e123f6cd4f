"""`make bench`: the ratios, with their parts. Takes about five minutes on two idle cores."""

import os
import sys

from bench import bare, clinic, engines
from bench.bare import Rate, Setting
from bench.engines import Cost

BATCHES = (1, 2, 4)
AIM_THROUGHPUT, AIM_LATENCY = 0.85, 10.0
AIM_STANDARD_MS, AIM_FAST_MS = 250, 25  # an image, on two cores
BACKLOG_SECONDS = 5


def say(text: str) -> None:
    """One line on the screen, at once."""
    print(text, flush=True)


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def yardstick(count: int) -> list[Rate]:
    """The bare network over thread settings; the last one is how the workers run."""
    rates: list[Rate] = []
    for setting in dict.fromkeys([Setting(1), Setting(count), Setting(1, processes=count)]):
        say(f"Bare network, {setting}")
        rates += bare.measure(clinic.PACKAGE, setting, BATCHES)
    return rates


def costs(count: int) -> list[Cost]:
    """Of each shipped package for dermoscopy, as one process with all cores."""
    found = []
    for package in (clinic.PACKAGE, clinic.FAST):
        say(f"Engine of {package.name}")
        found.append(engines.measure(package, count))
    return found


def about(standard: Cost, fast: Cost) -> list[str]:
    """The lines on what the packages cost."""
    lines = [
        "",
        f"standard / fast    {standard.single_ms / fast.single_ms:.1f}   one image, both engines",
    ]
    for cost, aim in ((standard, AIM_STANDARD_MS), (fast, AIM_FAST_MS)):
        lines += [
            f"  {cost.package:17}{cost.single_ms:6.1f} ms an image alone"
            f"   {cost.threads} threads (aim: at most {aim})",
            f"                   {cost.batch_ms:6.1f} ms in batches of {cost.batch}",
            f"  start, memory    {cost.start_seconds:6.1f} s, at most {cost.peak_mb:.0f} MB",
        ]
    return lines


def main() -> int:
    """Measure and print; 0 whatever the figures are."""
    count = cores()
    standard, fast = costs(count)
    rates = yardstick(count)
    with clinic.running(count, say) as bench:
        from bench import latency, throughput

        say("Latency")
        delay = latency.measure(bench)
        say("Throughput")
        fastest = max(rate.images_per_second for rate in rates)
        speed = throughput.measure(bench, round(BACKLOG_SECONDS * fastest))
    single = [rate for rate in rates if rate.setting.processes == 1]
    best = max(single, key=lambda rate: rate.images_per_second)
    filled = max(
        (rate for rate in rates if rate.setting == Setting(1, processes=count)),
        key=lambda rate: rate.images_per_second,
    )
    quickest = min((rate for rate in single if rate.batch == 1), key=lambda rate: rate.pass_ms)
    width, height = clinic.SIZE
    lines = [
        "",
        f"throughput ratio   {speed.images_per_second / best.images_per_second:.2f}"
        f"   (aim: at least {AIM_THROUGHPUT})",
        f"  whole worker     {speed.images_per_second:6.1f} images/s   "
        f"{count} processes, {speed.images} images of {width} x {height}",
        f"  bare network     {best.images_per_second:6.1f} images/s   "
        f"at its best: {best.setting}, batches of {best.batch}",
        f"                   {filled.images_per_second:6.1f} images/s   "
        f"one on each core: {filled.setting}, batches of {filled.batch}",
        f"  unseal           {speed.read_ms:6.2f} ms an image, on one core",
        f"  decode, resize   {speed.prepare_ms:6.2f} ms an image, on one core",
        "",
        f"latency ratio      {delay.ready_ms / quickest.pass_ms:.1f}"
        f"   (aim: at most {AIM_LATENCY:g})",
        f"  201 to READY     {delay.ready_ms:6.1f} ms   "
        f"median of {latency.UPLOADS}; {delay.worst_ms:.1f} ms at worst",
        f"  bare network     {quickest.pass_ms:6.1f} ms   "
        f"one image, {quickest.setting.intra} threads",
        f"  bell and claim   {delay.claimed_ms:6.1f} ms   from the request's row to the claim",
        f"  worker           {delay.worker_ms:6.1f} ms   from the claim to the result",
        f"  upload           {delay.upload_ms:6.1f} ms   before the 201",
        *about(standard, fast),
    ]
    say("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
