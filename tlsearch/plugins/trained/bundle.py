"""Trained weights as one file that can be carried to others: a ZIP archive of arrays and their provenance.

It holds two members, the weights as Keras writes them (HDF5) and the provenance in JSON, which has the SHA-256 of the
weights. Nothing in it is a program: no pickle, and no path is taken from it.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import IO

from tlsearch import backend
from tlsearch.config_values import PROVENANCE_NAME
from tlsearch.errors import WeightsError
from tlsearch.plugins import registry
from tlsearch.plugins.trained import store
from tlsearch.plugins.trained.record import TrainedWeights
from tlsearch.utils.files import atomic_path

SUFFIX = ".tlweights"

WEIGHTS_MEMBER = "weights.h5"

_MOST_PROVENANCE = 16 << 20
"""Bytes of a provenance; one with many thousands of classes is far below."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of the members, so that the same weights give the same file."""

_DAMAGED = (zipfile.BadZipFile, KeyError, ValueError, EOFError, NotImplementedError, RuntimeError, zlib.error)


def default_file(label: str) -> Path:
    """Where weights are exported to where no file is named: the working directory."""
    return Path(f"{label}{SUFFIX}")


def export(label: str, target: Path) -> TrainedWeights:
    """Write the trained weights ``backbone@name`` into the file ``target``; gives their provenance.

    Raises:
        WeightsError: There are none, their file is damaged, or ``target`` cannot be written or is another file.
    """
    record = store.find(label)
    if target.exists() and not target.is_dir() and not _is_export(target):
        raise WeightsError(f"{target} is there already, and is no export of weights: name another with --output.")
    source = store.file_of(label)
    damaged = WeightsError(
        f"The file {source} is damaged (its SHA-256 is not that of its provenance): remove the weights with "
        f"`tlsearch weights remove {label}`, and train or import them anew."
    )
    if not source.is_file():
        raise damaged
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as temporary:
            with zipfile.ZipFile(temporary, "x") as archive:
                about = zipfile.ZipInfo(PROVENANCE_NAME, _EPOCH)
                archive.writestr(about, store.to_json(record))
                member = zipfile.ZipInfo(WEIGHTS_MEMBER, _EPOCH)
                with source.open("rb") as stream, archive.open(member, "w", force_zip64=True) as sink:
                    digest = _copy(stream, sink)
            if digest != record.sha256:
                raise damaged
    except OSError as error:
        raise WeightsError(f"{target} cannot be written ({error.strerror or error}): name another file.") from error
    return record


def _is_export(target: Path) -> bool:
    try:
        with zipfile.ZipFile(target) as archive:
            return {PROVENANCE_NAME, WEIGHTS_MEMBER} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def import_file(file: Path, name: str | None = None) -> tuple[TrainedWeights, Path]:
    """Take the weights of a file that ``export`` wrote; gives their provenance and where they are now.

    With ``name`` they are called so from now on.

    Raises:
        WeightsError: The file is damaged or none of these, the weights do not fit their network, or there are others of
            the same name.
        PluginError: The network is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="tlsearch-import-") as folder:
        weights = Path(folder) / "imported.weights.h5"
        record = _unpacked(file, weights)
        if name is not None:
            record = replace(record, name=name)
            if not store.is_label(record.label):
                raise WeightsError(
                    f"--name is {name!r}: give letters, digits, points, underscores and hyphens, such as fashion."
                )
        with backend.silent_stderr():  # plugins may import Keras, and its backend says much
            plugin = registry.load_guarded("backbone", record.backbone)
        brought = {entry.name for entry in registry.find_plugins("weights")}
        if record.name in plugin.weights or record.label in brought:
            raise WeightsError(f"{record.backbone} has weights {record.name!r} of its own: choose another --name.")
        if store.is_taken(record.label) and not store.is_installed(record):
            raise store.taken(record.label)
        backend.prepare()
        try:
            plugin.build(max(record.image_size, plugin.min_image_size), weights)
        except ValueError as error:
            why = str(error).splitlines()[0].replace(str(weights), file.name)
            here = {
                registry.origin(found) for found in registry.find_plugins("backbone") if found.name == record.backbone
            }
            fix = "export them again" if record.plugin in here else "install that version"
            raise WeightsError(
                f"The weights in {file} do not fit {record.backbone} ({why}): they were trained with {record.plugin}; "
                f"{fix}."
            ) from error
        return record, store.install(record, weights)


def _unpacked(file: Path, weights: Path) -> TrainedWeights:
    """Read the provenance, and write the weights into a file of their own. Raises ``WeightsError``."""
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.getinfo(PROVENANCE_NAME).file_size > _MOST_PROVENANCE:
                raise ValueError("its provenance is too long")
            if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
                raise ValueError("its parts are compressed, which an export does not do")  # a small file stays small
            record = store.from_json(archive.read(PROVENANCE_NAME))
            if record.oddity:
                raise ValueError(record.oddity)
            if not store.is_label(record.label):
                raise ValueError(f"{record.label!r} is no name of a network and of weights")
            with archive.open(WEIGHTS_MEMBER) as stream, weights.open("xb") as sink:
                digest = _copy(stream, sink)
    except _DAMAGED as error:
        what = next((str(part) for part in error.args), type(error).__name__)
        raise WeightsError(
            f"{file} is not a file of `tlsearch weights export`, or is damaged ({what}): export it again."
        ) from error
    except OSError as error:
        raise WeightsError(f"{file} cannot be read ({error.strerror or error}): check its name.") from error
    if digest != record.sha256:
        raise WeightsError(
            f"{file} is damaged: its weights have another SHA-256 than its provenance says; copy it again."
        )
    return record


def _copy(source: IO[bytes], sink: IO[bytes]) -> str:
    """Copy to the end; gives the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    while chunk := source.read(1 << 20):
        digest.update(chunk)
        sink.write(chunk)
    return digest.hexdigest()
