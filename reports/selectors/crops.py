"""The picture of a similar case: small, bare of everything but its pixels, opened by a pass."""

import io

from PIL import Image

from dermaclinic import audit
from dermaclinic.accounts import policies
from dermaclinic.accounts.actor import Actor
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.errors import NotFound
from imaging.storage import vault
from inference.network import preprocess
from reports import passes
from reports.models import Histology
from reports.selectors.similar import case_of

SIDE = 320  # pixels, at most
JPEG_QUALITY = 85


def crop(actor: Actor, text: str) -> bytes:
    """A JPEG of the square that the network saw; a look that is written down.

    For doctors. NotFound, with an event, for a pass that is not the actor's, is over, or whose
    image may no longer be shown. VaultError when the stored image cannot be opened.
    """
    with clinic_context(actor.clinic_id):
        policies.require(actor, "compare", Histology)
        try:
            instance = case_of(passes.opened(actor, text))
        except passes.PassError as error:
            audit.refused_similar_case(actor, why=error.why)
            raise NotFound from error
        if instance is None:
            audit.refused_similar_case(actor, why="no longer a case")
            raise NotFound
        audit.viewed_image(actor, instance, rendition="similar case")
        name = instance.image_name
    return _small(vault().get(name))


def _small(stored: bytes) -> bytes:
    picture = preprocess.decode(stored, for_size=SIDE)
    square = preprocess.square(picture, min(SIDE, *picture.size))
    out = io.BytesIO()
    Image.fromarray(square).save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()
