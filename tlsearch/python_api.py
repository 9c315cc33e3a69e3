"""The functions that scripts and notebooks call: options by name, progress shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from tlsearch.callbacks import Callback
from tlsearch.config import RunConfig
from tlsearch.config_file import check_keys
from tlsearch.config_values import LISTS, in_numbers, no_choice
from tlsearch.errors import UsageError
from tlsearch.explain.pictures import Explanation, explain_files
from tlsearch.export import export
from tlsearch.export.export import ExportedFile, ExportOptions
from tlsearch.monitoring import monitor as monitoring
from tlsearch.monitoring.record import MonitorReport
from tlsearch.pipeline import run as pipeline
from tlsearch.pipeline.plan import Plan
from tlsearch.predictor import Pictures, load
from tlsearch.reporter import Reporter
from tlsearch.results.result import RunResult
from tlsearch.utils.addresses import expand_home
from tlsearch.utils.home import ensure_home
from tlsearch.utils.signals import interruptible


def run(
    dataset: RunConfig | Path | str | Iterable[Any],
    reporter: Reporter | None = None,
    callbacks: Sequence[Callback] = (),
    **options: Any,
) -> RunResult:
    """Find and prove the best way to reuse a pre-trained network for a data set.

    A run that was interrupted is resumed where the option ``output`` names its folder. Of a run that is finished the
    result is given.

    Args:
        dataset: A ``RunConfig``, which says everything, or what its field ``dataset`` may be: a folder, a file, an
            address, or images in memory.
        reporter: Is told lines and progress. None draws them: in a terminal, a log or a notebook. ``SilentReporter()``
            shows nothing.
        callbacks: Follow the run; see ``tlsearch.Callback``.
        options: Other fields of ``RunConfig`` by name. Durations, sizes and counts may be texts, as on the command
            line: ``time_limit="5m"``, ``memory="8GB"``.

    Returns:
        The result that ``result.json`` holds.

    Raises:
        UsageError: The request cannot be met as asked; the kinds of it say whether data, weights, a plugin or the
            record are in the way.
        RunError: The run failed.
        Interrupted: The run was interrupted and can be resumed.
    """
    ensure_home()
    config = _config(dataset, options)
    with interruptible(program=False), _shown(reporter) as teller:
        return pipeline.run(config, teller, callbacks)


def plan(dataset: RunConfig | Path | str | Iterable[Any], reporter: Reporter | None = None, **options: Any) -> Plan:
    """Say what ``run`` would do: a dry run, which trains nothing and leaves nothing behind.

    Args:
        dataset: As for ``run``; the output folder is not used.
        reporter: As for ``run``.
        options: As for ``run``.

    Returns:
        The candidates as they were measured, the search space, what trials cost, and what is left out and why.

    Raises:
        UsageError: The request cannot be met as asked.
    """
    ensure_home()
    config = _config(dataset, options)
    with _shown(reporter) as teller:
        return pipeline.plan(config, teller)


def export_model(
    model_dir: Path | str, *formats: str, reporter: Reporter | None = None, **options: Any
) -> tuple[ExportedFile, ...]:
    """Write the model in a folder of a run as files for other programs, each with a proof beside it.

    Preprocessing, softmax, and the temperature where ``predict`` applies it are inside the files, which take any number
    of images: RGB values 0..255 as floats of shape (N, S, S, 3).

    Args:
        model_dir: The folder ``model`` of a run, or another one with a model.
        formats: ``"onnx"``, ``"litert"``, ``"openvino"``, ``"saved_model"`` or ``"keras"``; one or several.
        reporter: As for ``run``.
        options: ``precision`` ("float32", "float16" or "int8"); ``to``, the file or folder; ``images``, a folder of
            labelled images for the proof in place of the validation images of the run; ``accept_loss``; ``unlike``,
            which adds an output for how far a picture is from the training images ("onnx" in "float32" alone).

    Returns:
        The files, in the order of ``formats``, with their proofs.

    Raises:
        UsageError: The model, the images or a format are unavailable; nothing was written.
        RunError: A converter or a runtime failed.
    """
    ensure_home()
    known = tuple(field.name for field in fields(ExportOptions) if field.name != "formats")
    for name in options:
        if name not in known:
            raise no_choice("The option", name, known)
    for name in ("to", "images"):
        if options.get(name) is not None:
            options[name] = expand_home(Path(options[name]))
    with _shown(reporter) as teller:
        return export.export_model(expand_home(Path(model_dir)), ExportOptions(formats=formats, **options), teller)


def explain_images(
    model_dir: Path | str,
    images: Pictures,
    about: str | None = None,
    to: Path | str | None = None,
) -> list[Explanation]:
    """Say for each image which places speak for its class.

    Args:
        model_dir: The folder ``model`` of a run, or another one with a model.
        images: As for ``Predictor.predict``: files, folders, addresses, arrays, Pillow images, and iterables of them.
        about: The class that is explained; None for the most probable one of each image.
        to: A folder for an overlay (PNG) and an array (NPY) of each; None writes nothing.

    Returns:
        An explanation for each image, with its heat map; one that could not be read says why.

    Raises:
        UsageError: The model or the class is unavailable, the network has no features with places, or the folder cannot
            be made.
    """
    ensure_home()
    folder = None if to is None else expand_home(Path(to))
    return list(explain_files(load(model_dir), images, about, folder))


def monitor(
    model_dir: Path | str, images: Sequence[Path | str] | Path | str, reporter: Reporter | None = None
) -> MonitorReport:
    """Compare new images with those that a model was trained on, and say whether its figures still apply.

    Args:
        model_dir: The folder ``model`` of a run.
        images: Files and folders of new images.
        reporter: As for ``run``.

    Returns:
        What was found; ``applies`` is the answer and ``sentence`` says why.

    Raises:
        UsageError: The model cannot be compared with, a path does not exist, or no image could be read.
    """
    ensure_home()
    with _shown(reporter) as teller:
        return monitoring.monitor(model_dir, [images] if isinstance(images, str | Path) else list(images), teller)


def _config(dataset: RunConfig | Path | str | Iterable[Any], options: dict[str, Any]) -> RunConfig:
    """The configuration that was given, or one of options, where a list may be a single text."""
    if not isinstance(dataset, RunConfig):
        check_keys(options, "There is no option", RunConfig)
        lists = {name: (options[name],) for name in LISTS if isinstance(options.get(name), str)}
        return RunConfig(dataset=dataset, **in_numbers({**options, **lists}))
    if options:
        given = ", ".join(options)
        raise UsageError(f"Both a RunConfig and options were given ({given}): put the options into the RunConfig.")
    return dataset


@contextmanager
def _shown(reporter: Reporter | None) -> Iterator[Reporter]:
    """The reporter that was given, or one that draws."""
    if reporter is not None:
        yield reporter
        return
    from tlsearch.cli.console import ConsoleReporter

    with ConsoleReporter() as drawn:
        yield drawn
