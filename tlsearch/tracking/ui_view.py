"""Views in the MLflow UI, each with a link: which runs, in which order, with which columns and charts.

The UI keeps the columns of a table in each browser. Since MLflow 3.17 it also reads a *shared view*: the JSON object in
the experiment's tag ``mlflow.sharedViewState.KEY``, where the address ends in ``?viewStateShareKey=KEY``. An older UI
ignores both, and shows the experiment as it always does.

Such a JSON object within another one that has a name is a *saved view*, which the button "Views" of the experiment
offers as well.

The UI sorts by one column, and what is equal there comes in the order of its start. So the view is ranked by the score
while the search goes on, and by the metric ``rank`` once the winner is chosen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tlsearch.tracking.trial_fields import CURVE, RANK

TAG_PREFIX = "mlflow.sharedViewState."

SEARCHES = "All searches"
"""The name of the saved view of all searches."""

CHART_PARAMS = ("freeze_fraction", "head_units", "strength", "learning_rate")
_TOGETHER, _ALONE = "All settings together", "Each setting alone"
_MOST_RUNS = 1000
_DATE = "runDateAndNestInfo"
"""What the UI calls its column "Created"."""

NAME_WIDTH = 576
"""Pixels of the column of names: 82 letters. A longer one is cut off, so that 1280 pixels show the first figure too."""

_LETTER, _BESIDE_NAME = 6.45, 44
"""Pixels of a letter of a name, and of what stands beside it."""

_HEAD_LETTER, _BESIDE_HEAD, _SORTED = 7.0, 24, 23
"""Pixels of a letter of a heading, of what stands beside it, and of the sign of the column that the table is sorted by.
"""

_WIDTH, _BROAD_WIDTH, _DATE_WIDTH = 99, 118, 144
"""Pixels of other columns: the fewest of most, those of a heading of broad letters, and those of the age of a run, such
as ``59 minutes ago``.
"""


@dataclass(frozen=True, kw_only=True)
class TrialsView:
    """The trials below a parent, the best first.

    Attributes:
        stays: Whether a view that is there already is left as it is.
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

    stays: ClassVar[bool] = False

    @property
    def key(self) -> str:
        """The key of the view, which stays the same when the view changes."""
        return _key(self.parent)

    def value(self) -> str:
        """Give the value of the view's tag."""
        return _json(_trials_state(self))


@dataclass(frozen=True)
class SearchesView:
    """All searches of an experiment, the last first, each with its score, its gain and its verdict.

    Attributes:
        made: When it is made, in milliseconds since 1970.
        stays: Whether a view that is there already is left as it is; somebody may have changed and saved it.
    """

    made: int
    stays: ClassVar[bool] = True

    @property
    def key(self) -> str:
        """The key of the view, one for all searches."""
        return _key(_json(_searches_state()))

    def value(self) -> str:
        """Give the value of the view's tag."""
        state = _json(_searches_state())
        return _json({"name": SEARCHES, "createdAt": self.made, "updatedAt": self.made, "state": state})


View = TrialsView | SearchesView


def view_link(address: str, experiment_id: str, key: str) -> str:
    """Give the link to a view in the UI at ``address``."""
    return f"{address.rstrip('/')}/#/experiments/{experiment_id}/runs?viewStateShareKey={key}"


def _searches_state() -> Mapping[str, Any]:
    """Columns that a screen of 1280 pixels shows, and behind them what else searches are compared by."""
    name = _column("attributes", "Run Name")
    widths = {
        name: 204, _DATE: _DATE_WIDTH, _column("metrics", "test"): 80, _column("metrics", "gain_over_baseline"): 149,
        _column("tags", "pretraining_helped"): 150, _column("tags", "search_paid"): 110,
        _column("tags", "model_to_use"): 116, _column("metrics", "gain_over_linear_probe"): 178,
        _column("metrics", "megabytes"): _WIDTH, _column("metrics", "ms_per_image"): _WIDTH,
        _column("params", "metric"): _WIDTH, _column("params", "candidates"): 300,
    }  # fmt: skip
    return {
        "searchFilter": "tags.role = 'search'",
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "selectedColumns": list(widths)[2:],
        "columnOrder": list(widths),
        "columnWidths": widths,
    }


def _trials_state(view: TrialsView) -> Mapping[str, Any]:
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
    widths = {column: _head_width(column) for column in columns}
    widths |= {rank: _head_width(rank, fewest=0) + _SORTED, _DATE: _DATE_WIDTH, name: _name_width(view.letters)}
    widths[_column("params", "augmentation")] = _BROAD_WIDTH
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


def _head_width(column: str, fewest: int = _WIDTH) -> int:
    """Pixels of a column in which its heading is not cut off."""
    return max(fewest, round(_BESIDE_HEAD + _HEAD_LETTER * len(column.split("`")[1])))


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


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _column(kind: str, name: str) -> str:
    return f"{kind}.`{name}`"
