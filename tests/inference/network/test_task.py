"""Tasks: what the shipped files say, what a network is told, and errors that name the wrong key."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from inference.network import intended, task
from inference.network.classes import CLASSES
from inference.network.metadata import DERMOSCOPY, Metadata
from inference.network.task import TaskError
from patients.body_sites import BODY_SITES
from tests.inference.network.test_inputs import verhoeff

HAM, PAD = task.load("ham10000"), task.load("pad_ufes_20")
TEXT = (task.FOLDER / "pad_ufes_20.toml").read_text(encoding="utf-8")


def test_the_dermoscopic_task_is_the_table_that_pages_use() -> None:
    assert HAM.classes == CLASSES
    assert HAM.fields == DERMOSCOPY
    assert HAM.targets == {"mel": 0.90, "bcc": 0.85, "akiec": 0.85}
    assert dict(HAM.intended) == intended.DERMOSCOPY


def test_the_clinical_task() -> None:
    assert (PAD.modality, PAD.grouping, PAD.table.group) == ("clinical", "patient", "patient_id")
    assert set(PAD.keys) == {"bcc", "ack", "scc", "mel", "nev", "sek"}
    assert {row.key for row in PAD.classes if row.malignant} == {"bcc", "mel", "scc"}
    assert dict(PAD.intended) == intended.CLINICAL
    assert [row.key for row in PAD.classes if verhoeff(row.code)] == []


def test_what_leaks_the_label_is_not_read() -> None:
    allowed = {"age", "region", "itch", "grew", "hurt", "changed", "bleed", "elevation"}
    assert set(PAD.table.columns.values()) == allowed
    assert not PAD.fields.indicators
    told = PAD.fields.encode([PAD.told(Metadata(sex="female"))])
    assert not told.any(), "what is missing is all zeros, and the sex is not read"


def test_a_disease_is_the_same_class_in_both() -> None:
    same = {row.key: HAM.key_of(row.code) for row in PAD.classes}
    assert same == {
        "ack": "akiec", "bcc": "bcc", "mel": "mel", "nev": "nv", "scc": "akiec", "sek": "bkl",
    }  # fmt: skip
    assert PAD.key_of("448015002") is None, "dermatofibroma has no class and no near one"


@pytest.mark.parametrize("known", [HAM, PAD])
def test_every_site_of_the_clinic_is_said_in_the_tasks_words_or_left_out(known: task.Task) -> None:
    unsaid = set()
    for site in BODY_SITES.values():
        row = known.told(Metadata(site=site.metadata))
        if "site" not in known.fields.known(row):
            unsaid.add(site.key)
    assert unsaid == (set() if known is HAM else {"trunk", "acral", "genital"})
    assert known.told(Metadata(site="lip")).site == ("face" if known is HAM else "lip")


def test_a_task_travels_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(PAD)) == PAD  # noqa: S301 - our own bytes


def test_web_code_may_import_it() -> None:
    heavy = "import sys, inference.network.task; print({'keras', 'tensorflow'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", heavy], capture_output=True, check=True, text=True)
    assert said.stdout.strip() == "set()"


def test_another_task_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text(TEXT.replace('name = "pad_ufes_20"', 'name = "other"'), encoding="utf-8")
    assert task.load(file).classes == PAD.classes
    assert task.named("other") is None
    assert task.named("pad_ufes_20") is PAD


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('modality = "clinical"\n', "", "lacks modality"),
        ('modality = "clinical"', 'modality = "palmistry"', "modality 'palmistry'"),
        ('grouping = "patient"', 'grouping = "image"', "grouping 'image'"),
        ('title = "', 'tittle = "x"\ntitle = "', "does not know tittle"),
        ('key = "ack"', 'key = "bcc"', "two classes have one key"),
        ('code = "201101007"', 'code = "L57.0"', r"1: code 'L57\.0'"),
        ("malignant = true", "malignant = 1", "2: malignant is true or false"),
        ("target_sensitivity = 0.80", "target_sensitivity = 80", "5: target_sensitivity"),
        ("malignant = false", "malignant = false\ntarget_sensitivity = 0.9", "of a malignant"),
        ('fields = ["age",', 'fields = ["age", "biopsed",', "biopsed"),
        ("indicators = false", "indicator = false", "indicator"),
        ('itch = "itch"\n', "", "lacks the column of itch"),
        ('"upper extremity" = "arm"', '"upper extremity" = "elbow"', "'elbow' is no site"),
        ('yes = ["true"]', 'yes = "true"', "yes is a list"),
        ("min_age = 18", "max_age = 90", "max_age is no rule"),
        ('modalities = ["clinical"]', 'modalities = ["dermoscopy"]', "lacks the task's own"),
        ("[intended]", "[intended", "other.toml"),
    ],
)
def test_a_wrong_file_is_refused_by_its_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in TEXT
    file = tmp_path / "other.toml"
    file.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(TaskError, match=said):
        task.load(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"nowhere\.toml"):
        task.load(str(tmp_path / "nowhere.toml"))
