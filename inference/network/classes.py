"""The seven classes of HAM10000 with their SNOMED CT concepts: the one table of its kind.

Imports neither Keras nor TensorFlow. Where a class holds several diseases, the concept is that of
its commonest one; docs/model.md tells what each class holds and where each code was found.
"""

from __future__ import annotations

from dataclasses import dataclass

SYSTEM = "http://snomed.info/sct"


@dataclass(frozen=True)
class DiseaseClass:
    """`key` is HAM10000's; `malignant` counts premalignant and in-situ disease in."""

    key: str
    code: str
    display: str
    malignant: bool


CLASSES: tuple[DiseaseClass, ...] = (
    # Actinic keratosis and Bowen's disease: premalignant or in situ, to be treated either way.
    DiseaseClass("akiec", "201101007", "Actinic keratosis", True),
    DiseaseClass("bcc", "254701007", "Basal cell carcinoma of skin", True),
    DiseaseClass("bkl", "25499005", "Seborrheic keratosis", False),
    DiseaseClass("df", "448015002", "Dermatofibroma", False),
    DiseaseClass("mel", "93655004", "Malignant melanoma of skin", True),
    DiseaseClass("nv", "400010006", "Melanocytic nevus of skin", False),
    DiseaseClass("vasc", "400210000", "Hemangioma", False),
)
KEYS: tuple[str, ...] = tuple(row.key for row in CLASSES)
