"""Measures the server's time for each page, through WSGI, as the web role behind the wall."""

import io
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.pages.addresses import Ask, asks, days, parts, sent
from bench.pages.clinic import Large
from bench.pages.figures import Time

WARM, TIMES, DOWNLOADS = 3, 30, 2


def measure(clinic: Large, say: Callable[[str], None], *, only: str = "") -> list[Time]:
    """All pages, each as often as TIMES, on as many different patients as it has."""
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()
    found = []
    for ask in asks():
        if only in str(ask):
            one = _measured(application, clinic, ask)
            say(f"  {one.p50:7.1f} {one.p95:7.1f} {one.work:7.1f} ms  {ask}  {one.trouble}")
            found.append(one)
    return found


def _measured(application: Any, clinic: Large, ask: Ask) -> Time:
    requests = _requests(clinic, ask)
    wanted = TIMES if ask.kind != "download" else DOWNLOADS
    spent, worked = [], []
    for number in range(WARM + 3 * wanted):
        environ = next(requests)
        before, began = _work(), time.perf_counter()
        status = _answered(application, environ)
        took, work = 1000 * (time.perf_counter() - began), _work() - before
        # Not every patient has this page: an opinion waits for a diagnosis, an image has no mask.
        if number >= WARM and 200 <= status < 300:
            spent.append(took)
            worked.append(work)
        if len(spent) == wanted:
            break
    else:
        return Time(str(ask), ask.kind, trouble=f"{status} from {environ['PATH_INFO']}")
    cuts = statistics.quantiles(spent, n=20, method="inclusive")
    p50, p95, work = (round(each, 2) for each in (cuts[9], cuts[18], statistics.median(worked)))
    return Time(str(ask), ask.kind, p50, p95, work, len(spent))


def _work() -> float:
    """Milliseconds that processors have worked for this process and its PostgreSQL session."""
    from django.db import connection

    connection.ensure_connection()
    told = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    theirs = int(told.read_text().split()[0]) / 1e6 if told.exists() else 0
    return 1000 * time.process_time() + theirs


def _requests(clinic: Large, ask: Ask) -> Iterator[dict[str, Any]]:
    """Requests without end, over the sample's patients; where these will not do, over the scene."""
    from django.test import RequestFactory

    fixed = {name: getattr(clinic.scene, at) for name, at in ask.row.at.items()}
    needed = parts(ask) - fixed.keys() - days().keys()
    fitting = [row for row in clinic.sample if needed <= row.keys()] if not fixed else []
    headers = clinic.headers[ask.role, "api" if ask.kind == "api" else "page"]
    made, numbers = RequestFactory(), itertools.count()
    while True:
        for row in fitting or [{}]:
            names = {"name": clinic.scene.name, "mrn": clinic.scene.mrn} | row | days() | fixed
            for name in needed - row.keys():
                names[name] = getattr(clinic.scene, name)
            path = "/" + ask.path.format(**names)
            data, kind = sent(ask, names, next(numbers))
            request = made.generic(ask.method, path, data, kind, headers=dict(headers))
            environ = dict(request.environ)
            environ["wsgi.input"] = io.BytesIO(data)
            yield environ


def _answered(application: Any, environ: dict[str, Any]) -> int:
    """Ask, read to the end, and return the status."""
    status: list[int] = []
    answer = application(environ, lambda line, _headers: status.append(int(line.split()[0])))
    try:
        for _part in answer:
            pass
    finally:
        answer.close()
    return status[0]
