"""The demo's stage: a procedural dermoscope, a DICOM writer and a cast of fictional people.

Nothing here knows Django; the tests draw from the same hand.
"""
