"""How well the winner's heat maps say where things are, where the data set has boxes."""

from __future__ import annotations

from tlsearch.report.sections.localisation import HEADINGS, score_rows, sentences
from tlsearch.report.sections.section import Section
from tlsearch.results.result import RunResult


def boxes(result: RunResult) -> Section:
    """Give the scores with those of rules that look at no image, or why there are none."""
    found, why = result.insights.localisation, result.insights.no_localisation
    if found is None:
        lines = [f"Boxes were not scored: {why.rstrip('.')}."] if why else []
        return Section({"box_sentences": lines, "box_headings": HEADINGS, "box_rows": ()})
    return Section(
        {
            "box_sentences": sentences(found, "winner"),
            "box_headings": HEADINGS,
            "box_rows": score_rows(found, "winner"),
        }
    )
