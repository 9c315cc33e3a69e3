"""``tlsearch export``: a model as a file for other programs, with a proof."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tlsearch.cli.paths import UserPath
from tlsearch.cli.terminal.commands import Command
from tlsearch.cli.terminal.values import Choice
from tlsearch.errors import UsageError
from tlsearch.utils.signals import interruptible

if TYPE_CHECKING:
    from tlsearch.cli.console import ConsoleReporter
    from tlsearch.export.export import ExportedFile
    from tlsearch.results.schema import Mlflow

FORMAT_NAMES = ("onnx", "litert", "saved_model", "openvino", "keras")
"""Those of ``tlsearch.export.formats``, which is not imported to print help."""


@click.command(cls=Command, short_help="Write a model as a file for other programs, with a proof.")
@click.argument("model_dir", type=UserPath())
@click.option(
    "--format",
    "formats",
    type=Choice(FORMAT_NAMES),
    multiple=True,
    help="What to write. Give it several times for several files.",
)
@click.option(
    "--precision",
    type=Choice(["float32", "float16", "int8"]),
    default="float32",
    show_default=True,
    help="Precision of the weights. int8 is calibrated with training images.",
)
@click.option(
    "--to",
    type=UserPath(),
    metavar="FILE_OR_FOLDER",
    help="Where to write it.  [default: the folder exported of the run]",
)
@click.option(
    "--images",
    type=UserPath(),
    metavar="FOLDER",
    help="Labelled images to make the proof on.  [default: the validation images of the run]",
)
@click.option("--accept-loss", is_flag=True, help="Write a file that is not proven under its usual name, exit code 0.")
@click.option(
    "--unlike",
    is_flag=True,
    help="Add an output for how far a picture is from the training images (onnx in float32; up to 12 MB larger).",
)
@click.option("--log", is_flag=True, help="Log the files and proofs in MLflow, with the run, and ONNX files as models.")
@click.option("--card", is_flag=True, help="Print the model card and write nothing.")
@click.pass_context
def export(
    ctx: click.Context,
    model_dir: Path,
    formats: tuple[str, ...],
    precision: str,
    to: Path | None,
    images: Path | None,
    accept_loss: bool,
    unlike: bool,
    log: bool,
    card: bool,
) -> None:
    """Writes the model in MODEL_DIR as a file that other programs run.

    MODEL_DIR is the folder `model` of a run. Preprocessing, softmax and temperature are inside the file. Beside it lie
    FILE.json, with what prediction sets are made by, and a proof: the runtime of the file and the model answer the same
    images. Where the proof does not exclude
    that 1 point of accuracy is lost, the name of the file ends in `.unproven` and the exit code is 1.
    """
    from tlsearch.cli.console import ConsoleReporter

    if card:
        others = {"format": formats, "precision": precision != "float32", "to": to, "images": images}
        _require_card_alone({**others, "accept-loss": accept_loss, "unlike": unlike, "log": log})
        _print_card(model_dir)
        return
    from tlsearch.export.export import ExportOptions, export_model
    from tlsearch.export.logged import record_of

    options = ExportOptions(
        formats=formats,
        precision=precision,  # type: ignore[arg-type]  # click has checked it
        to=to,
        images=images,
        accept_loss=accept_loss,
        unlike=unlike,
    )
    record = record_of(model_dir) if log else None
    with interruptible(program=True), ConsoleReporter() as reporter:
        files = export_model(model_dir, options, reporter)
        reporter.close()
        _print(reporter, files)
        if record is not None:
            _log(reporter, record, files)
    if any(not file.proof.proven and not file.proof.accepted for file in files):
        ctx.exit(1)


def _log(reporter: ConsoleReporter, record: Mlflow, files: tuple[ExportedFile, ...]) -> None:
    """All files with their proofs as artifacts of the run, and ONNX files as models of it."""
    from tlsearch.export.logged import is_loggable, onnx_model
    from tlsearch.tracking.exported_files import ARTIFACT_FOLDER, log_files, log_onnx

    log_files(record, [part for file in files for part in file.parts])
    reporter.say("mlflow", f"logged in {ARTIFACT_FOLDER} of the run {record.parent_run_id}")
    for file in filter(is_loggable, files):
        address = log_onnx(record, onnx_model(file), file.path.parent)
        reporter.say("mlflow", f"{file.path.name} is the model {address}, for mlflow.onnx.load_model")


def _require_card_alone(others: Mapping[str, object]) -> None:
    if given := next((name for name, value in others.items() if value), None):
        raise UsageError(f"--card prints the model card and writes no file: leave --{given} out, or leave --card out.")


def _print_card(model_dir: Path) -> None:
    from tlsearch.export.card import card_of

    click.echo(card_of(model_dir), nl=False)


def _print(reporter: ConsoleReporter, files: tuple[ExportedFile, ...]) -> None:
    """The table of the proofs, and of each file where it lies and what its proof says."""
    from tlsearch.cli.terminal.lines import unbroken
    from tlsearch.cli.terminal.screen import print_table, room
    from tlsearch.cli.terminal.table import Column, Row, Table
    from tlsearch.export.words import HEADINGS, comparison_line, proof_row, proof_sentences, timing_line

    rows = [proof_row(file.proof) for file in files]
    styles = ["" if file.proof.proven else "yellow" for file in files]
    shown = tuple(Row((unbroken(row[0]), *row[1:]), style) for row, style in zip(rows, styles, strict=True))
    print_table(reporter.console, Table(tuple(map(Column, HEADINGS)), shown), room(reporter.console))
    for file in files:
        reporter.say("file", str(file.path))
        for sentence in proof_sentences(file.proof):
            reporter.say("file", sentence)
    reporter.say("proof", comparison_line(files[0].proof))
    reporter.say("proof", timing_line(files[0].proof))
