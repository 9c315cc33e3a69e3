"""The images of a run, found again by their content, and images that a user names instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.data.index import DatasetIndex
from tlsearch.data.options import image_options, reading_options
from tlsearch.data.sources import read_source
from tlsearch.data.split import split
from tlsearch.data.survey import scan
from tlsearch.data.usable import label_of, require_one_label
from tlsearch.errors import TlsearchError, UsageError
from tlsearch.export.images import LabelledFiles
from tlsearch.export.place import file_hash
from tlsearch.reporter import Reporter
from tlsearch.results.result import read_result
from tlsearch.runs.ledger import fingerprint_of
from tlsearch.runs.output import moved_with_output
from tlsearch.utils.texts import some
from tlsearch.utils.units import counted

FIX = "name a folder of labelled images with --images"

UNKNOWN = (
    "{why}, so it cannot be known whether the model was trained on the images of --images: name none that it was "
    "trained or tested on"
)
"""What is said where the images that a user names cannot be compared with those of the run."""


@dataclass(frozen=True, kw_only=True)
class RunImages:
    """The images of a run. Those for testing are known by their hashes alone.

    Attributes:
        training: Those of the training part.
        proof: Those that a proof is made on: of validation, or of training where the run compared trials on folds.
        test: The content hashes of the test images.
        trained: The content hashes of all images that the model was trained on: a refitted one on those of validation
            too.
    """

    training: LabelledFiles
    proof: LabelledFiles
    test: frozenset[str]
    trained: frozenset[str]


def find_run_images(run: Path, *, refitted: bool, reporter: Reporter) -> RunImages:
    """Find the images of the run in the folder ``run`` where it read them, divided as it divided them.

    Args:
        run: The output folder of a finished run.
        refitted: Whether the model was trained on the validation images too.
        reporter: Is told how far the reading is: all images are read once.

    Raises:
        UsageError: The folder holds no finished run, or its images are not what they were.
    """
    result, config = read_result(run), moved_with_output(RunConfig.from_toml(run / CONFIG_NAME), run)
    where = result.dataset.path
    try:
        index = scan(
            config.source,
            lambda done, total: reporter.progress("images", done, total, "reading the images of the run"),
            reading_options(config),
            image_options(config),
        )
    except TlsearchError as error:
        reason = str(error).rstrip(".")
        raise UsageError(f"The images of the run cannot be read again ({reason}): {FIX}.") from error
    parts = split(index, config.seed, config.group_by)
    test = [index.images[row].sha256 for row in parts.test]
    recorded = result.predictions.fingerprint if result.predictions else fingerprint_of(test)
    if index.fingerprint != result.dataset.fingerprint or fingerprint_of(test) != recorded:
        raise UsageError(f"The images in {where} are not those of the run, or are divided differently: {FIX}.")
    training = _rows(index, parts.train, parts.groups, "training images of the run", seen=True)
    if parts.val:
        proof = _rows(index, parts.val, parts.groups, "validation images of the run", seen=refitted)
    else:
        proof = training
    trained = frozenset((*training.hashes, *(proof.hashes if proof.seen else ())))
    return RunImages(training=training, proof=proof, test=frozenset(test), trained=trained)


def _rows(index: DatasetIndex, rows: Sequence[int], groups: Sequence[int], what: str, *, seen: bool) -> LabelledFiles:
    return LabelledFiles(
        files=tuple(index.file(row) for row in rows),
        labels=tuple(index.labels[row] for row in rows),
        groups=tuple(groups[row] for row in rows),
        source=f"{len(rows):,} {what}",
        seen=seen,
        hashes=tuple(index.images[row].sha256 for row in rows),
    )


def named_images(source: Path, labels: Sequence[str], run: RunImages | None) -> LabelledFiles:
    """Read which images a user names, with their classes.

    Images that the model was trained on and test images of the run are left out. They are recognised by their content,
    to the byte. Exact copies count as one image: they are in one group.

    Args:
        source: The folder of labelled images.
        labels: The classes of the model.
        run: The images of the run; None where they cannot be known, which the source says.

    Raises:
        UsageError: No image is left, or they have a class that the model does not know.
    """
    items = list(read_source(source).items)
    require_one_label(items)
    place = {label: number for number, label in enumerate(labels)}
    unknown = sorted({label_of(item) for item in items} - set(labels))
    if unknown:
        raise UsageError(
            f"--images {source} has classes that the model does not know ({some(unknown)}): it knows "
            f"{some(sorted(labels))}; name a folder with one folder of images for each of them."
        )
    hashes = [file_hash(item.file) for item in items]
    test, trained = (run.test, run.trained) if run is not None else (frozenset[str](), frozenset[str]())
    kept = [row for row, content in enumerate(hashes) if content not in test | trained]
    tested = sum(content in test for content in hashes)
    if not kept:
        raise UsageError(f"--images {source} holds {_nothing(hashes, test)}: name a folder of other labelled images.")
    left = _left(tested, len(items) - len(kept) - tested, known=run is not None)
    first = {content: row for row, content in reversed(list(enumerate(hashes)))}
    return LabelledFiles(
        files=tuple(items[row].file for row in kept),
        labels=tuple(place[label_of(items[row])] for row in kept),
        groups=tuple(first[hashes[row]] for row in kept),
        source=f"{len(kept):,} images in {source}{left}",
        hashes=tuple(hashes[row] for row in kept),
    )


def refuse_test(images: LabelledFiles, run: Path | None, source: Path) -> None:
    """Raise ``UsageError`` where ``images`` are the test images of the run, which has no other copy of them."""
    predictions = read_result(run).predictions if run is not None else None
    if predictions is not None and predictions.fingerprint == fingerprint_of(images.hashes):
        raise UsageError(f"--images {source} holds the test images of the run, which stay shut: name other images.")


def _nothing(hashes: Sequence[str], test: frozenset[str]) -> str:
    """What a folder holds in which no image can be used."""
    if not hashes:
        return "no image"
    if test.issuperset(hashes):
        return "only test images of the run, which stay shut"
    also = " and test images of the run, which stay shut" if not test.isdisjoint(hashes) else ""
    return f"only images that the model was trained on, on which a loss would not show{also}"


def _left(tested: int, trained: int, *, known: bool) -> str:
    """Which images are left out, behind the source of the others."""
    if not known:
        return ", of which it is not known whether the model was trained on them"
    parts = [f"{counted(tested, 'test image')} of the run"] if tested else []
    parts += [f"{counted(trained, 'image')} that the model was trained on"] if trained else []
    return f", {' and '.join(parts)} left out" if parts else ""
