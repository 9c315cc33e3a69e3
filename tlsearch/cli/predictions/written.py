"""Predictions are written as they come, and what becomes of them is said at the end."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from tlsearch.cli.predictions.destination import Destination, open_destination, partial
from tlsearch.cli.predictions.formats import FORMATS, Writer
from tlsearch.cli.predictions.progress import ProgressLine
from tlsearch.cli.terminal.mistakes import error_line
from tlsearch.utils.signals import defer_interrupts
from tlsearch.utils.units import counted

if TYPE_CHECKING:
    from tlsearch.predictor import Prediction, Predictor

Predictions: TypeAlias = "Generator[Prediction, None, None]"

_INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """What predictions are written, and how.

    Attributes:
        name: The name of the format.
        to: The file; None prints them.
        calibrated: What was asked of the probabilities.
        images: What is asked about, where all of it is known before; for the time left.
    """

    name: str
    to: Path | None
    calibrated: bool | None
    images: tuple[Path | str, ...] | None


@dataclass
class Tally:
    """How many images there were, how many of them could be read, and what ended it before more came."""

    images: int = 0
    read: int = 0
    interrupted: bool = False
    error: Exception | None = None

    @property
    def is_part(self) -> bool:
        """Whether more would have come, and something has."""
        return self.interrupted or (self.error is not None and self.images > 0)


def write_predictions(predictions: Predictions, options: WriteOptions, predictor: Predictor) -> int:
    """Write all predictions; gives the exit code: 1 where nothing was read, 130 after an interruption.

    Raises ``UsageError`` where the file cannot be written, and what ``predictions`` raise: what came before is kept.
    """
    form, tally = FORMATS[options.name], Tally()
    with (
        ProgressLine(shown=_has_progress(options), images=options.images) as line,
        open_destination(options.to, form) as destination,
    ):
        stream = destination.stream if options.to is not None else line.beside(destination.stream)
        writer = form.open(stream, predictor, options.calibrated)
        _write(predictions, writer, destination, line, tally)
        if tally.error is not None and not tally.images:
            if options.to is not None:  # some formats want an end also of what is thrown away
                writer.close()
            raise tally.error
        with defer_interrupts():
            writer.close()
        destination.interrupted = tally.is_part
    if tally.error is not None:
        if options.to is not None:
            click.echo(f"{partial(options.to)}: {_count(tally)}", err=True)
        raise tally.error
    return _say(tally, options.to)


def _write(
    predictions: Predictions, writer: Writer, destination: Destination, line: ProgressLine, tally: Tally
) -> None:
    """Write until predictions end, fail, or somebody interrupts; what is written is whole in all cases."""
    try:
        with closing(predictions):
            while (prediction := _next(predictions, tally)) is not None:
                with defer_interrupts():
                    writer.write(prediction)
                    destination.pass_on()
                    tally.images += 1
                    tally.read += prediction.error is None
                line.advance()
    except KeyboardInterrupt:
        tally.interrupted = True


def _next(predictions: Predictions, tally: Tally) -> Prediction | None:
    """The next prediction; None where there is none, or where it fails, which is noted."""
    try:
        return next(predictions, None)
    except Exception as error:  # of whatever brings the images, or writes heat maps meanwhile
        tally.error = error
        return None


def _has_progress(options: WriteOptions) -> bool:
    """Whether a line shows how far it is: in a terminal where no rows of predictions appear all the time."""
    rows_appear = options.to is None and sys.stdout.isatty() and options.name != "table"
    return sys.stderr.isatty() and not rows_appear


def _say(tally: Tally, to: Path | None) -> int:
    """Say what was written into a file, and what went wrong; gives the exit code."""
    count = _count(tally)
    if tally.interrupted:
        kept = f"; they are in {partial(to)}" if to is not None else ""
        click.echo(error_line(f"interrupted after {count}{kept}"), err=True)
        return _INTERRUPTED
    if to is not None:
        click.echo(f"{to}: {count}", err=True)
    if not tally.images:
        click.echo(error_line("No image is named in the list."), err=True)
    return 0 if tally.read else 1


def _count(tally: Tally) -> str:
    """``4 images, 2 not read``."""
    missing = f", {tally.images - tally.read:,} not read" if tally.read < tally.images else ""
    return f"{counted(tally.images, 'image')}{missing}"
