"""Exporting a model: every file is written, proven by the runtime that will run it, and put in its place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tlsearch.backend.exporting import require_tensorflow
from tlsearch.config_values import no_choice
from tlsearch.errors import RunError, UsageError
from tlsearch.export import place
from tlsearch.export.card import write_card
from tlsearch.export.contract import PRECISIONS, ExportedNetwork, Format, Precision
from tlsearch.export.distances import DistanceComparison, compare_distances, require_distance
from tlsearch.export.formats import FORMATS
from tlsearch.export.images import LabelledFiles, batches
from tlsearch.export.network import exported_network
from tlsearch.export.place import Target, proof_name, sidecar_name
from tlsearch.export.proof import AnswerComparison, Proof, answers, compare_answers, judge, size_of
from tlsearch.export.run_images import FIX, UNKNOWN, RunImages, find_run_images, named_images, refuse_test
from tlsearch.export.sidecar import Sidecar, sidecar_of
from tlsearch.export.speed import machine, measure
from tlsearch.predictor import Predictor, load
from tlsearch.predictor.folder import require_outside_model
from tlsearch.reporter import Reporter, SilentReporter
from tlsearch.utils import serialize
from tlsearch.utils.texts import first_line

PROOF_IMAGES = 2000
"""Images that a proof is made on, at most."""

SAMPLES = 200
"""Training images that an int8 network is calibrated with; TensorFlow's guide asks for 100 to 500."""


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What is asked for.

    Attributes:
        formats: Names of formats; at least one.
        precision: That of the weights, and of the arithmetic where the format has it.
        to: The file, for one format, or the folder; None for the folder ``exported`` beside the model.
        images: A folder of labelled images to make the proof on; None for the validation images of the run.
        accept_loss: Whether a file that is not proven gets its usual name.
        unlike: Whether the files say how far a picture is from the training images, too.
    """

    formats: tuple[str, ...]
    precision: Precision = "float32"
    to: Path | None = None
    images: Path | None = None
    accept_loss: bool = False
    unlike: bool = False


@dataclass(frozen=True)
class ExportedFile:
    """A file that was written, with its proof. The path ends in ``.unproven`` where the proof does not hold."""

    path: Path
    proof: Proof

    @property
    def proof_file(self) -> Path:
        """The file that holds the proof."""
        return proof_name(self.path)

    @property
    def sidecar(self) -> Path:
        """The file with what a program needs besides the network to answer as ``predict`` does."""
        return sidecar_name(self.path)

    @property
    def parts(self) -> tuple[Path, ...]:
        """All files and folders that belong to it, its proof the last."""
        return (*place.parts_of(FORMATS[self.proof.format], self.path), self.sidecar, self.proof_file)


def export_model(
    model_dir: Path | str, options: ExportOptions, reporter: Reporter | None = None
) -> tuple[ExportedFile, ...]:
    """Write the model in a folder of a run as files for other programs, each with a proof beside it.

    Preprocessing, softmax, and the temperature where ``predict`` applies it are inside the files, which take any number
    of images: RGB values 0..255 as floats of shape (N, S, S, 3).

    Args:
        model_dir: The folder ``model`` of a run, or another one with a model.
        options: What is asked for.
        reporter: Is told what happens.

    Returns:
        The files, in the order of ``options.formats``.

    Raises:
        UsageError: The model, the images or a format are unavailable; nothing was written.
        RunError: A converter failed.
    """
    folder, reporter = Path(model_dir), reporter or SilentReporter()
    forms = wanted_formats(options.formats, options.precision)
    if options.unlike:
        require_distance(forms, options.precision)
    targets = place.targets(folder, forms, options.precision, options.to)
    for target in targets:
        require_outside_model(target.folder / target.name, folder)
    place.require_replaceable(forms, targets)
    predictor = load(folder)
    require_tensorflow()
    proof, training = _images(folder, predictor, options, reporter)
    with place.workshop(targets) as room:
        network = exported_network(predictor, room, unlike=options.unlike)
        drafts = [_write(room, form, network, options, (predictor, training), reporter) for form in forms]
        comparisons = _compare(predictor, forms, drafts, proof, reporter)
        done: list[ExportedFile] = []
        for form, draft, target, found in zip(forms, drafts, targets, comparisons, strict=True):
            reporter.progress("speed", len(done), len(forms), f"timing {form.name}")
            judged = _proof(form, draft, network, options, proof, found)
            if network.has_distance:
                judged = _with_distance(judged, compare_distances(predictor, form, draft, proof), options)
            sidecar = sidecar_of(predictor, network, form.name, options.precision, draft.name)
            done.append(_settle(form, draft, target, judged, sidecar))
    write_card(folder, targets[0].folder, reporter)
    return tuple(done)


def wanted_formats(names: Sequence[str], precision: Precision) -> tuple[Format, ...]:
    """Find formats by their names, each once.

    Raises:
        UsageError: There is none of a name, it has not this precision, or what it needs is not installed.
    """
    if not names:
        raise UsageError(f"No format is named: choose one of {', '.join(FORMATS)} with --format.")
    if precision not in PRECISIONS:
        raise no_choice("--precision", precision, PRECISIONS)
    found = []
    for name in dict.fromkeys(names):
        if name not in FORMATS:
            raise no_choice("--format", name, tuple(FORMATS))
        form = FORMATS[name]
        if precision not in form.precisions:
            others = ", ".join(other.name for other in FORMATS.values() if precision in other.precisions)
            raise UsageError(
                f"The format {name} has no precision {precision}: choose {' or '.join(form.precisions)} for it, or "
                f"another format ({others})."
            )
        is_int8 = precision == "int8"
        wanted = (*form.requires, *(form.int8_requires if is_int8 else ()))
        missing = [module for module in wanted if find_spec(module) is None]
        if missing:
            what, extra = (f"{name} in int8", form.int8_extra) if is_int8 else (name, form.extra)
            raise UsageError(
                f"The format {what} needs {' and '.join(missing)}, which is not installed: "
                f"pip install 'tlsearch[{extra}]'."
            )
        found.append(form)
    return tuple(found)


def _images(
    folder: Path, predictor: Predictor, options: ExportOptions, reporter: Reporter
) -> tuple[LabelledFiles, LabelledFiles | None]:
    """The images for the proof, and those of training where int8 needs them."""
    run = place.run_of(folder)
    needs_training = options.precision == "int8"
    if run is None and (options.images is None or needs_training):
        what, fix = "validation images", f", or {FIX}"
        if needs_training:
            what, fix = "training images, which calibrate int8,", ""
        raise UsageError(
            f"{folder} is in no output folder of a run, whose {what} are needed: name a model that is{fix}."
        )
    found: RunImages | None = None
    if run is not None:
        try:
            found = find_run_images(run, refitted=folder.absolute().name == "refit", reporter=reporter)
        except UsageError:
            if options.images is None or needs_training:
                raise
            reporter.warn(UNKNOWN.format(why="the images of the run are not there"))
    elif options.images is not None:
        reporter.warn(UNKNOWN.format(why="the model is in no output folder of a run"))
    chosen = found.proof if found else None
    if options.images is not None:
        chosen = named_images(options.images, predictor.labels, found)
        refuse_test(chosen, run, options.images)
    if chosen is None:
        raise AssertionError("unreachable: without images of a run or a user an error was raised")
    training = found.training.at_most(SAMPLES) if found and needs_training else None
    return chosen.at_most(PROOF_IMAGES), training


def _write(
    room: Path,
    form: Format,
    network: ExportedNetwork,
    options: ExportOptions,
    calibration: tuple[Predictor, LabelledFiles | None],
    reporter: Reporter,
) -> Path:
    """Write one file into ``room``. Raises ``RunError`` where the converter fails."""
    reporter.progress("write", 0, 1, f"writing {form.name}")
    target = room / f"{form.name}{form.suffix}"
    predictor, images = calibration
    files = images.files if images is not None else ()
    samples = (batch.pixels for batch in batches(predictor, files, 1))
    try:
        form.write(network, options.precision, target, samples)
    except OSError as error:
        raise _no_room(form.name, room.parent, error) from error
    except Exception as error:  # converters raise many kinds for an operation that they do not know
        raise RunError(
            f"The model cannot be converted to {form.name} in {options.precision} ({first_line(error)[:300]}): "
            "choose another format or precision."
        ) from error
    return target


def _compare(
    predictor: Predictor, forms: Sequence[Format], drafts: Sequence[Path], images: LabelledFiles, reporter: Reporter
) -> list[AnswerComparison]:
    """Every file beside the model, on the same images."""
    try:
        runners = [form.open(draft, None) for form, draft in zip(forms, drafts, strict=True)]
        rows, model, files = answers(predictor, runners, images, reporter)
    except Exception as error:  # runtimes raise many kinds
        raise RunError(
            f"An exported file does not run ({first_line(error)[:300]}): choose another format or precision."
        ) from error
    if not len(rows):
        raise UsageError(f"Of {images.source} none can be read: {FIX}.")
    read = images.of(rows.tolist())
    truth, groups = np.array(read.labels, np.intp), np.array(read.groups, np.intp)
    return [compare_answers(truth, model, file, groups) for file in files]


def _proof(
    form: Format,
    draft: Path,
    network: ExportedNetwork,
    options: ExportOptions,
    images: LabelledFiles,
    found: AnswerComparison,
) -> Proof:
    """What is known of a file before it has its name."""
    proven, reason = judge(found, options.precision, seen=images.seen)
    return Proof(
        file=draft.name,
        format=form.name,
        precision=options.precision,
        proven=proven,
        accepted=options.accept_loss and not proven,
        reason=reason,
        source=images.source,
        seen=images.seen,
        comparison=found,
        megabytes=size_of(form, draft) / 1e6,
        timings=measure(form, draft, network.side),
        runtime=form.runtime(),
        machine=machine(),
        sha256={},
        metadata=network.metadata,
        model=network.source,
    )


def _with_distance(proof: Proof, found: DistanceComparison | None, options: ExportOptions) -> Proof:
    """The proof with that of the distances, which a fault in them ends."""
    if found is None or found.holds:
        return replace(proof, distance=found)
    return replace(proof, distance=found, proven=False, accepted=options.accept_loss, reason=found.fault)


def _settle(form: Format, draft: Path, target: Target, proof: Proof, sidecar: Sidecar) -> ExportedFile:
    """Put a file in its place with its sidecar and its proof beside it. Raises ``RunError`` where there is no room."""
    keeps_name = proof.proven or proof.accepted
    path = place.end_of(target, keeps_name=keeps_name)
    proof = replace(proof, file=path.name, sha256=place.hashes(form, path, draft))
    text = json.dumps(serialize.STRICT.encode(proof), indent=2, ensure_ascii=False) + "\n"
    beside = {sidecar_name(path): replace(sidecar, file=path.name).text(), proof_name(path): text}
    try:
        place.settle(form, draft, target, keeps_name=keeps_name, beside=beside)
    except OSError as error:
        raise _no_room(path.name, target.folder, error) from error
    return ExportedFile(path, proof)


def _no_room(what: str, folder: Path, error: OSError) -> RunError:
    return RunError(
        f"{what} cannot be written into {folder} ({error.strerror or error}): make room, or name another folder with "
        "--to."
    )
