"""The same images from another source give the same fingerprint, trials and values as from their folder."""

from __future__ import annotations

import csv
import json
import os
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import tlsearch as package
from tests.helpers.runs.small_run import MARKS, TrialRecord, run_as_a_user
from tests.helpers.servers.bucket import serve_bucket
from tlsearch.data.survey import scan

pytestmark = [*MARKS, pytest.mark.slow, pytest.mark.usefixtures("_with_tables")]

EXAMPLE = Path(__file__).parents[2] / "examples" / "tlsearch-dicom"

FEW = ("--trials", "3", "--baseline", "none", "--augment", "none")


def run_of(source: object, home: Path, site: Path, *options: object, **environment: str) -> TrialRecord:
    """A short search of ``source`` that starts in ``home``."""
    run_as_a_user(str(source), home, site, *FEW, *map(str, options), **environment)
    return TrialRecord.of(home)


@pytest.fixture
def folder_run(
    once: Callable[[str, Callable[[Path], None]], Path], images: Path, site: Path, tables: Path
) -> TrialRecord:
    """The run of the folder of images, one for all tests."""

    def make(home: Path) -> None:
        shutil.copy(tables, home)
        run_as_a_user(images, home, site, *FEW)

    return TrialRecord.of(once("folder-run", make))


def files_of(images: Path) -> list[tuple[str, str]]:
    """(path, label) of every image, in order."""
    return [(file.relative_to(images).as_posix(), file.parent.name) for file in sorted(images.rglob("*.png"))]


def table(images: Path) -> list[object]:
    """A table of labels in another order, whose columns have names of their own."""
    with Path("labels.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerows([("photo", "tree"), *reversed(files_of(images))])
    return ["labels.csv", "--images", images]


def metadata(images: Path) -> list[object]:
    """Hugging Face's layout: ``metadata.jsonl`` in the folder."""
    shutil.copytree(images, "set")
    lines = [json.dumps({"file_name": path, "label": label}) for path, label in files_of(images)]
    (Path("set") / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return ["set"]


def archive(images: Path) -> list[object]:
    return [shutil.make_archive("set", "zip", images)]


def test_metadata_of_hugging_face_is_read_as_the_table_is(images: Path) -> None:
    """The reader is the same, and so is the run of the same fingerprint."""
    (folder,) = metadata(images)
    assert scan(Path(str(folder))).fingerprint == scan(images).fingerprint


@pytest.mark.parametrize("source", [table, archive])
def test_another_source_of_the_same_images_gives_the_same_run(
    folder_run: TrialRecord, images: Path, site: Path, source: Callable[[Path], list[object]]
) -> None:
    first, *options = source(images)
    other = run_of(first, Path.cwd(), site, *options)
    assert other.result.dataset.fingerprint == folder_run.result.dataset.fingerprint
    assert other.trials() == folder_run.trials()
    assert other.result.metrics.test == folder_run.result.metrics.test


# The libraries close their connections when the process ends.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore:.*utcnow")
def test_a_bucket_gives_the_run_of_the_folder(folder_run: TrialRecord, images: Path, site: Path) -> None:
    with serve_bucket("trees", images, "v1/set"):
        other = run_of("s3://trees/v1/set", Path.cwd(), site)
    assert "60 files of s3://trees/v1/set" in other.printed
    assert other.result.dataset.fingerprint == folder_run.result.dataset.fingerprint
    assert other.trials() == folder_run.trials()
    assert other.result.metrics.test == folder_run.result.metrics.test


def test_dicom_files_give_the_run_of_the_folder_of_the_same_pixels(
    folder_run: TrialRecord, images: Path, site: Path, dicom: Path
) -> None:
    """Every picture is a DICOM file of its own patient, and the frames have the pixels of the PNG files.

    A frame has a name of its own, so the fingerprint is compared with that of a folder of PNG files of those names.
    Classes, the counts of every part, all trials and the figures on the test images are those of the folder's run.
    """
    pytest.importorskip("pydicom")
    named = Path("named")
    for path, label in files_of(images):
        pixels = np.asarray(Image.open(images / path).convert("RGB"))
        file = Path("scans", path).with_suffix(".dcm")
        write_colours(file, pixels)
        target = (named / label / file.name).with_name(f"{file.name}-frame000.png")
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(target)
    other = run_of("scans", Path.cwd(), site, PYTHONPATH=os.pathsep.join(map(str, (site, dicom))))
    assert "60 DICOM files as 60 frames" in other.printed
    assert other.result.dataset.fingerprint == scan(named).fingerprint
    assert other.result.dataset.classes == folder_run.result.dataset.classes
    assert other.result.dataset.counts == folder_run.result.dataset.counts
    assert other.trials() == folder_run.trials()
    assert other.result.metrics.test == folder_run.result.metrics.test


@pytest.fixture
def dicom(tmp_path: Path) -> Path:
    """A folder for the path, in which the example package for DICOM is installed."""
    place = tmp_path / "dicom-site"
    shutil.copytree(EXAMPLE / "tlsearch_dicom", place / "tlsearch_dicom")
    facts = place / "tlsearch_dicom-0.1.0.dist-info"
    facts.mkdir()
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    readers = project["entry-points"]["tlsearch.readers"]
    lines = ["[tlsearch.readers]", *(f"{name} = {target}" for name, target in readers.items())]
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: tlsearch-dicom\nVersion: 0.1.0\n", encoding="utf-8")
    (facts / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    return place


def write_colours(file: Path, pixels: npt.NDArray[np.uint8]) -> None:
    """Write uint8 (H, W, 3) as a DICOM file of a patient whom no other file has."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(file)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(file), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.PatientID, dataset.Modality = f"{file.parent.name}-{file.stem}", "OT"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = pixels.tobytes()
    file.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(file, enforce_file_format=True)


def test_arrays_give_the_trials_of_the_folder_of_the_same_pixels(folder_run: TrialRecord, images: Path) -> None:
    found = files_of(images)
    pixels = np.stack([np.asarray(Image.open(images / path).convert("RGB")) for path, _ in found])
    config = package.RunConfig(
        dataset=(pixels, [label for _, label in found]),
        output=Path("out"),
        trials=3,
        epochs=2,
        batch_size=21,
        image_size=32,
        backbones=("tiny",),
        baseline="none",
        augment=("none",),
    )
    result = package.run(config)
    rows = [(row.number, row.spec, row.state, row.value) for row in result.trials if row.role == "trial"]
    assert rows == [row[:4] for row in folder_run.trials()]
