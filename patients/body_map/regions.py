"""The regions of the body map: what a place on the skin is called, and its SNOMED CT code.

Codes and meanings are those of DICOM PS3.16 CID 4029 "Dermatology Anatomic Site" (as in pydicom's
copy of the standard), except two that are skin structures in HL7's value set
`woundAnatomicLocationVS` and not in CID 4029: 76552005 |Skin structure of shoulder| and 45980000
|Skin structure of scapular region of back|. Where SNOMED CT's finer concept is not in these lists
(the arch of the sole, a single finger), a region has the code of the larger part that holds it, and
its own words. Side is told apart by laterality: SNOMED CT 7771000 |Left|, 24028007 |Right|.

`site` is the key of patients.body_sites, which the network's metadata and older lesions use.
"""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

SIDES = {"left": _("left"), "right": _("right")}


@dataclass(frozen=True)
class Region:
    """A piece of skin. `key` is unique; `laterality` is "left", "right" or "midline".

    `words` is what we call it, `code` and `meaning` the SNOMED CT concept, which may be larger.
    """

    key: str
    words: StrPromise
    code: str
    meaning: str
    site: str
    laterality: str

    @property
    def display(self) -> str:
        """In words, with its side."""
        side = SIDES.get(self.laterality)
        return f"{self.words}, {side}" if side else str(self.words)


# (key, words, SNOMED CT code, its meaning, body site)
_Row = tuple[str, StrPromise, str, str, str]

_MIDLINE: list[_Row] = [
    # head and neck
    ("scalp", _("Scalp"), "43067004", "Skin of scalp", "scalp"),
    ("vertex", _("Top of the scalp"), "61719002", "Skin of vertex of scalp", "scalp"),
    ("occiput", _("Back of the head"), "79951008", "Skin of occipital region", "scalp"),
    ("face", _("Face"), "73897004", "Skin of face", "face"),
    ("nose", _("Nose, bridge"), "113179006", "Skin of nose", "face"),
    ("nose_tip", _("Tip of the nose"), "79283007", "Skin of tip of nose", "face"),
    ("philtrum", _("Groove above the lip"), "84365009", "Skin of philtrum", "face"),
    ("upper_lip", _("Upper lip"), "16251004", "Skin of upper lip", "face"),
    ("lower_lip", _("Lower lip"), "66934001", "Skin of lower lip", "face"),
    ("around_mouth", _("Around the mouth"), "110488009", "Skin of perioral region of face", "face"),
    ("chin", _("Chin"), "23747009", "Skin of chin", "face"),
    ("under_chin", _("Under the chin"), "34926004", "Skin of submental area", "neck"),
    ("neck_front", _("Neck, front"), "11584001", "Skin of anterior portion of neck", "neck"),
    ("nape", _("Nape of the neck"), "4658004", "Skin of nuchal region", "neck"),
    # trunk
    ("breastbone", _("Over the breastbone"), "244107007", "Sternal skin", "chest"),
    ("epigastric", _("Upper abdomen, middle"), "30598005", "Skin of epigastric area", "abdomen"),
    ("navel", _("Navel"), "315003", "Skin of umbilicus", "abdomen"),
    ("lower_abdomen_middle", _("Lower abdomen, middle"), "367578008",
     "Skin of hypogastric region", "abdomen"),
    ("genital", _("Genital region"), "60944009", "Skin of external genitalia", "genital"),
    ("upper_back_middle", _("Upper back, over the spine"), "699893008",
     "Skin of back of upper thoracic region", "back"),
    ("back_middle", _("Middle of the back, over the spine"), "66643007", "Skin of back", "back"),
    ("lower_back_middle", _("Lower back, over the spine"), "113182001",
     "Skin of lower back", "back"),
    ("perianal", _("Around the anus"), "59112000", "Skin of anus", "genital"),
]  # fmt: skip

_BOTH_SIDES: list[_Row] = [
    # head and neck
    ("forehead", _("Forehead"), "68698007", "Skin of forehead", "face"),
    ("temple", _("Temple"), "16621002", "Skin of temporal region", "face"),
    ("temporal_scalp", _("Scalp over the ear"), "16621002", "Skin of temporal region", "scalp"),
    ("parietal_scalp", _("Side of the scalp"), "21672008", "Skin of parietal region", "scalp"),
    ("eyebrow", _("Eyebrow"), "367577003", "Skin of eyebrow", "face"),
    ("upper_eyelid", _("Upper eyelid"), "41310005", "Skin of upper eyelid", "face"),
    ("lower_eyelid", _("Lower eyelid"), "40069000", "Skin of lower eyelid", "face"),
    ("nose_side", _("Side of the nose"), "314395006", "Skin of side of nose", "face"),
    ("nostril", _("Wing of the nose"), "68598004", "Skin of ala nasi", "face"),
    ("cheek", _("Cheek"), "36141000", "Skin of cheek", "face"),
    ("nasolabial", _("Fold from nose to mouth"), "37108007", "Skin of nasolabial fold", "face"),
    ("jaw", _("Jawline"), "244097004", "Skin of jawline", "face"),
    ("ear", _("Ear"), "1902009", "Skin of ear", "ear"),
    ("ear_rim", _("Rim of the ear"), "79313003", "Skin of helix of ear", "ear"),
    ("ear_bowl", _("Bowl of the ear"), "51098001", "Skin of cavity of concha", "ear"),
    ("ear_lobe", _("Ear lobe"), "2059009", "Skin of ear lobule", "ear"),
    ("tragus", _("Tragus of the ear"), "79502000", "Skin of tragus", "ear"),
    ("before_ear", _("In front of the ear"), "86719006", "Skin of preauricular region", "face"),
    ("behind_ear", _("Behind the ear"), "24483006", "Skin of postauricular region", "scalp"),
    ("neck_side", _("Neck, side"), "5272005", "Skin of lateral portion of neck", "neck"),
    # trunk
    ("collarbone", _("Under the collarbone"), "66288003", "Skin of infraclavicular region",
     "chest"),
    ("chest", _("Chest"), "244106003", "Skin of anterior surface of thorax", "chest"),
    ("armpit", _("Armpit"), "76261009", "Skin of axilla", "trunk"),
    ("upper_abdomen", _("Upper abdomen"), "699935000", "Skin of upper abdomen", "abdomen"),
    ("lower_abdomen", _("Lower abdomen"), "699914002", "Skin of lower abdomen", "abdomen"),
    ("groin", _("Groin"), "39687006", "Skin of inguinal region", "trunk"),
    ("upper_back", _("Upper back"), "699893008", "Skin of back of upper thoracic region", "back"),
    ("shoulder_blade", _("Shoulder blade"), "45980000",
     "Skin structure of scapular region of back", "back"),
    ("mid_back", _("Middle of the back"), "66643007", "Skin of back", "back"),
    ("lower_back", _("Lower back"), "113182001", "Skin of lower back", "back"),
    ("buttock", _("Buttock"), "22180002", "Skin of buttock", "trunk"),
    # arm
    ("shoulder", _("Shoulder"), "76552005", "Skin structure of shoulder", "upper_extremity"),
    ("upper_arm_front", _("Upper arm, front"), "45981001",
     "Skin of anterior surface of upper arm", "upper_extremity"),
    ("upper_arm_back", _("Upper arm, back"), "72939005",
     "Skin of posterior surface of upper arm", "upper_extremity"),
    ("elbow_crease", _("Crook of the elbow"), "17957002", "Skin of antecubital fossa",
     "upper_extremity"),
    ("elbow", _("Elbow"), "181536004", "Skin of posterior surface of elbow", "upper_extremity"),
    ("forearm_front", _("Forearm, front"), "70559009", "Skin of anterior surface of forearm",
     "upper_extremity"),
    ("forearm_back", _("Forearm, back"), "41550009", "Skin of posterior surface of forearm",
     "upper_extremity"),
    ("wrist_front", _("Wrist, palm side"), "24527008", "Skin of palmar area of wrist",
     "upper_extremity"),
    ("wrist_back", _("Wrist, back"), "52876008", "Skin of dorsal area of wrist",
     "upper_extremity"),
    # hand
    ("palm", _("Palm"), "70887009", "Skin of palm of hand", "acral"),
    ("thenar", _("Ball of the thumb"), "26795005", "Skin of thenar region of palm", "acral"),
    ("hypothenar", _("Palm, little finger's side"), "89784008",
     "Skin of hypothenar region of palm", "acral"),
    ("fingers_palm", _("Fingers, palm side"), "244169007", "Skin of digit of hand", "acral"),
    ("thumb_palm", _("Thumb, palm side"), "244169007", "Skin of digit of hand", "acral"),
    ("index_palm", _("Index finger, palm side"), "244169007", "Skin of digit of hand", "acral"),
    ("middle_palm", _("Middle finger, palm side"), "244169007", "Skin of digit of hand", "acral"),
    ("ring_palm", _("Ring finger, palm side"), "244169007", "Skin of digit of hand", "acral"),
    ("little_palm", _("Little finger, palm side"), "244169007", "Skin of digit of hand", "acral"),
    ("hand_back", _("Back of the hand"), "281642007", "Skin of part of dorsal surface of hand",
     "hand"),
    ("fingers_back", _("Fingers, back"), "244169007", "Skin of digit of hand", "hand"),
    ("thumb_back", _("Thumb, back"), "244169007", "Skin of digit of hand", "hand"),
    ("index_back", _("Index finger, back"), "244169007", "Skin of digit of hand", "hand"),
    ("middle_back", _("Middle finger, back"), "244169007", "Skin of digit of hand", "hand"),
    ("ring_back", _("Ring finger, back"), "244169007", "Skin of digit of hand", "hand"),
    ("little_back", _("Little finger, back"), "244169007", "Skin of digit of hand", "hand"),
    ("thumb_nail", _("Nail of the thumb"), "770810008", "Nail unit of thumb", "acral"),
    ("index_nail", _("Nail of the index finger"), "770815003", "Nail unit of index finger",
     "acral"),
    ("middle_nail", _("Nail of the middle finger"), "770816002", "Nail unit of middle finger",
     "acral"),
    ("ring_nail", _("Nail of the ring finger"), "770817006", "Nail unit of ring finger", "acral"),
    ("little_nail", _("Nail of the little finger"), "770818001", "Nail unit of little finger",
     "acral"),
    # leg
    ("thigh_front", _("Thigh, front"), "61248009", "Skin of anterior surface of thigh",
     "lower_extremity"),
    ("thigh_inside", _("Thigh, inside"), "73958006", "Skin of medial surface of thigh",
     "lower_extremity"),
    ("thigh_back", _("Thigh, back"), "4578000", "Skin of posterior surface of thigh",
     "lower_extremity"),
    ("knee", _("Knee"), "181553006", "Skin of anterior surface of knee", "lower_extremity"),
    ("knee_hollow", _("Hollow of the knee"), "84507004", "Skin of popliteal fossa",
     "lower_extremity"),
    ("shin", _("Lower leg, front"), "25763004", "Skin of anterior surface of lower leg",
     "lower_extremity"),
    ("calf", _("Lower leg, back"), "47224004", "Skin of posterior surface of lower leg",
     "lower_extremity"),
    ("ankle_inside", _("Ankle, inside"), "181563003", "Skin of medial aspect of ankle",
     "lower_extremity"),
    ("ankle_outside", _("Ankle, outside"), "181564009", "Skin of lateral aspect of ankle",
     "lower_extremity"),
    # foot
    ("foot_back", _("Back of the foot"), "60496002", "Skin of foot", "foot"),
    ("toes", _("Toes"), "52034004", "Skin of toe", "foot"),
    ("heel", _("Heel"), "84607009", "Skin of heel", "foot"),
    ("sole_heel", _("Sole, heel"), "84607009", "Skin of heel", "acral"),
    ("sole_arch", _("Sole, arch"), "60496002", "Skin of foot", "acral"),
    ("sole_ball", _("Sole, ball"), "60496002", "Skin of foot", "acral"),
    ("sole_inside", _("Sole, inner border"), "52953006", "Skin of medial border of sole of foot",
     "acral"),
    ("sole_outside", _("Sole, outer border"), "35739000", "Skin of lateral border of sole of foot",
     "acral"),
    ("great_toe_sole", _("Great toe, underside"), "52034004", "Skin of toe", "acral"),
    ("second_toe_sole", _("Second toe, underside"), "52034004", "Skin of toe", "acral"),
    ("third_toe_sole", _("Third toe, underside"), "52034004", "Skin of toe", "acral"),
    ("fourth_toe_sole", _("Fourth toe, underside"), "52034004", "Skin of toe", "acral"),
    ("fifth_toe_sole", _("Little toe, underside"), "52034004", "Skin of toe", "acral"),
    ("great_toe", _("Great toe"), "52034004", "Skin of toe", "foot"),
    ("second_toe", _("Second toe"), "52034004", "Skin of toe", "foot"),
    ("third_toe", _("Third toe"), "52034004", "Skin of toe", "foot"),
    ("fourth_toe", _("Fourth toe"), "52034004", "Skin of toe", "foot"),
    ("fifth_toe", _("Little toe"), "52034004", "Skin of toe", "foot"),
    ("great_toe_nail", _("Nail of the great toe"), "770822006", "Nail unit of great toe", "acral"),
    ("second_toe_nail", _("Nail of the second toe"), "770823001", "Nail unit of second toe",
     "acral"),
    ("third_toe_nail", _("Nail of the third toe"), "770825008", "Nail unit of third toe", "acral"),
    ("fourth_toe_nail", _("Nail of the fourth toe"), "770821004", "Nail unit of fourth toe",
     "acral"),
    ("fifth_toe_nail", _("Nail of the little toe"), "770820003", "Nail unit of fifth toe",
     "acral"),
]  # fmt: skip

REGIONS: dict[str, Region] = {
    region.key: region
    for region in [
        *(Region(*row, laterality="midline") for row in _MIDLINE),
        *(
            Region(f"{key}_{side}", words, code, meaning, site, laterality=side)
            for key, words, code, meaning, site in _BOTH_SIDES
            for side in SIDES
        ),
    ]
}
