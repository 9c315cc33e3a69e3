"""Photographs to look at: the worst mistakes on validation images, and labels that look wrong."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.config_places import PARTS, found_place
from tlsearch.errors import UsageError
from tlsearch.report.charts import shorten
from tlsearch.report.images import THUMBNAIL_SIDE, PhotoSheet, Values, data_uri, thumbnail
from tlsearch.report.insights import label_errors_sentence, shown_suspects
from tlsearch.report.numbers import percent
from tlsearch.report.sections.section import Section
from tlsearch.results.result import RunResult
from tlsearch.results.schema import LabelErrors, Mistake, Suspect

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

Find = Callable[[str], Path]

MOST_MISTAKES = 24
COLUMNS = 6
GAP, LINE = 12, 18
"""Pixels on a sheet: between photographs, and for a line of text."""

MOST_LETTERS = 30
"""Letters of a caption that fit below a photograph."""


def photographs(result: RunResult, root: Path, output: Path) -> Section:
    """``root`` is the folder of the data set, ``output`` that of the run; photographs that are gone are left blank."""
    find = _finder(root, output)
    mistakes, sheet = _mistakes(result.mistakes[:MOST_MISTAKES], find)
    labels, suspects = _suspects(result.insights.label_errors, find) if result.insights.label_errors else (None, None)
    sheets = tuple(found for found in (sheet, suspects) if found is not None)
    return Section({"mistakes": mistakes, "labels": labels}, sheets)


def missing_photographs(result: RunResult, root: Path, output: Path) -> int:
    """How many of the photographs that the report shows are no longer where they were."""
    find, labels = _finder(root, output), result.insights.label_errors
    shown = [item.path for item in result.mistakes[:MOST_MISTAKES]]
    shown += [] if labels is None else [item.path for item in labels.suspects[: shown_suspects(labels)]]
    return sum(not find(name).is_file() for name in shown)


def _finder(root: Path, output: Path) -> Find:
    """Where a photograph lies, by its name: below the data set, or in the folder that was named for its part."""
    parts: dict[str, Path] = {}
    with suppress(UsageError):  # the configuration may be gone
        config = RunConfig.from_toml(output / CONFIG_NAME)
        named = {part: found_place(part, getattr(config, part), config.dataset) for part in PARTS}
        parts = {part: place for part, place in named.items() if place is not None}

    def find(name: str) -> Path:
        part, _, below = name.partition("/")
        file = root / name
        return parts[part] / below if part in parts and not file.is_file() else file

    return find


def _mistakes(mistakes: Sequence[Mistake], find: Find) -> tuple[list[tuple[Mistake, str | None]], PhotoSheet | None]:
    """The mistakes with their pictures, and the sheet of them where there are any."""
    images = [thumbnail(find(item.path)) for item in mistakes]
    shown = [(item, data_uri(image)) for item, image in zip(mistakes, images, strict=True)]
    captions = [
        (f"predicted {item.predicted} {percent(item.probability, 0)}", f"is {item.true}", item.path)
        for item in mistakes
    ]
    rows = [(item.path, item.true, item.predicted, item.probability) for item in mistakes]
    header = ("path", "true", "predicted", "probability")
    return shown, contact_sheet("mistakes", images, captions, header, rows) if images else None


def _suspects(
    labels: LabelErrors, find: Find
) -> tuple[tuple[str, list[tuple[Suspect, str | None]]], PhotoSheet | None]:
    """What is said of the labels, the suspects with their pictures, and the sheet of them where there are any."""
    suspects = labels.suspects[: shown_suspects(labels)]
    images = [thumbnail(find(item.path)) for item in suspects]
    shown = [(item, data_uri(image)) for item, image in zip(suspects, images, strict=True)]
    captions = [
        (
            f"in {item.given} {percent(item.given_probability, 0)}",
            f"looks like {item.suggested} {percent(item.suggested_probability, 0)}{_agreement(item)}",
            item.path,
        )
        for item in suspects
    ]
    rows = [
        (
            item.path, item.given, item.suggested, item.given_probability, item.suggested_probability, item.models,
            item.agree,
        )
        for item in suspects
    ]  # fmt: skip
    header = ("path", "given", "suggested", "given_probability", "suggested_probability", "models", "agree")
    sheet = contact_sheet("label-errors", images, captions, header, rows) if images else None
    return (label_errors_sentence(labels), shown), sheet


def _agreement(item: Suspect) -> str:
    """How many models say so, where more than one was asked."""
    return f" ({item.agree} of {item.models} models)" if item.models > 1 else ""


def contact_sheet(
    name: str,
    images: Sequence[Image | None],
    captions: Sequence[tuple[str, str, str]],
    header: Sequence[str],
    rows: Sequence[Values],
) -> PhotoSheet:
    """Give a contact sheet: photographs in rows of six, three lines of text below each."""
    from PIL import Image, ImageDraw

    columns = min(COLUMNS, len(images))
    cell_width, cell_height = THUMBNAIL_SIDE + GAP, THUMBNAIL_SIDE + 3 * LINE + 2 * GAP
    size = (columns * cell_width + GAP, -(-len(images) // columns) * cell_height + GAP)
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), _font()
    for number, (image, lines) in enumerate(zip(images, captions, strict=True)):
        left = GAP + number % columns * cell_width
        top = GAP + number // columns * cell_height
        if image is None:
            draw.rectangle((left, top, left + THUMBNAIL_SIDE, top + THUMBNAIL_SIDE), fill="#f0f2f4")
            draw.text((left + GAP, top + THUMBNAIL_SIDE // 2), "no picture", fill="#5d6670", font=font)
        else:
            sheet.paste(image, (left + (THUMBNAIL_SIDE - image.width) // 2, top + (THUMBNAIL_SIDE - image.height) // 2))
        for place, text in enumerate(lines):
            color = "#5d6670" if place == 2 else "#1b1f24"
            draw.text((left, top + THUMBNAIL_SIDE + 4 + place * LINE), _fitting(text), fill=color, font=font)
    stream = io.BytesIO()
    sheet.save(stream, "PNG")
    return PhotoSheet(name=name, image=stream.getvalue(), header=header, rows=rows)


def _fitting(text: str) -> str:
    """``text`` in one line that can be drawn and fits below a photograph."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return shorten("".join(c if c.isprintable() else "?" for c in text), MOST_LETTERS)


def _font() -> FreeTypeFont:
    """The font that comes with matplotlib: Pillow's own has Latin letters only."""
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", 13)
