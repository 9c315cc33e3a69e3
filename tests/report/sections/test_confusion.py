"""The charts of many classes: they name as many as can be read."""

from __future__ import annotations

from dataclasses import replace

from tests.helpers.results.sample_result import SAMPLE
from tlsearch.report.images import Chart
from tlsearch.report.sections.confusion import MOST_NAMES, confusion
from tlsearch.results.schema import Confusion


def test_charts_of_very_many_classes_name_those_that_can_be_read() -> None:
    size = MOST_NAMES + 50
    matrix = tuple(tuple(int(j == (i if i != 7 else 8)) for j in range(size)) for i in range(size))
    labels = tuple(f"class {number}" for number in range(size))
    charts = confusion(replace(SAMPLE, confusion=Confusion(labels, matrix))).pictures
    of_matrix, of_classes = (chart for chart in charts if isinstance(chart, Chart))
    (axes,) = of_matrix.figure.axes
    assert axes.get_xticks().size == axes.get_yticks().size == 0
    assert len(of_matrix.rows) == len(of_classes.rows) == size
    assert of_classes.title == f"{MOST_NAMES} of {size} classes on test, the worst F1 first"
    (axes,) = of_classes.figure.axes
    named = [text.get_text() for text in axes.get_yticklabels()]
    assert (len(named), named[0]) == (MOST_NAMES, "class 7")
    few = [chart for chart in confusion(SAMPLE).pictures if isinstance(chart, Chart)]
    assert few[1].title == "Every class on test, the worst F1 first"
    assert [text.get_text() for text in few[0].figure.axes[0].get_xticklabels()] == [
        "dress",
        "hat",
        "long sleeve",
        "shirt",
    ]
