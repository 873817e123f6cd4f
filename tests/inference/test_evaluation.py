"""The tables that `evaluate` knows, and the commands."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from inference.engine import Engine
from inference.evaluation import labels, run
from inference.evaluation.labels import LabelsRefused
from inference.network.classes import KEYS
from inference.network.metadata import Metadata
from tests.packages import served

HAM = "lesion_id,image_id,dx,dx_type,age,sex,localization\n"
PAD = (
    "patient_id,lesion_id,smoke,age,gender,region,diagnostic,itch,img_id,biopsed\n"
    "PAT_1,7,,55,MALE,NOSE,BCC,True,PAT_1_7_9.png,True\n"
    "PAT_1,8,,55,,FOREARM,SCC,False,PAT_1_8_2.png,True\n"
)
ISIC = "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\nISIC_1,1.0,0.0,0.0,0.0,0.0,0.0,0.0\n"


class TestTables:
    def read(self, tmp_path: Path, text: str) -> list[labels.Labelled]:
        table = tmp_path / "labels.csv"
        table.write_text(text)
        return labels.read(table)

    def test_ham10000(self, tmp_path: Path) -> None:
        text = HAM + "HAM_1,ISIC_1,mel,histo,50.0,male,back\nHAM_1,ISIC_2,nv,x,,unknown,unknown\n"
        one, two = self.read(tmp_path, text)
        assert one == labels.Labelled(
            "ISIC_1", "HAM_1", "mel", Metadata(50.0, "male", "back"), "male"
        )
        assert two.metadata == Metadata()

    def test_pad_ufes(self, tmp_path: Path) -> None:
        one, two = self.read(tmp_path, PAD)
        assert (one.image, one.unit, one.label) == ("PAT_1_7_9", "PAT_1", "bcc")
        assert one.metadata == Metadata(55.0, None, "face")
        assert (two.label, two.metadata.site) == ("akiec", "upper extremity")

    def test_gender_that_leaks_never_reaches_the_network(self, tmp_path: Path) -> None:
        rows = self.read(tmp_path, PAD)
        assert [row.metadata.sex for row in rows] == [None, None]
        assert [row.sex for row in rows] == ["male", None]

    def test_isic(self, tmp_path: Path) -> None:
        [row] = self.read(tmp_path, ISIC)
        assert row == labels.Labelled("ISIC_1", "ISIC_1", "mel", Metadata())

    def test_isic_without_a_class_has_no_label(self, tmp_path: Path) -> None:
        [row] = self.read(tmp_path, ISIC.replace("1.0,", "0.0,"))
        assert row.label is None

    @pytest.mark.parametrize(
        "text",
        [
            "a,b\n1,2\n",
            "",
            HAM + "HAM_1,ISIC_1,wart,histo,50,male,back\n",
            HAM + "HAM_1,ISIC_1,mel,histo,old,male,back\n",
            HAM + "HAM_1,../../etc/passwd,mel,histo,50,male,back\n",
            ISIC + "ISIC_2,one\n",
        ],
    )
    def test_what_cannot_be_read_is_refused(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(LabelsRefused):
            self.read(tmp_path, text)


def picture(seed: int, size: tuple[int, int] = (200, 150)) -> Image.Image:
    """A dark, rough blot on skin: enough for numbers, no stand-in for a real image."""
    rng = np.random.default_rng(seed)
    width, height = size
    across, down = np.meshgrid(np.linspace(-1.33, 1.33, width), np.linspace(-1, 1, height))
    blot = np.exp(-(((across**2 + down**2) / rng.uniform(0.1, 0.4)) ** 2))[..., None]
    skin = np.array([214, 168, 148]) + rng.normal(0, 9, (height, width, 1))
    pixels = skin * (1 - 0.6 * blot) + rng.normal(0, 14, (height, width, 3)) * blot
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with an untrained network of one member."""
    folder = tmp_path_factory.mktemp("package")
    served(folder, members=1, symmetries=1)
    return folder


@pytest.fixture(scope="module")
def warm(small: Path) -> Engine:
    return Engine.load(small, batch_sizes=(8,))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven images in three shapes, one listed without a file, one that is no image."""
    images = tmp_path / "images"
    images.mkdir()
    rows = []
    for number, key in enumerate(KEYS):
        size = ((200, 150), (224, 224), (2400, 1800))[number % 3]
        picture(number, size).save(images / f"ISIC_{number}.jpg")
        rows.append(f"HAM_{number},ISIC_{number},{key},histo,{30 + 10 * number},male,back\n")
    (images / "ISIC_7.png").write_bytes(b"not an image")
    rows += ["HAM_7,ISIC_7,nv,histo,50,male,back\n", "HAM_8,ISIC_8,nv,histo,50,male,back\n"]
    (tmp_path / "labels.csv").write_text(HAM + "".join(rows))
    return tmp_path


CONTRACT = {
    "n",
    "balanced_accuracy",
    "per_class",
    "malignant_auc",
    "ece",
    "coverage",
    "mean_set_size",
    "declined",
    "dice",
    "jaccard",
    "subgroups",
    "ms_per_image",
    "package",
}


class TestEvaluate:
    @pytest.fixture(autouse=True)
    def _package(self, small: Path, warm: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """The package is warmed once, not for each command."""
        self.package, load = small, Engine.load
        monkeypatch.setattr(
            Engine,
            "load",
            lambda folder, **told: warm if folder == small else load(folder, **told),
        )

    def run(self, folder: Path, **options: Any) -> dict[str, Any]:
        call_command(
            "evaluate",
            **{
                "package": self.package,
                "images": folder / "images",
                "labels": folder / "labels.csv",
                "json": folder / "figures.json",
                "predictions": folder / "predictions.csv",
                **options,
            },
        )
        figures: dict[str, Any] = json.loads((folder / "figures.json").read_text())
        return figures

    def predictions(self, folder: Path) -> list[dict[str, str]]:
        with (folder / "predictions.csv").open() as lines:
            return list(csv.DictReader(lines))

    def test_figures_and_predictions(self, folder: Path, capsys: Any) -> None:
        figures = self.run(folder)
        assert set(figures) >= CONTRACT
        assert (figures["n"], figures["missing"], figures["unreadable"]) == (7, 1, 1)
        errors = capsys.readouterr().err
        assert "1 listed images are not in the folder, ISIC_8 first." in errors
        assert "1 images could not be read, ISIC_7 first." in errors
        rows = self.predictions(folder)
        assert list(rows[0]) == [
            "image",
            *(f"p_{key}" for key in KEYS),
            "decision",
            "triage",
            "set_90",
            "set_95",
            "declined_reason",
            "triage_score",
            "limited",
            *(f"p_image_only_{key}" for key in KEYS),
        ]
        assert [row["image"] for row in rows] == [f"ISIC_{number}" for number in range(7)]
        for row in rows:
            said = [[float(row[f"{kind}_{key}"]) for key in KEYS] for kind in ("p", "p_image_only")]
            assert [sum(one) for one in said] == pytest.approx([1, 1], abs=1e-4)
            malignant = [sum(one[KEYS.index(k)] for k in ("akiec", "bcc", "mel")) for one in said]
            assert float(row["triage_score"]) == pytest.approx(max(malignant), abs=1e-5)
            assert (row["triage"] == "urgent") == (float(row["triage_score"]) >= 0.3)
        truth = list(KEYS)
        decided = [row["decision"] for row in rows]
        assert figures["balanced_accuracy"]["value"] == pytest.approx(
            balanced_accuracy_score(truth, decided)
        )
        accuracy = figures["balanced_accuracy"]
        assert 0 <= accuracy["low"] <= accuracy["value"] <= accuracy["high"] <= 1
        malignant = [sum(float(row[f"p_{key}"]) for key in ("akiec", "bcc", "mel")) for row in rows]
        ill = [key in ("akiec", "bcc", "mel") for key in KEYS]
        assert figures["malignant_auc"] == pytest.approx(roc_auc_score(ill, malignant))
        assert figures["declined"] == sum(bool(row["declined_reason"]) for row in rows)
        assert sum(figures["declined_codes"].values()) == figures["declined"]
        for name in ("90", "95"):
            sets = [row[f"set_{name}"].split() for row in rows]
            held = [key in members for key, members in zip(truth, sets, strict=True)]
            assert figures["coverage"][name] == pytest.approx(np.mean(held))
            assert figures["mean_set_size"][name] == pytest.approx(
                np.mean([len(members) for members in sets])
            )
        assert figures["dice"] is None
        assert figures["ms_per_image"] > 0
        assert set(figures["per_class"]) == set(KEYS)

    def test_hidden_metadata_is_image_only(self, folder: Path) -> None:
        self.run(folder)
        before = self.predictions(folder)
        figures = self.run(folder, missing=100)
        after = self.predictions(folder)
        assert figures["metadata_hidden"] == 1
        for row, other in zip(before, after, strict=True):
            for key in KEYS:
                assert other[f"p_{key}"] == other[f"p_image_only_{key}"]
                alone = float(row[f"p_image_only_{key}"])
                assert float(other[f"p_{key}"]) == pytest.approx(alone, abs=1e-4)
        # Figures by age still know the ages that the network was not told.
        assert sum(row["n"] for row in figures["subgroups"] if row["group"] == "age") == 7

    def test_labels_that_do_not_tell_give_null(self, folder: Path) -> None:
        (folder / "labels.csv").write_text(
            "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\nISIC_5,0,1,0,0,0,0,0\nISIC_1,0,0,0,0,0,0,0\n"
        )
        figures = self.run(folder)
        assert figures["n"] == 2
        assert figures["malignant_auc"] is None
        mel = figures["per_class"]["mel"]
        assert (mel["n"], mel["sensitivity"], mel["auc"]) == (0, None, None)
        assert figures["subgroups"] == []

    def test_no_label_at_all_still_predicts(self, folder: Path) -> None:
        (folder / "labels.csv").write_text(
            "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\nISIC_1,0,0,0,0,0,0,0\n"
        )
        figures = self.run(folder)
        assert figures["n"] == 1
        assert figures["balanced_accuracy"] == {"value": None, "low": None, "high": None}
        assert figures["ece"] is None
        assert figures["coverage"] == {"90": None, "95": None}
        assert len(self.predictions(folder)) == 1

    def test_another_modality_gives_what_maps(self, folder: Path) -> None:
        """A table of clinical photographs, put into the classes of a dermoscopic package."""
        (folder / "labels.csv").write_text(
            PAD.replace("PAT_1_7_9.png", "ISIC_0.jpg").replace("PAT_1_8_2.png", "ISIC_1.jpg")
        )
        figures = self.run(folder)
        assert figures["n"] == 2
        counts = {key: row["n"] for key, row in figures["per_class"].items() if row["n"]}
        assert counts == {"bcc": 1, "akiec": 1}

    def test_another_folder_is_told_apart(self, folder: Path) -> None:
        others = folder / "others"
        others.mkdir()
        for seed in range(3):
            noise = np.random.default_rng(seed).integers(0, 255, (160, 160, 3), np.uint8)
            Image.fromarray(noise).save(others / f"noise{seed}.png")
        told = self.run(folder, against=others)["against"]
        assert told["n"] == 3
        for name in ("distance", "entropy", "both"):
            assert 0 <= told["auc"][name]["value"] <= 1

    def test_masks_are_scored(self, folder: Path, tmp_path: Path) -> None:
        masks = folder / "masks"
        masks.mkdir()
        for number in range(7):
            inside = np.zeros((150, 200), np.uint8)
            inside[40:110, 60:140] = 255
            Image.fromarray(inside).save(masks / f"ISIC_{number}_segmentation.png")
        drawing = tmp_path / "drawing"
        served(drawing, members=1, symmetries=1, mask=True)
        figures = self.run(folder, package=drawing, masks=masks)
        for name in ("dice", "jaccard"):
            low, high = figures["intervals"][name]
            assert 0 <= low <= figures[name] <= high <= 1

    @pytest.mark.parametrize(
        ("option", "message"),
        [("images", "no folder"), ("labels", "no file"), ("package", "no model package")],
    )
    def test_what_is_not_there_is_named(self, folder: Path, option: str, message: str) -> None:
        with pytest.raises(CommandError, match=message):
            self.run(folder, **{option: folder / "nowhere"})
        assert not (folder / "figures.json").exists()
        assert not (folder / "predictions.csv").exists()

    def test_none_of_the_images_there_is_an_error(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(CommandError, match="None of the 9 listed images"):
            self.run(folder, images=tmp_path / "empty")
        assert not (folder / "figures.json").exists()

    def test_more_than_all_cannot_be_hidden(self, folder: Path) -> None:
        with pytest.raises(CommandError, match="0 to 100"):
            self.run(folder, missing=130)
        assert not (folder / "figures.json").exists()


class TestHiding:
    KNOWN = (Metadata(50.0, "male", "back"),) * 400

    def test_as_many_fields_are_hidden_as_asked(self) -> None:
        hidden = run.hide(self.KNOWN, 0.3, seed=1)
        for name in ("age", "sex", "site"):
            gone = np.mean([getattr(row, name) is None for row in hidden])
            assert gone == pytest.approx(0.3, abs=0.07)
        assert run.hide(self.KNOWN, 0.3, seed=1) == hidden
        assert run.hide(self.KNOWN, 0.3, seed=2) != hidden

    def test_none_and_all(self) -> None:
        assert run.hide(self.KNOWN, 0) == list(self.KNOWN)
        assert set(run.hide(self.KNOWN, 1)) == {Metadata()}


class TestTrain:
    def test_missing_data_and_a_broken_config_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="is missing"):
            call_command("train", data=tmp_path, out=tmp_path / "out", work=tmp_path / "work")
        (tmp_path / "broken.toml").write_text("seed = 1")
        with pytest.raises(CommandError, match="lacks"):
            call_command(
                "train", data=tmp_path, out=tmp_path / "out", config=tmp_path / "broken.toml"
            )
        assert not (tmp_path / "out").exists()
