"""The folder of trained weights in the user's cache: a folder for each, which is there as a whole or not at all."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tlsearch.config_values import NAME, PROVENANCE_NAME
from tlsearch.errors import WeightsError
from tlsearch.plugins.api import WeightSource
from tlsearch.plugins.trained.record import TrainedWeights
from tlsearch.utils import serialize
from tlsearch.utils.cache_folders import trained_dir
from tlsearch.utils.files import write_atomically


def trained_weights() -> list[TrainedWeights]:
    """All trained weights of this user, by name; what is damaged is passed over."""
    return sorted(_all(), key=lambda found: found.label)


def damaged() -> list[str]:
    """The labels of trained weights that are not whole, sorted: they take part in nothing."""
    folder = trained_dir()
    labels = [place.name for place in folder.iterdir() if is_label(place.name)] if folder.is_dir() else []
    return sorted(label for label in labels if not _is_whole(label))


def sources_for(backbone: str) -> dict[str, WeightSource]:
    """The trained weights for a backbone, by name."""
    return {found.name: found.source(file_of(found.label)) for found in trained_weights() if found.backbone == backbone}


def find(label: str) -> TrainedWeights:
    """The trained weights ``backbone@name``. Raises ``WeightsError`` where there are none."""
    known = trained_weights()
    for found in known:
        if found.label == label:
            return found
    names = ", ".join(found.label for found in known)
    instead = f"there are {names}" if names else "`tlsearch pretrain` makes some"
    raise WeightsError(f"There are no trained weights {label!r} in {trained_dir()}: {instead}.")


def file_of(label: str) -> Path:
    """Where the file of trained weights is, whether or not they are there."""
    return trained_dir() / label / f"{label}.weights.h5"


def install(record: TrainedWeights, file: Path) -> Path:
    """Put a copy of ``file`` into the folder, under the name that ``record`` gives; gives its path.

    Raises:
        WeightsError: Other weights of that name are there, or the folder cannot be written.
    """
    target = file_of(record.label)
    if is_installed(record):
        return target
    folder = trained_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".", dir=folder))
        try:
            shutil.copyfile(file, temporary / target.name)
            write_atomically(temporary / PROVENANCE_NAME, to_json(record))
            temporary.chmod(0o755)
            if target.parent.exists():
                raise taken(record.label)
            temporary.rename(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        if target.parent.exists():  # another process was quicker
            raise taken(record.label) from error
        raise WeightsError(
            f"The folder of trained weights {folder} cannot be written ({error.strerror or error}): make room there or "
            "make it writable, or choose another cache folder with TLSEARCH_CACHE_DIR."
        ) from error
    return target


def remove(label: str) -> Path:
    """Remove trained weights, damaged ones too; gives the folder that they were in.

    Raises:
        WeightsError: There are none of that name, or they cannot be removed.
    """
    folder = trained_dir() / label
    if not (is_label(label) and folder.is_dir()):
        folder = trained_dir() / find(label).label
    # Renamed first, so that nobody finds one half of it.
    gone = Path(tempfile.mkdtemp(prefix=".", dir=trained_dir()))
    try:
        folder.rename(gone / label)
    except OSError as error:
        raise WeightsError(f"{folder} cannot be removed ({error.strerror or error}): make it writable.") from error
    finally:
        shutil.rmtree(gone, ignore_errors=True)
    return folder


def is_taken(label: str) -> bool:
    """Whether there are trained weights of that name, be they damaged."""
    return (trained_dir() / label).exists()


def is_installed(record: TrainedWeights) -> bool:
    """Whether just these are there, and whole."""
    return _read(trained_dir() / record.label) == record and _is_whole(record.label)


def is_label(text: str) -> bool:
    """Whether trained weights can be called so: the name of a backbone and their own, ``vgg16@fashion``."""
    backbone, _, name = text.partition("@")
    return all(re.fullmatch(NAME, part) is not None for part in (backbone, name))


def taken(label: str) -> WeightsError:
    """The error where a name is wanted that other trained weights have."""
    return WeightsError(
        f"There are trained weights {label} already: choose another --name, or remove them with "
        f"`tlsearch weights remove {label}`."
    )


def to_json(record: TrainedWeights) -> str:
    """The provenance as JSON."""
    return json.dumps(serialize.STRICT.encode(record), indent=1, ensure_ascii=False) + "\n"


def from_json(text: str | bytes) -> TrainedWeights:
    """The provenance that ``to_json`` wrote. Raises ``ValueError`` where it is none."""
    return serialize.STRICT.decode(TrainedWeights, json.loads(text))


def _all() -> Iterator[TrainedWeights]:
    folder = trained_dir()
    for place in folder.iterdir() if folder.is_dir() else ():
        found = _read(place)
        if found is not None and found.label == place.name:
            yield found


def _is_whole(label: str) -> bool:
    file = file_of(label)
    record = _read(file.parent)
    if record is None or record.label != label or not file.is_file():
        return False
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == record.sha256


def _read(place: Path) -> TrainedWeights | None:
    try:
        return from_json((place / PROVENANCE_NAME).read_bytes())
    except (OSError, ValueError):
        return None
