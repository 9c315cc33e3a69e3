"""A view of one search in the MLflow UI: which runs, in which order, with which columns and charts, as a link.

The UI keeps the columns of a table in each browser. Since MLflow 3.17 it also reads a *shared view*: the JSON object in
the experiment's tag ``mlflow.sharedViewState.KEY``, where the address ends in ``?viewStateShareKey=KEY``. An older UI
ignores both, and shows the experiment as it always does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tlsearch.tracking.naming import CURVE

TAG_PREFIX = "mlflow.sharedViewState."

CHART_PARAMS = ("freeze_fraction", "head_units", "strength", "learning_rate")
_TOGETHER, _ALONE = "All settings together", "Each setting alone"
_MOST_RUNS = 1000
NAME_WIDTH = 590
"""Pixels of the column of names: the longest of the built-in networks and heads, 92 letters, is not cut off."""


def shared_view(parent_id: str, figures: Sequence[str], *, ascending: bool = False) -> tuple[str, str]:
    """Give the key and the value of the view of the trials below ``parent_id``.

    The metrics ``figures`` are its first columns, and the best trials by the first of them come first: with
    ``ascending`` those with the lowest.
    """
    state = _state(parent_id, figures, ascending)
    value = json.dumps(state, separators=(",", ":"))
    return hashlib.sha256(value.encode()).hexdigest()[:16], value


def view_link(address: str, experiment_id: str, key: str) -> str:
    """Give the link to a view in the UI at ``address``."""
    return f"{address.rstrip('/')}/#/experiments/{experiment_id}/runs?viewStateShareKey={key}"


def _state(parent_id: str, figures: Sequence[str], ascending: bool) -> Mapping[str, Any]:
    """What the UI keeps of a page of an experiment; what is absent is at its default."""
    figure = figures[0]
    columns = [
        *(_column("metrics", name) for name in (*figures, "val_gain_over_baseline")), _column("tags", "state"),
        _column("metrics", "seconds"), _column("tags", "reason"),
        # The name of a run tells these as well.
        _column("params", "freeze_fraction"), _column("params", "head_units"), _column("params", "augmentation"),
        _column("params", "strength"), _column("params", "learning_rate"),
    ]  # fmt: skip
    widths = dict.fromkeys(columns, 110)
    widths |= {_column("metrics", "val_gain_over_baseline"): 170, _column("attributes", "Run Name"): NAME_WIDTH}
    return {
        "searchFilter": f"tags.role = 'trial' and tags.`mlflow.parentRunId` = '{parent_id}'",
        "orderByKey": _column("metrics", figure),
        "orderByAsc": ascending,
        "selectedColumns": columns,
        "columnOrder": [_column("attributes", "Run Name"), "runDateAndNestInfo", *columns],
        "columnWidths": widths,
        # Else the charts show the first ten runs only.
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": _charts(figure),
        "compareRunSections": [
            _section(_TOGETHER, 1), _section(_ALONE, 2), _section(CURVE, 2), _section("Model metrics", 2),
        ],
        "isAccordionReordered": True,
    }  # fmt: skip


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
