"""DICOM files give what a folder of the same pictures gives, and patients are groups."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tlsearch_dicom import DicomReader
from tlsearch_dicom.sample import write_sample

from tlsearch.data.survey import scan
from tlsearch.errors import DataError
from tlsearch.plugin_api import ReadingOptions
from tlsearch.testing import ReaderTests


class TestDicom(ReaderTests):
    @pytest.fixture
    def plugin(self) -> DicomReader:
        return DicomReader()


def folder(root: Path, **elements: object) -> dict[str, np.ndarray]:
    """Two classes of four files; their pixels by path."""
    return {
        f"{name}/{number}.dcm": write_sample(root / name / f"{number}.dcm", f"{name[0]}{number // 2}", **elements)
        for name in ("ill", "well")
        for number in range(4)
    }


def read(root: Path, cache: Path):
    def understood(source: str):
        from tlsearch.data.sources import read_source

        return read_source(source)

    return DicomReader().read(str(root), ReadingOptions(cache=cache, read=understood))


def drawn(item) -> np.ndarray:
    return np.asarray(Image.open(item.file))


def test_images_labels_order_and_patients(tmp_path: Path) -> None:
    pixels = folder(tmp_path / "scans", WindowCenter=2048, WindowWidth=1024)
    reading = read(tmp_path / "scans", tmp_path / "cache")
    assert [item.path for item in reading.items] == [f"{path}-frame000.png" for path in pixels]
    assert [item.group for item in reading.items] == ["i0", "i0", "i1", "i1", "w0", "w0", "w1", "w1"]
    assert [set(item.labels) for item in reading.items] == [{"ill"}] * 4 + [{"well"}] * 4
    assert reading.understood[0] == "8 DICOM files as 8 frames"

    plain = tmp_path / "plain"
    for path, values in pixels.items():
        seen = ((values.astype(float) - 2047.5) / 1023 + 0.5).clip(0, 1) * 255
        (plain / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.rint(seen).astype(np.uint8)).save(plain / f"{path}-frame000.png")
    converted = scan(reading.root)
    assert converted.fingerprint == scan(plain).fingerprint


def test_without_a_window_the_range_of_all_files_is_used(tmp_path: Path) -> None:
    dark, bright = np.full((4, 4), 100, np.uint16), np.full((4, 4), 3100, np.uint16)
    mixed = np.full((4, 4), 1600, np.uint16)
    for name, pixels in (("a/1", dark), ("a/2", mixed), ("b/1", bright), ("b/2", mixed)):
        write_sample(tmp_path / "scans" / f"{name}.dcm", pixels=pixels)
    reading = read(tmp_path / "scans", tmp_path / "cache")
    assert [int(drawn(item)[0, 0]) for item in reading.items] == [0, 128, 255, 128]


def test_low_values_may_be_white(tmp_path: Path) -> None:
    pixels = np.array([[0, 4095], [2048, 2048]], np.uint16)
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    write_sample(tmp_path / "scans/a/1.dcm", pixels=pixels, PhotometricInterpretation="MONOCHROME1", **window)
    write_sample(tmp_path / "scans/b/1.dcm", pixels=pixels, **window)
    white, black = (drawn(item) for item in read(tmp_path / "scans", tmp_path / "cache").items)
    assert np.array_equal(white[0], [255, 0])
    assert np.array_equal(black[0], [0, 255])


def test_the_values_of_the_modality_are_windowed(tmp_path: Path) -> None:
    pixels = np.array([[0, 1024, 2048]], np.uint16)  # -1024, 0, 1024 in the units of the modality
    for name in "ab":
        write_sample(
            tmp_path / "scans" / name / "1.dcm",
            pixels=pixels,
            RescaleSlope=1,
            RescaleIntercept=-1024,
            WindowCenter=[0, 40],
            WindowWidth=[2048, 400],
            VOILUTFunction="LINEAR_EXACT",
        )
    assert drawn(read(tmp_path / "scans", tmp_path / "cache").items[0]).tolist() == [[0, 128, 255]]


def test_every_frame_is_an_image_and_what_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    frames = np.arange(3 * 16, dtype=np.uint16).reshape(3, 4, 4)
    write_sample(tmp_path / "scans/a/video.dcm", pixels=frames)
    write_sample(tmp_path / "scans/b/1.dcm")
    write_sample(tmp_path / "scans/b/[broken].dcm", PixelData=b"\0\0")
    reading = read(tmp_path / "scans", tmp_path / "cache")
    assert [item.path for item in reading.items] == [
        *(f"a/video.dcm-frame00{number}.png" for number in range(3)),
        "b/1.dcm-frame000.png",
    ]
    assert [(entry.path, entry.reason) for entry in reading.skipped] == [
        ("b/[broken].dcm", "its pixels cannot be decoded")
    ]


def test_a_patient_without_a_name_is_no_group(tmp_path: Path) -> None:
    for name in "ab":
        write_sample(tmp_path / "scans" / name / "1.dcm", patient="")
    assert [item.group for item in read(tmp_path / "scans", tmp_path / "cache").items] == [None, None]


def test_other_folders_are_left_to_other_readers(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "a" / "1.png")
    assert not DicomReader().accepts(str(tmp_path))
    with pytest.raises(DataError, match="holds no DICOM file"):
        read(tmp_path, tmp_path / "cache")
