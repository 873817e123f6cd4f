"""What the viewer's pages need to know of an image."""

from django import template

from imaging.models import Instance

register = template.Library()


@register.filter
def spacing(instance: Instance) -> str:
    """Millimetres from row to row and from column to column, for scripts; empty when unknown.

    DICOM's Pixel Spacing (0028,0030), as the file stated it when it was admitted.
    """
    told = instance.source.get("pixel_spacing_mm")
    if not told:
        return ""
    rows, columns = (float(each) for each in told)
    return f"{rows!r} {columns!r}"
