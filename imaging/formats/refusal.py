"""Why a file is turned away: one exception, one stable code and one plain sentence per reason.

The limits that every format keeps stand here too.
"""

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType

from django.utils.translation import gettext_lazy as _

MAX_BYTES = 64 * 1024 * 1024
# Below Pillow's own warning threshold (89 megapixels), so that its limit never answers for ours.
MAX_PIXELS = 80_000_000
MIN_SIDE = 32

SENTENCES: Mapping[str, object] = MappingProxyType(
    {
        "empty": _("The file is empty. Export the image again and upload the new file."),
        "too-large": _(
            "The file is larger than the %(limit)s MB that are taken. Export the image with fewer "
            "pixels or as a JPEG."
        ),
        "too-small": _(
            "The image is only %(width)s × %(height)s pixels; each side needs at least %(limit)s. "
            "Upload the original image instead of a preview."
        ),
        "pixel-bomb": _(
            "The image claims %(width)s × %(height)s pixels, more than the %(limit)s million that "
            "are taken. Export it with fewer pixels."
        ),
        "truncated": _(
            "The file ends too early: part of the image is missing. Copy it from the camera again "
            "and upload the new copy."
        ),
        "damaged": _(
            "The file is damaged and cannot be read. Copy it from the camera again and upload the "
            "new copy."
        ),
        "too-costly": _(
            "Reading this file would take more memory or time than one image may. Export it as an "
            "ordinary JPEG or PNG with fewer pixels and upload that file."
        ),
        "not-an-image": _(
            "This is not an image: no JPEG, PNG or DICOM content was found. Choose the image file "
            "itself."
        ),
        "unsupported-format": _(
            "This is a %(format)s file. Only JPEG, PNG and DICOM are taken: save the image as one "
            "of these and upload that file."
        ),
        "animated": _(
            "The file holds an animation. Save the one picture that matters as JPEG or PNG and "
            "upload that file."
        ),
        "polyglot": _(
            "The file carries something besides the picture, such as a video, a document or a "
            "script. Switch motion photos off, or export the picture as a plain JPEG or PNG."
        ),
        "wrong-extension": _(
            "The file is named .%(extension)s but holds a %(format)s image. Check that it is the "
            "right file, give it its proper ending and upload it again."
        ),
        "unsupported-jpeg": _(
            "This is a rare kind of JPEG (lossless, arithmetic or 12 bit) that browsers cannot "
            "show. Export the image as an ordinary JPEG or as PNG."
        ),
        "dicomdir": _(
            "This is a DICOMDIR, the table of contents of a disc, and holds no image. Upload the "
            "image files that lie beside it."
        ),
        "multi-frame": _(
            "This DICOM object holds several frames or a video. Only single images are taken for "
            "now: export the frame that matters."
        ),
        "whole-slide": _(
            "This is a whole-slide microscopy object. Only photographs, dermoscopy, secondary "
            "captures and single ultrasound images are taken for now."
        ),
        "no-pixels": _("This DICOM object holds no image. Choose the object with the picture."),
        "unsupported-sop-class": _(
            "This DICOM object is of the kind “%(kind)s”. Only photographs, dermoscopy, secondary "
            "captures and single ultrasound images are taken."
        ),
        "unsupported-transfer-syntax": _(
            "The image in this DICOM object is compressed as “%(syntax)s”, which cannot be read "
            "here. Export the object uncompressed or as JPEG."
        ),
        "unsupported-pixels": _(
            "The pixels of this DICOM object are stored in a way that cannot be shown here "
            "(%(what)s). Export the image as RGB or greyscale."
        ),
    }
)


class Refused(Exception):
    """A file that is not admitted: ``code`` is a stable slug, ``message`` a sentence to show."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code)
        self.code = code
        self.details = details
        self.place = ""  # in our code, where a decoder broke: for the log

    @property
    def message(self) -> str:
        """What was wrong and what to do, in the language that is active now."""
        return str(SENTENCES[self.code]) % defaultdict(str, self.details)


def check_size(width: int, height: int) -> None:
    """Refuse a picture with too many or too few pixels; called before anything is decoded."""
    if width * height > MAX_PIXELS:
        raise Refused("pixel-bomb", width=width, height=height, limit=MAX_PIXELS // 1_000_000)
    if min(width, height) < MIN_SIDE:
        raise Refused("too-small", width=width, height=height, limit=MIN_SIDE)
