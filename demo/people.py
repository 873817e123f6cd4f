"""The demo's cast: two invented clinics, who works there, and patients with their visits.

Nobody here exists. Every family name is some language's word for "example", every address lies in
the reserved domain `.example` (RFC 2606), every clinic says that it is a demo.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TypeVar

import numpy as np

from demo.dermoscopy import Capture, SkinTone, Spec
from demo.lesions import Kind, Lesion
from demo.structures import stream

_T = TypeVar("_T")


@dataclass(frozen=True)
class Staff:
    """`role` is technician, doctor or administrator."""

    given_name: str
    family_name: str
    email: str
    role: str


@dataclass(frozen=True)
class Clinic:
    slug: str
    name: str
    staff: tuple[Staff, ...]


@dataclass(frozen=True)
class Consents:
    """What the patient agreed to, per purpose."""

    care: bool = True
    ai_opinion: bool = True
    teaching: bool = False
    research: bool = False


@dataclass(frozen=True)
class PatientLesion:
    """Where a lesion sits and how it is drawn at the first visit.

    `number` counts from 1 within the patient; `laterality` is left, right or empty (unpaired).
    """

    number: int
    body_site: str
    laterality: str
    drawn: Lesion


@dataclass(frozen=True)
class Shot:
    """One picture of a visit: `draw(shot.spec, shot.seed)`.

    `flaw` is empty, "blurred" or "dark"; `as_dicom` says in which form it is uploaded.
    """

    lesion: int
    spec: Spec
    seed: int
    as_dicom: bool
    flaw: str = ""


@dataclass(frozen=True)
class Visit:
    when: datetime
    shots: tuple[Shot, ...]


@dataclass(frozen=True)
class Person:
    """A patient; `sex` is female, male or other, `clinic` the slug of a clinic."""

    clinic: str
    mrn: str
    family_name: str
    given_name: str
    birth_date: date
    sex: str
    tone: SkinTone
    consents: Consents
    lesions: tuple[PatientLesion, ...]
    visits: tuple[Visit, ...]


CLINICS = (
    Clinic(
        "fernlake",
        "Fernlake Skin Clinic (demo)",
        (
            Staff("Tilda", "Technician-Sample", "technician@fernlake.example", "technician"),
            Staff("Dov", "Doctor-Sample", "doctor@fernlake.example", "doctor"),
            Staff("Dana", "Doctor-Sample", "doctor2@fernlake.example", "doctor"),
            Staff("Ada", "Admin-Sample", "administrator@fernlake.example", "administrator"),
        ),
    ),
    Clinic(
        "hollow-oak",
        "Hollow Oak Dermatology (demo)",
        (
            Staff("Teo", "Technician-Sample", "technician@hollow-oak.example", "technician"),
            Staff("Dalia", "Doctor-Sample", "doctor@hollow-oak.example", "doctor"),
            Staff("Deniz", "Doctor-Sample", "doctor2@hollow-oak.example", "doctor"),
            Staff("Arun", "Admin-Sample", "administrator@hollow-oak.example", "administrator"),
        ),
    ),
)

PAIRED_SITES = frozenset({"ear", "upper_extremity", "lower_extremity", "hand", "foot"})

# "Example" as a family name; given names (female, male); lightest and darkest likely phototype.
_ROOTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...], int, int], ...] = (
    ("Example", ("Alice", "Grace"), ("Henry", "Oliver"), 1, 3),
    ("Beispiel", ("Hannelore", "Liesl"), ("Jürgen", "Emil"), 1, 3),
    ("Ejemplo", ("Lucía", "Carmen"), ("Joaquín", "Rafael"), 2, 4),
    ("Esempio", ("Chiara", "Ornella"), ("Matteo", "Fabrizio"), 2, 4),
    ("Exemplaire", ("Amélie", "Solène"), ("Théo", "Gaël"), 1, 3),
    ("Przykład", ("Zofia", "Małgorzata"), ("Łukasz", "Wojciech"), 1, 3),
    ("Példa", ("Ágnes", "Zsófia"), ("Gergő", "László"), 1, 3),
    ("Esimerkki", ("Aino", "Päivi"), ("Väinö", "Jukka"), 1, 2),
    ("Eksempel", ("Astrid", "Sigrid"), ("Søren", "Håkon"), 1, 2),
    ("Voorbeeld", ("Femke", "Saskia"), ("Joost", "Maarten"), 1, 3),
    ("Sampla", ("Aoife", "Niamh"), ("Ciarán", "Oisín"), 1, 2),
    ("Örnek", ("Elif", "Zeynep"), ("Emre", "Kerem"), 2, 4),
    ("Mithal", ("Layla", "Yasmin"), ("Omar", "Tariq"), 3, 5),
    ("Dugma", ("Noa", "Tamar"), ("Eitan", "Yonatan"), 2, 4),
    ("Nemune", ("Shirin", "Parisa"), ("Dariush", "Kaveh"), 3, 4),
    ("Udaharan", ("Priya", "Ananya"), ("Rohan", "Vikram"), 4, 6),
    ("Misal", ("Farah", "Sadia"), ("Bilal", "Imran"), 3, 5),
    ("Lizi", ("Mei", "Xiulan"), ("Wei", "Jun"), 2, 4),
    ("Rei", ("Sakura", "Haruka"), ("Kenta", "Daichi"), 2, 4),
    ("Yesi", ("Ji-woo", "Seo-yeon"), ("Min-jun", "Do-yun"), 2, 4),
    ("Vidu", ("Linh", "Huong"), ("Minh", "Tuan"), 3, 4),
    ("Contoh", ("Dewi", "Siti"), ("Budi", "Agus"), 3, 5),
    ("Halimbawa", ("Maria Luz", "Corazon"), ("Jose Mari", "Rodel"), 3, 5),
    ("Tauira", ("Aroha", "Mere"), ("Tāne", "Wiremu"), 3, 5),
    ("Mfano", ("Neema", "Zawadi"), ("Juma", "Baraka"), 5, 6),
    ("Apeere", ("Folake", "Yetunde"), ("Babatunde", "Ayodele"), 5, 6),
    ("Misale", ("Hiwot", "Selam"), ("Dawit", "Abebe"), 4, 6),
    ("Isibonelo", ("Thandiwe", "Nomvula"), ("Sipho", "Themba"), 5, 6),
    ("Exemplo", ("Iracema", "Beatriz"), ("João", "Thiago"), 2, 5),
    ("Paradeigma", ("Eleni", "Kalliope"), ("Nikos", "Stavros"), 2, 4),
)

# Kind: weight by age group (under 40, 40–64, 65 and over), lightest-skin bias, diameters in mm.
_KINDS: dict[Kind, tuple[tuple[float, float, float], float, tuple[float, float]]] = {
    Kind.NEVUS_RETICULAR: ((5.0, 3.5, 1.2), 0.0, (3.0, 6.0)),
    Kind.NEVUS_GLOBULAR: ((4.0, 1.5, 0.4), 0.0, (2.8, 5.5)),
    Kind.NEVUS_HOMOGENEOUS: ((3.0, 2.5, 1.0), 0.0, (2.8, 6.0)),
    Kind.MELANOMA: ((0.3, 1.1, 1.8), 0.35, (4.5, 7.0)),
    Kind.BASAL_CELL_CARCINOMA: ((0.05, 0.9, 2.6), 0.8, (4.0, 7.0)),
    Kind.SEBORRHEIC_KERATOSIS: ((0.1, 2.0, 3.5), 0.0, (4.0, 7.5)),
    Kind.DERMATOFIBROMA: ((0.8, 0.9, 0.3), 0.0, (4.0, 6.5)),
    Kind.VASCULAR: ((0.5, 0.8, 1.0), 0.0, (2.5, 5.0)),
    Kind.ACTINIC_KERATOSIS: ((0.0, 0.9, 2.4), 0.95, (4.0, 6.5)),
}

_SITES: dict[str, float] = {
    "back": 5.0,
    "lower_extremity": 4.5,
    "trunk": 3.0,
    "upper_extremity": 2.8,
    "abdomen": 2.4,
    "face": 2.0,
    "chest": 1.3,
    "foot": 0.9,
    "neck": 0.7,
    "scalp": 0.5,
    "hand": 0.4,
    "ear": 0.25,
    "genital": 0.15,
}
_SUN_SITES = {"face": 5.0, "scalp": 2.0, "ear": 1.5, "neck": 1.0, "hand": 1.0, "chest": 0.8}
_FAST = {Kind.MELANOMA: (1.06, 1.16), Kind.BASAL_CELL_CARCINOMA: (1.02, 1.08)}


def patients(n: int = 60, seed: int = 1, *, today: date) -> list[Person]:
    """`n` patients, the same for the same `seed` and `today`; visits lie in the two years before.

    The first and, from thirty patients on, the thirtieth are under eighteen. Two of three
    belong to the first clinic.
    """
    return [_person(number, seed, today) for number in range(n)]


def _person(number: int, seed: int, today: date) -> Person:
    rng = stream(seed, f"person {number}")
    order = stream(seed, "roots").permutation(len(_ROOTS))
    family, women, men, light, dark = _ROOTS[order[number % len(_ROOTS)]]
    sex = "other" if rng.random() < 0.03 else ("female" if rng.random() < 0.52 else "male")
    names = women if sex == "female" or (sex == "other" and rng.random() < 0.5) else men
    tone = SkinTone(int(rng.integers(light, dark + 1)))
    minor = number % 29 == 0 and number < 58
    age = rng.integers(9, 18) if minor else int(np.clip(rng.normal(54, 19), 18, 90))
    birth = today - timedelta(days=int(age * 365.25) + int(rng.integers(30, 330)))
    lesions = tuple(_lesion(k + 1, rng, int(age), tone) for k in range(int(rng.integers(1, 4))))
    return Person(
        clinic=CLINICS[0 if number % 3 < 2 else 1].slug,
        mrn=f"DEMO-{100000 + 7 * number + int(rng.integers(0, 7))}",
        family_name=family,
        given_name=names[(number // len(_ROOTS)) % len(names)],
        birth_date=birth,
        sex=sex,
        tone=tone,
        consents=Consents(
            ai_opinion=number % 12 != 7,
            teaching=bool(rng.random() < 0.5),
            research=bool(rng.random() < 0.4),
        ),
        lesions=lesions,
        visits=_visits(rng, lesions, tone, int(age), today),
    )


def _lesion(number: int, rng: np.random.Generator, age: int, tone: SkinTone) -> PatientLesion:
    group = 0 if age < 40 else 1 if age < 65 else 2
    fairness = (6 - tone) / 5
    weights = [by_age[group] * (1 - bias + bias * fairness) for by_age, bias, _ in _KINDS.values()]
    kind = _pick(rng, list(_KINDS), weights)
    sites = _SUN_SITES if _KINDS[kind][1] > 0.5 else _SITES
    if kind is Kind.MELANOMA and tone >= SkinTone.TYPE_V:
        # In dark skin melanoma is mostly acral.
        sites = {"foot": 3.0, "hand": 1.0}
    site = _pick(rng, list(sites), list(sites.values()))
    side = _pick(rng, ["left", "right"], [1.0, 1.0])
    low, high = _KINDS[kind][2]
    drawn = Lesion(kind, int(rng.integers(1, 2**31)), round(float(rng.uniform(low, high)), 2))
    return PatientLesion(number, site, side if site in PAIRED_SITES else "", drawn)


def _visits(
    rng: np.random.Generator,
    lesions: Sequence[PatientLesion],
    tone: SkinTone,
    age: int,
    today: date,
) -> tuple[Visit, ...]:
    count = _pick(rng, [1, 2, 3, 4], [0.35, 0.35, 0.2, 0.1])
    first = int(rng.integers(30 if count == 1 else 150 * count, 720))
    days = np.linspace(first, int(rng.integers(1, 28)), count) if count > 1 else [first]
    sun = float(np.clip((age - 25) / 60, 0.05, 1.0))
    visits = []
    for turn, ago in enumerate(days):
        day = today - timedelta(days=int(ago) + int(rng.integers(0, 7)))
        day -= timedelta(days=max(0, day.weekday() - 4))
        when = datetime.combine(day, time(int(rng.integers(8, 17)), int(rng.integers(0, 60))))
        shots = []
        for lesion in lesions:
            if turn and rng.random() < 0.25:
                continue
            low, high = _FAST.get(lesion.drawn.kind, (1.0, 1.015))
            growth = min(1.45, float(rng.uniform(low, high)) ** turn)
            drawn = replace(lesion.drawn, growth=growth, darkening=0.8 * (growth - 1.0))
            flaw = _pick(rng, ["", "blurred", "dark"], [0.94, 0.035, 0.025])
            spec = Spec(tone, drawn, _capture(flaw), sun_damage=sun)
            seed = int(rng.integers(1, 2**31))
            shots.append(Shot(lesion.number, spec, seed, bool(rng.random() < 0.2), flaw))
        visits.append(Visit(when, tuple(shots)))
    return tuple(visit for visit in visits if visit.shots)


def _capture(flaw: str) -> Capture:
    """A good capture, or one that should have been taken again."""
    if flaw == "blurred":
        return Capture(blur_mm=0.35)
    if flaw == "dark":
        return Capture(exposure=0.16)
    return Capture()


def _pick(rng: np.random.Generator, choices: Sequence[_T], weights: Sequence[float]) -> _T:
    share = np.cumsum(np.asarray(weights, dtype=float))
    return choices[int(np.searchsorted(share, rng.random() * share[-1], side="right"))]
