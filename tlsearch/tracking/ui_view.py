"""A view of one search in the MLflow UI: which runs, in which order, with which columns and charts, as a link.

The UI keeps the columns of a table in each browser. Since MLflow 3.17 it also reads a *shared view*: the JSON object in
the experiment's tag ``mlflow.sharedViewState.KEY``, where the address ends in ``?viewStateShareKey=KEY``. An older UI
ignores both, and shows the experiment as it always does.

The UI sorts by one column, and what is equal there comes in the order of its start. So the view is ranked by the score
while the search goes on, and by the metric ``rank`` once the winner is chosen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tlsearch.tracking.naming import CURVE, RANK

TAG_PREFIX = "mlflow.sharedViewState."

CHART_PARAMS = ("freeze_fraction", "head_units", "strength", "learning_rate")
_TOGETHER, _ALONE = "All settings together", "Each setting alone"
_MOST_RUNS = 1000
_DATE = "runDateAndNestInfo"
"""What the UI calls its column "Created"."""

NAME_WIDTH = 590
"""Pixels of the column of names: the longest of the built-in networks and heads, 92 letters, is not cut off."""

_LETTER, _BESIDE_NAME = 6.2, 60
"""Pixels of a letter of a name, and of what stands beside it."""

_WIDTH, _DATE_WIDTH, _RANK_WIDTH, _GAIN_WIDTH = 110, 132, 70, 160
"""Pixels of the other columns: of most, of the age of a run, and of two figures."""


@dataclass(frozen=True, kw_only=True)
class TrialsView:
    """The trials below a parent, the best first.

    Attributes:
        parent: The id of the parent.
        figures: The names of the metrics in the first columns.
        ascending: Whether a lower value of the first of them is better.
        ranked: Whether the trials have their ``rank``, so that the winner comes first.
        letters: The letters of the longest name, where it is known.
    """

    parent: str
    figures: Sequence[str]
    ascending: bool = False
    ranked: bool = False
    letters: int | None = None

    def state(self) -> str:
        """Give the value of the view's tag."""
        return json.dumps(_state(self), separators=(",", ":"))


def view_key(what: str) -> str:
    """Give the key of the view of ``what``, by which its link stays the same when the view changes."""
    return hashlib.sha256(what.encode()).hexdigest()[:16]


def view_link(address: str, experiment_id: str, key: str) -> str:
    """Give the link to a view in the UI at ``address``."""
    return f"{address.rstrip('/')}/#/experiments/{experiment_id}/runs?viewStateShareKey={key}"


def _state(view: TrialsView) -> Mapping[str, Any]:
    """What the UI keeps of a page of an experiment; what is absent is at its default."""
    rank, gain = _column("metrics", RANK), _column("metrics", "val_gain_over_baseline")
    name = _column("attributes", "Run Name")
    columns = [
        *([rank] if view.ranked else []), *(_column("metrics", figure) for figure in view.figures), gain,
        _column("tags", "state"), _column("metrics", "seconds"), _column("tags", "reason"),
        # The name of a run tells these as well.
        _column("params", "freeze_fraction"), _column("params", "head_units"), _column("params", "augmentation"),
        _column("params", "strength"), _column("params", "learning_rate"),
    ]  # fmt: skip
    widths = dict.fromkeys(columns, _WIDTH)
    widths |= {rank: _RANK_WIDTH, gain: _GAIN_WIDTH, _DATE: _DATE_WIDTH, name: _name_width(view.letters)}
    return {
        "searchFilter": f"tags.role = 'trial' and tags.`mlflow.parentRunId` = '{view.parent}'",
        "orderByKey": rank if view.ranked else _column("metrics", view.figures[0]),
        "orderByAsc": view.ranked or view.ascending,
        "selectedColumns": columns,
        "columnOrder": [name, _DATE, *columns],
        "columnWidths": {column: widths[column] for column in (name, _DATE, *columns)},
        # Else the charts show the first ten runs only.
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": _charts(view.figures[0]),
        "compareRunSections": [
            _section(_TOGETHER, 1), _section(_ALONE, 2), _section(CURVE, 2), _section("Model metrics", 2),
        ],
        "isAccordionReordered": True,
    }  # fmt: skip


def _name_width(letters: int | None) -> int:
    """Pixels for names of so many letters; a very long one is cut off, for it would leave no room for figures."""
    return NAME_WIDTH if letters is None else min(NAME_WIDTH, round(_BESIDE_NAME + _LETTER * letters))


def _charts(figure: str) -> Sequence[Mapping[str, Any]]:
    parallel = {
        **_chart("PARALLEL", "parallel", _TOGETHER),
        "selectedParams": list(CHART_PARAMS),
        "selectedMetrics": [figure],
        "showAllRuns": True,
    }
    scatters = [
        {
            **_chart("SCATTER", param, _ALONE),
            "xaxis": {"key": param, "type": "PARAM"},
            "yaxis": {"key": figure, "type": "METRIC"},
        }
        for param in CHART_PARAMS
    ]
    return [parallel, *scatters]


def _chart(kind: str, name: str, section: str) -> Mapping[str, Any]:
    return {
        "type": kind,
        "uuid": f"tlsearch-{name}",
        "metricSectionId": f"tlsearch-{section}",
        "runsCountToCompare": _MOST_RUNS,
        "deleted": False,
        "isGenerated": False,
    }


def _section(name: str, charts_in_a_row: int) -> Mapping[str, Any]:
    return {
        "uuid": f"tlsearch-{name}", "name": name, "display": True, "isReordered": False, "columns": charts_in_a_row,
    }  # fmt: skip


def _column(kind: str, name: str) -> str:
    return f"{kind}.`{name}`"
