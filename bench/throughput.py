"""Images per second through the whole worker, from a backlog of sealed images to stored results."""

import time
import uuid
from dataclasses import dataclass

from django.db.models import Max, Min

from bench.clinic import PACKAGE, Bench, wait_until
from dermaclinic import bell
from dermaclinic.accounts.tenancy import clinic_context
from imaging.models import Instance, new_uid
from imaging.storage import vault
from inference.models import ModelVersion, Prediction

FINAL = ("ready", "declined")
CHUNK = 500
TRIES = 3


@dataclass(frozen=True)
class Throughput:
    """`read_ms` and `prepare_ms` are what one image costs besides the network, on one core."""

    images: int
    images_per_second: float
    read_ms: float
    prepare_ms: float


def measure(bench: Bench, images: int) -> Throughput:
    """Run backlogs of so many images; the best of a few counts, as for the bare network."""
    originals = [bench.upload(number) for number in range(len(bench.drawings))]
    _wait_idle(bench)
    _run(bench, originals, 64)
    rate = max(_run(bench, originals, images) for _ in range(TRIES))
    read_ms, prepare_ms = _costs(originals)
    return Throughput(images, rate, read_ms, prepare_ms)


def _run(bench: Bench, originals: list[Instance], count: int) -> float:
    with clinic_context(bench.technician.clinic_id):
        known = set(Prediction.objects.values_list("pk", flat=True))
        _queue(originals, count)
    for _ in bench.workers:
        bell.ring_now(bell.INFERENCE)
    _wait_idle(bench)
    with clinic_context(bench.technician.clinic_id):
        rows = Prediction.objects.exclude(pk__in=known)
        if rows.filter(status__in=FINAL, attempts=1).count() != count:
            raise RuntimeError(f"Not every image was read: {bench.statuses()}")
        times = rows.aggregate(began=Min("started_at"), ended=Max("finished_at"))
    return float(count / (times["ended"] - times["began"]).total_seconds())


def _queue(originals: list[Instance], count: int) -> None:
    """Many images with the sealed bytes of a few, queued as their admission would have done."""
    model = ModelVersion.objects.get(active=True, modality="dermoscopy")
    instances, predictions = [], []
    for number in range(count):
        copy = Instance.objects.get(pk=originals[number % len(originals)].pk)
        copy.pk = uuid.uuid4()
        copy.sha256 = copy.pk.hex * 2
        copy.sop_instance_uid = new_uid()
        instances.append(copy)
        predictions.append(Prediction(clinic_id=copy.clinic_id, instance=copy, model_version=model))
    Instance.objects.bulk_create(instances, CHUNK)
    Prediction.objects.bulk_create(predictions, CHUNK)


def _wait_idle(bench: Bench) -> None:
    wait_until(lambda: not set(bench.statuses()) & {"queued", "running"}, 120, step=0.2)


def _costs(originals: list[Instance]) -> tuple[float, float]:
    from inference import package
    from inference.network.preprocess import decode, frame

    side = package.read(PACKAGE).input_size
    repeats = 10
    began = time.process_time()
    for _ in range(repeats):
        sealed = [vault().get(each.image_name) for each in originals]
    read = time.process_time()
    for _ in range(repeats):
        for data in sealed:
            frame(decode(data, for_size=side), side)
    done = time.process_time()
    each_ms = 1000 / (repeats * len(originals))
    return (read - began) * each_ms, (done - read) * each_ms
