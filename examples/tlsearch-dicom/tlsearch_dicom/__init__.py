"""Folders of DICOM files as data sets for tlsearch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tlsearch.errors import DataError
from tlsearch.folders.walk import Skipped
from tlsearch.plugin_api import Reading, ReadingOptions, keep_folder

if TYPE_CHECKING:
    from tlsearch_dicom.frames import Frames

LOOKED_AT = 50
"""Files that are opened to find out whether a folder holds DICOM files."""

FRAME = "-frame"
"""What stands between the name of a file and the number of its frame."""


class DicomReader:
    """Folders of class folders of DICOM files."""

    api_version = 1
    name = "dicom"

    def accepts(self, source: str) -> bool:
        """Every folder with a DICOM file among its first files."""
        return Path(source).is_dir() and any(is_dicom(file) for file in islice(files_below(Path(source)), LOOKED_AT))

    def read(self, source: str, options: ReadingOptions) -> Reading:
        """The frames of the files as PNG files, understood as any folder of images is."""
        root = Path(source)
        files = [file for file in files_below(root) if is_dicom(file)] if root.is_dir() else []
        if not files:
            raise DataError(
                f"{source} holds no DICOM file: name a folder that holds one folder of them for each class."
            )
        assert options.cache is not None, "tlsearch sets it"
        assert options.read is not None, "tlsearch sets it"
        place = options.cache / digest_of(root, files)
        folder, count = keep_folder(place, root.resolve().name, lambda folder: convert(root, files, folder))
        if not count:
            raise DataError(
                f"No DICOM file in {source} has pixels that can be decoded: install pylibjpeg for compressed ones."
            )
        reading = options.read(str(folder))
        origins = [origin_of(item.file, folder, root) for item in reading.items]
        patients = {file: patient_of(file) for file in dict.fromkeys(origins)}
        items = [replace(item, group=patients[file]) for item, file in zip(reading.items, origins, strict=True)]
        lost = [
            Skipped(file.relative_to(root).as_posix(), "its pixels cannot be decoded")
            for file in files
            if not frame_file(folder / file.relative_to(root), 0).exists()
        ]
        return replace(
            reading,
            items=tuple(items),
            skipped=(*reading.skipped, *lost),
            understood=(f"{len(files):,} DICOM files as {count:,} frames", *reading.understood),
            source=source,
        )

    def example(self, folder: Path) -> str:
        """Two classes of four files."""
        from tlsearch_dicom.sample import write_sample

        for number in range(8):
            write_sample(folder / ("ill" if number % 2 else "well") / f"{number}.dcm", patient=f"P{number // 2}")
        return str(folder)


def files_below(root: Path) -> Iterator[Path]:
    """Every file at any depth that is not hidden, in order."""
    for path, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(path) / name for name in sorted(names) if not name.startswith("."))


def is_dicom(file: Path) -> bool:
    """Whether a file begins as DICOM files do: 128 bytes of anything, then DICM."""
    try:
        with file.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


def digest_of(root: Path, files: list[Path]) -> str:
    """What changes when a file is added, removed or changed."""
    facts = [(str(file.relative_to(root)), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr((str(root.resolve()), facts)).encode()).hexdigest()[:16]


def convert(root: Path, files: list[Path], folder: Path) -> None:
    """Write every frame as a PNG file. Files without a window share the range of all of them."""
    from tlsearch_dicom.frames import Frames

    low, high = float("inf"), float("-inf")
    waiting: list[Path] = []
    for file in files:
        frames = Frames.read(file)
        if frames is None:
            continue
        if frames.windowed:
            write(frames, folder / file.relative_to(root))
        else:
            waiting.append(file)
            low, high = min(low, frames.low), max(high, frames.high)
    for file in waiting:
        if (frames := Frames.read(file)) is not None:
            write(frames.scaled(low, high), folder / file.relative_to(root))


def write(frames: Frames, target: Path) -> None:
    """Write frames beside each other: ``scan.dcm-frame000.png`` and so on."""
    from PIL import Image

    target.parent.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(frames.pixels()):
        Image.fromarray(pixels).save(frame_file(target, number))


def frame_file(target: Path, number: int) -> Path:
    """The PNG file of a frame."""
    return target.with_name(f"{target.name}{FRAME}{number:03d}.png")


def origin_of(png: Path, folder: Path, root: Path) -> Path:
    """The DICOM file that a PNG file was made of."""
    below = png.relative_to(folder)
    return root / below.with_name(below.name.rpartition(FRAME)[0])


def patient_of(file: Path) -> str | None:
    """The patient ID in a file, None where it says none."""
    import pydicom

    found = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["PatientID"]).get("PatientID")
    return str(found).strip() or None if found is not None else None
