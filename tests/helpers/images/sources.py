"""Sources of images in tests."""

from __future__ import annotations

from pathlib import Path

from tlsearch.data.index import Survey
from tlsearch.data.sources import read_source
from tlsearch.data.survey import survey
from tlsearch.plugins.kinds.reader import ReadingOptions


def with_test(folder: Path) -> ReadingOptions:
    """The options of a source whose test images lie in ``folder``."""
    return ReadingOptions(parts={"test": str(folder)})


def survey_of(root: Path, test: Path | None = None) -> Survey:
    """The survey of a folder, with test images from another folder."""
    return survey(read_source(root, None if test is None else with_test(test)))
