"""Label tables and data folders as their tasks describe them."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.evaluation import labels
from inference.evaluation.labels import LabelsRefused
from inference.network import task
from inference.network.metadata import Metadata
from inference.training import tables
from inference.training.datasets import DataUnusable, Frames

HAM, PAD = task.load("ham10000"), task.load("pad_ufes_20")
PAD_TABLE = """\
patient_id,lesion_id,age,gender,region,diagnostic,itch,grew,hurt,changed,bleed,elevation,img_id,biopsed
PAT_1,7,55,MALE,NOSE,SCC,True,UNK,False,,False,True,PAT_1_7_9.png,True
PAT_1,8,55,MALE,FOREARM,NEV,False,False,False,False,False,False,PAT_1_8_3.png,False
PAT_2,3,,,BACK,ACK,False,False,False,False,False,False,PAT_2_3_1.png,False
"""
HAM_TABLE = """\
lesion_id,image_id,dx,dx_type,age,sex,localization
HAM_1,ISIC_1,nv,histo,50.0,male,lower extremity
HAM_1,ISIC_2,df,histo,,unknown,unknown
"""


def written(folder: Path, text: str, name: str = "metadata.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_its_own_task_keeps_all_classes_and_words(tmp_path: Path) -> None:
    one, two, three = labels.read(written(tmp_path, PAD_TABLE), PAD)
    assert [row.label for row in (one, two, three)] == ["scc", "nev", "ack"]
    assert [row.unit for row in (one, two, three)] == ["PAT_1", "PAT_1", "PAT_2"]
    assert one.metadata == Metadata(
        age=55.0, site="nose", itch=True, grew=False, hurt=False, bleed=False, elevation=True
    ), "who could not say it did not report it; an empty cell is not known; no sex"
    assert [row.sex for row in (one, two, three)] == ["male", "male", None]


def test_another_task_sees_its_own_classes_and_words(tmp_path: Path) -> None:
    table = written(tmp_path, PAD_TABLE)
    seen = labels.read(table, HAM)
    assert seen == labels.read(table), "by default that of dermoscopic images"
    assert [row.label for row in seen] == ["akiec", "nv", "akiec"]
    assert seen[0].metadata == Metadata(age=55.0, site="face")
    back = labels.read(written(tmp_path, HAM_TABLE, "ham.csv"), PAD)
    assert [row.label for row in back] == ["nev", None]
    assert back[0].metadata == Metadata(age=50.0, site="thigh")


def test_isic_for_either_task(tmp_path: Path) -> None:
    table = written(tmp_path, "image,MEL,NV,SCC\nISIC_1,0,0,1\nISIC_2,0,1,0\n")
    assert [row.label for row in labels.read(table)] == ["akiec", "nv"]
    assert [row.label for row in labels.read(table, PAD)] == ["scc", "nev"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [("SCC", "XYZ", "unknown diagnosis XYZ"), (",True,UNK", ",often,UNK", "itch is 'often'")],
)
def test_a_word_that_nobody_knows_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(LabelsRefused, match=f"line 2: .*{said}"):
        labels.read(written(tmp_path, PAD_TABLE.replace(old, new)), PAD)


def test_examples_are_grouped_by_patient(tmp_path: Path) -> None:
    written(tmp_path, PAD_TABLE)
    examples = tables.read_examples(tmp_path, PAD)
    assert [row.lesion_id for row in examples] == ["PAT_1", "PAT_1", "PAT_2"]
    assert [PAD.keys[row.label or 0] for row in examples] == ["scc", "nev", "ack"]
    assert [row.image_id for row in examples] == ["PAT_1_7_9", "PAT_1_8_3", "PAT_2_3_1"]
    with pytest.raises(DataUnusable, match="HAM10000_metadata"):
        tables.read_examples(tmp_path, HAM)


def test_a_part_of_a_table_is_a_table(tmp_path: Path) -> None:
    written(tmp_path, PAD_TABLE)
    part = tmp_path / "part.csv"
    tables.write_table(tmp_path, PAD, part, ["PAT_2_3_1"])
    assert labels.read(part, PAD) == labels.read(tmp_path / "metadata.csv", PAD)[2:]


def picture(path: Path, width: int, height: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def test_images_of_any_size_are_kept_small_and_travel_by_name(tmp_path: Path) -> None:
    for seed, (name, size) in enumerate({"a": (300, 300), "b": (600, 400), "c": (90, 120)}.items()):
        picture(tmp_path / f"{name}.png", *size, seed)
    cache = tmp_path / "cache" / "images.npy"
    kept = tables.frames(tmp_path, cache, ["c", "a", "b", "absent"], PAD)
    assert {name: kept[name].size for name in "abc"} == {
        "a": (256, 256), "b": (384, 256), "c": (90, 120),
    }  # fmt: skip
    assert "absent" not in kept
    with Image.open(tmp_path / "c.png") as small:
        assert kept["c"].tobytes() == small.tobytes(), "what is small already stays as it is"
    sent = pickle.dumps(kept)
    assert len(sent) < 2000
    assert pickle.loads(sent)["b"].tobytes() == kept["b"].tobytes()  # noqa: S301 - our own bytes


def test_decoded_once_but_again_for_other_images(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 300, 300, 1)
    picture(tmp_path / "b.png", 300, 310, 2)
    cache = tmp_path / "cache" / "images.npy"
    first = tables.frames(tmp_path, cache, ["a", "b"], PAD)["a"].tobytes()
    before = cache.stat().st_mtime_ns
    assert tables.frames(tmp_path, cache, ["a", "b"], PAD)["a"].tobytes() == first
    assert cache.stat().st_mtime_ns == before
    again = tables.frames(tmp_path, cache, ["b"], PAD)
    assert "a" not in again and again["b"].size == (256, 265)


def test_small_images_of_one_size_are_one_array(tmp_path: Path) -> None:
    for seed, name in enumerate("ab"):
        picture(tmp_path / f"{name}.jpg", 200, 150, seed)
    kept = tables.frames(tmp_path, tmp_path / "cache" / "images.npy", ["a", "b"], HAM)
    assert type(kept) is Frames
    assert kept.pixels.shape == (2, 150, 200, 3)


def test_a_folder_without_the_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataUnusable, match=r"metadata\.csv"):
        tables.frames(tmp_path, tmp_path / "images.npy", ["a"], PAD)
