"""Where exported files lie, and how they get there: whole, and under a name that says whether they are proven."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlsearch.errors import UsageError
from tlsearch.export.contract import Format
from tlsearch.results.result import RESULT_FILE
from tlsearch.utils.files import write_atomically

FOLDER = "exported"
"""The folder for exported files, in the output folder of the run."""

UNPROVEN = ".unproven"
"""What is put behind the name of a file whose proof does not hold."""


@dataclass(frozen=True)
class Target:
    """Where a file is to lie: a folder and a name."""

    folder: Path
    name: str


def run_of(model_dir: Path) -> Path | None:
    """Give the output folder of the run that a model folder lies in; None where it lies in none."""
    parent = model_dir.absolute().parent
    return parent if (parent / RESULT_FILE).is_file() else None


def targets(model_dir: Path, forms: Sequence[Format], precision: str, to: Path | None) -> tuple[Target, ...]:
    """Decide where each file goes.

    Args:
        model_dir: The folder of the model: files are called as it is.
        forms: The formats.
        precision: Stands in the name where it is not float32.
        to: The file, where it ends as files of the one format do; else the folder. None: beside the model.

    Raises:
        UsageError: ``to`` is a file, and several are to be written, or its name is that of another format.
    """
    if to is not None and not to.is_dir() and to.suffix:
        if len(forms) > 1:
            raise UsageError(f"--to {to} names one file, but {len(forms)} formats are asked for: name a folder.")
        if to.suffix != forms[0].suffix:
            raise UsageError(f"--to {to} must end in {forms[0].suffix}, as files of the format {forms[0].name} do.")
        return (Target(to.absolute().parent, to.name),)
    folder = model_dir.absolute().parent / FOLDER if to is None else to.absolute()
    stem = model_dir.absolute().name + ("" if precision == "float32" else f"-{precision}")
    return tuple(Target(folder, f"{stem}{form.suffix}") for form in forms)


@contextmanager
def workshop(wanted: Sequence[Target]) -> Iterator[Path]:
    """Give a folder for drafts, on the disk of the targets; it is gone at the end.

    Raises:
        UsageError: The folder of the targets cannot be written.
    """
    folder = wanted[0].folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=".tlsearch-export-", dir=folder))
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}): name another folder with --to.") from error
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def require_replaceable(forms: Sequence[Format], wanted: Sequence[Target]) -> None:
    """Raise ``UsageError`` where a file of somebody else lies in the place of one that is to be written.

    An exported file is recognised by its proof, which has the hash of each of its parts: one that was changed since is
    not replaced either.
    """
    for form, target in zip(forms, wanted, strict=True):
        path = target.folder / target.name
        for each in (path, path.with_name(path.name + UNPROVEN)):
            taken = [part for part in parts_of(form, each) if part.exists()]
            proof, sidecar = proof_name(each), sidecar_name(each)
            recorded = _object(proof).get("sha256")
            if taken and recorded != hashes(form, each):
                raise _not_ours(taken[0])
            if proof.exists() and recorded is None:
                raise _not_ours(proof)
            if sidecar.exists() and not {"file", "labels", "metadata"} <= _object(sidecar).keys():
                raise _not_ours(sidecar)


def _not_ours(path: Path) -> UsageError:
    return UsageError(
        f"{path} is there and not, or no longer, as tlsearch exports it: name another place with --to, or move it away."
    )


def _object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; an empty one where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def end_of(target: Target, *, keeps_name: bool) -> Path:
    """Give the place where a file ends up: under its name, or under that of one that is not proven."""
    return target.folder / (target.name if keeps_name else target.name + UNPROVEN)


def settle(
    form: Format, draft: Path, target: Target, *, keeps_name: bool, beside: Mapping[Path, str] | None = None
) -> Path:
    """Move a draft to its place and give that.

    What had the name before is replaced, as ``require_replaceable`` allows it. A file that is proven now takes the
    place of one that was not; a proven file of before stays where its successor is not proven. Nothing is replaced
    before all is written: where the disk is full, what was there stays as it was.

    Args:
        form: The format.
        draft: The file, on the disk of its target.
        target: Where it is to lie.
        keeps_name: Whether it gets its usual name.
        beside: The content of the files that lie beside it.

    Raises:
        OSError: A file cannot be written.
    """
    texts = {end: draft.with_name(end.name) for end in beside or {}}
    for end, source in texts.items():
        write_atomically(source, (beside or {})[end])
    unproven = end_of(target, keeps_name=False)
    for part in parts_of(form, unproven):
        _remove(part)
    for old in (proof_name(unproven), sidecar_name(unproven)):
        _remove(old)
    path = end_of(target, keeps_name=keeps_name)
    for source, end in zip(form.parts(draft), parts_of(form, path), strict=True):
        _remove(end)
        source.rename(end)
    for end, source in texts.items():
        source.replace(end)
    return path


def proof_name(file: Path) -> Path:
    """Give the file that holds the proof of ``file``."""
    return file.with_name(f"{file.name}.proof.json")


def sidecar_name(file: Path) -> Path:
    """Give the file with what a program needs besides ``file`` to answer as ``predict`` does."""
    return file.with_name(f"{file.name}.json")


def parts_of(form: Format, path: Path) -> tuple[Path, ...]:
    """Give the files or folders that belong to an exported file, proven or not, itself the first."""
    proven = path.with_name(path.name.removesuffix(UNPROVEN))
    ending = UNPROVEN if path != proven else ""
    return tuple(part.with_name(part.name + ending) for part in form.parts(proven))


def hashes(form: Format, path: Path, draft: Path | None = None) -> dict[str, str]:
    """Give the SHA-256 of every file that belongs to an exported one, by its name.

    Where ``draft`` is given, the files are those of the draft that is to become ``path``.
    """
    ends = parts_of(form, path)
    found = {}
    for place, end in zip(ends if draft is None else form.parts(draft), ends, strict=True):
        if not place.exists():
            continue
        files = [place] if place.is_file() else sorted(file for file in place.rglob("*") if file.is_file())
        for file in files:
            found[(Path(end.name) / file.relative_to(place)).as_posix()] = file_hash(file)
    return found


def file_hash(path: Path) -> str:
    """Give the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
