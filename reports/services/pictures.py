"""The pictures of a report: its images from the vault, smaller, and the opinion's heat maps."""

import io
import uuid

import numpy as np
from PIL import Image

from imaging.models import Instance
from imaging.storage import vault
from inference.models import Prediction
from reports.models import Report

LONGEST_SIDE = 1200
HEAT_SIDE = 640
JPEG_QUALITY = 88

# "Inferno" (Nathaniel Smith and Stéfan van der Walt), sampled at nine points: it grows evenly in
# lightness, so it can be read in grey and by people who see few colours.
INFERNO = (
    (0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106), (186, 54, 85),
    (227, 89, 51), (249, 140, 10), (249, 201, 50), (252, 255, 164),
)  # fmt: skip


def of(report: Report) -> dict[str, bytes]:
    """JPEG bytes by name: `image/<id>` and `heat/<prediction id>`. Inside the clinic's context.

    An image that has been moved to another patient since is left out: it is not this patient's.
    """
    content = report.content or {}
    ids = [uuid.UUID(each["id"]) for lesion in content["lesions"] for each in lesion["images"]]
    instances = Instance.objects.filter(pk__in=ids, patient_id=report.patient_id)
    shown = {f"image/{each.pk}": _jpeg(_open(each), LONGEST_SIDE) for each in instances}
    theirs = {str(each.pk): each for each in instances}
    for lesion in content["lesions"]:
        opinion = lesion["opinion"]
        if opinion is None or opinion["image"] not in theirs:
            continue
        prediction = Prediction.objects.get(pk=opinion["prediction"])
        # An empty grid is no map: the bare photograph would pass for one.
        if prediction.saliency_shape and any(bytes(prediction.saliency or b"")):
            rows, columns = prediction.saliency_shape
            heat = np.frombuffer(bytes(prediction.saliency or b""), np.uint8).reshape(rows, columns)
            picture = overlay(_open(theirs[opinion["image"]]), heat)
            shown[f"heat/{prediction.pk}"] = _jpeg(picture, HEAT_SIDE)
    return shown


def overlay(picture: Image.Image, heat: np.ndarray) -> Image.Image:
    """Lay a heat map, uint8 (rows, columns), over a picture: the more opaque, the stronger.

    What comes out is the centre square: all that the network saw (network/preprocess.py).
    """
    side = min(picture.size)
    left, top = (picture.width - side) / 2, (picture.height - side) / 2
    small = picture.resize((HEAT_SIDE, HEAT_SIDE), box=(left, top, left + side, top + side))
    strength = Image.fromarray(heat).resize(small.size, Image.Resampling.BICUBIC)
    level = np.asarray(strength, np.float32) / 255
    points = np.linspace(0, 1, len(INFERNO))
    colour = np.stack(
        [np.interp(level, points, [each[band] for each in INFERNO]) for band in range(3)], axis=-1
    )
    weight = (0.65 * level)[..., None]
    mixed = np.asarray(small, np.float32) * (1 - weight) + colour * weight
    return Image.fromarray(np.rint(mixed).astype(np.uint8))


def _open(instance: Instance) -> Image.Image:
    with Image.open(io.BytesIO(vault().get(instance.image_name))) as picture:
        return picture.convert("RGB")


def _jpeg(picture: Image.Image, side: int) -> bytes:
    small = picture.copy()
    small.thumbnail((side, side))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()
