"""Small folders as people really have them, each read as its owner means it or refused with what to do.

They are made by a script beside the checkout; these tests are skipped where it is missing.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tlsearch.data.checks import check
from tlsearch.data.index import DatasetIndex
from tlsearch.data.split import split
from tlsearch.data.survey import scan
from tlsearch.errors import DataError
from tlsearch.predictor import find_pictures

SCRIPT = Path(__file__).parents[3] / "shared" / "cases" / "make_cases.py"

pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason=f"{SCRIPT.name} is not beside the checkout")


@pytest.fixture(scope="module")
def cases(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    return once("cases", lambda folder: _make(folder))


def _make(folder: Path) -> None:
    subprocess.run([sys.executable, str(SCRIPT), str(folder)], check=True, capture_output=True)


def counts(index: DatasetIndex) -> dict[str, dict[str, int]]:
    """Images of each class in each part of the split."""
    parts = split(index, 0)
    rows = {"train": parts.train, "val": parts.val, "test": parts.test}
    return {
        part: {name: sum(index.labels[row] == label for row in found) for label, name in enumerate(index.classes)}
        for part, found in rows.items()
    }


def findings(index: DatasetIndex) -> dict[str, str]:
    return {finding.kind: finding.message for finding in check(index, split(index, 0))}


READ: dict[str, tuple[dict[str, int], dict[str, int]]] = {
    "ok": ({"cat": 18, "dog": 18}, {"cat": 6, "dog": 6}),
    "kaggle1": ({"cats": 24, "dogs": 24}, {"cats": 10, "dogs": 10}),
    "kaggle2": ({"sea": 24, "street": 24}, {"sea": 10, "street": 10}),
    "wrapped": ({"cat": 18, "dog": 18}, {"cat": 6, "dog": 6}),
    "my%20photos": ({"cat": 18, "dog": 18}, {"cat": 6, "dog": 6}),
    "unlabelled": ({"cat": 18, "dog": 18}, {"cat": 6, "dog": 6}),
    "testlacks": ({"cat": 24, "dog": 24, "owl": 24}, {"cat": 8, "dog": 8, "owl": 0}),
    "inner": ({"cat": 12, "dog": 12}, {"cat": 12, "dog": 12}),
    "val16": ({"ill": 68, "normal": 68}, {"ill": 20, "normal": 20}),
    "nas": ({"cat": 18, "dog": 18}, {"cat": 6, "dog": 6}),
    "ppm": ({"cat": 18, "dog": 18}, {"cat": 6, "dog": 6}),
    "uni": ({"猫": 18, "犬": 18}, {"猫": 6, "犬": 6}),
    "parts": ({"good": 22, "scratched": 23}, {"good": 8, "scratched": 7}),
    "xray12": ({"benign": 18, "malignant": 18}, {"benign": 6, "malignant": 6}),
}


@pytest.mark.parametrize("name", READ)
def test_it_is_read_as_its_owner_means_it(cases: Path, name: str) -> None:
    train, test = READ[name]
    assert counts(scan(cases / name)) == {"train": train, "val": dict.fromkeys(train, 0), "test": test}


SAID = {
    "kaggle2": ("skipped", "8 files not used"),
    "testlacks": ("reading", "no test images of owl"),
    "val16": ("reading", "16 validation images are too few to choose by"),
    "nas": ("passed_over", "passed over what programs leave among images: @eaDir 3"),
    "parts": ("reading", "most images of good, scratched look alike"),
}


@pytest.mark.parametrize("name", SAID)
def test_what_a_person_should_know_is_said(cases: Path, name: str) -> None:
    kind, message = SAID[name]
    assert findings(scan(cases / name))[kind].startswith(message)


REFUSED = {
    "lostclass": "fish may be a class, but the symbolic link leads nowhere: make it readable, or leave it out with",
    "lfs": "12 files are each a Git LFS pointer and not the image itself: fetch the images with: git lfs pull",
    "bands": "16 files are each a TIFF image of 5 bands: choose three of them and save them as RGB",
    "cam1": "lie in no class folder: put those of each class into one of their own",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_serve_is_refused_with_what_to_do(cases: Path, name: str) -> None:
    with pytest.raises(DataError, match=REFUSED[name]):
        scan(cases / name)


def test_the_greys_of_12_bits_are_all_seen(cases: Path) -> None:
    window = scan(cases / "xray12").decoding.window
    assert window is not None
    assert window[1] < 4096


def test_a_folder_to_predict_is_walked_as_that_of_a_run(cases: Path) -> None:
    assert len(find_pictures([cases / "new"])) == 16
