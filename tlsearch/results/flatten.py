"""The figures of a result as one flat list of names and numbers, as MLflow wants them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlsearch.results.result import RunResult
from tlsearch.results.schema import Baseline, Confirmed, Corrected, Difference, Gain, Interval, LinearProbe, MapStudy
from tlsearch.stats.metrics import EVERY_IMAGE

FIGURES_FILE = "figures.json"
"""The name of the table of figures in MLflow."""

SCORES = ("val", "test", "test_accuracy", "gain_over_baseline", "gain_over_linear_probe")
COSTS = ("megabytes", "ms_per_image")
"""What runs are compared by: how good the winner is, and what it costs at use."""


def compared_metrics(result: RunResult) -> dict[str, float]:
    """Give those of ``flat_metrics`` that runs are compared by, with as many digits as a table can show.

    ``test_accuracy`` is left out where it is ``test``.
    """
    found = flat_metrics(result)
    same = result.metrics.counts == EVERY_IMAGE
    names = [name for name in (*SCORES, *COSTS) if name in found and not (same and name == "test_accuracy")]
    return {name: _shown(found[name]) for name in names}


def figure_table(result: RunResult) -> dict[str, list[Any]]:
    """Give all of ``flat_metrics`` as the JSON object of a table, in which a figure is a row, as MLflow reads it."""
    return {"columns": ["figure", "value"], "data": [[name, _shown(v)] for name, v in flat_metrics(result).items()]}


def flat_metrics(result: RunResult) -> dict[str, float]:
    """The figures of a result under the names that MLflow shows.

    They are the names of result.json: those of ``metrics`` as they are, others behind the name of their object
    (``linear_probe_test``), the two ends of an interval with ``_low`` and ``_high``. Both gains are there under
    ``gain_over_baseline`` and ``gain_over_linear_probe``.
    """
    metrics = result.metrics
    found: dict[str, float | None] = {
        "val": metrics.val,
        **_confirmed("confirmed", metrics.confirmed),
        **_corrected(metrics.corrected),
        "test": metrics.test,
        **_ends("test_ci95", metrics.test_ci95),
        "test_opened": metrics.test_opened,
        "test_accuracy": metrics.test_accuracy,
        **_ends("test_accuracy_ci95", metrics.test_accuracy_ci95),
        "majority": metrics.majority,
        "ms_per_image": metrics.ms_per_image,
        "megabytes": metrics.megabytes,
        **_model("linear_probe", result.linear_probe),
        **_model("baseline", result.baseline),
        **_gains(result.gain),
        **_insights(result),
    }
    for network in result.from_scratch:
        if network != result.baseline:
            found.update(_model(f"from_scratch_{network.architecture}", network))
    return {name: float(value) for name, value in found.items() if value is not None}


def _model(name: str, model: Baseline | LinearProbe | None) -> Mapping[str, float | None]:
    if model is None:
        return {}
    return {
        f"{name}_val": model.val,
        **_confirmed(f"{name}_confirmed", model.confirmed),
        f"{name}_test": model.test,
        **_ends(f"{name}_test_ci95", model.test_ci95),
    }


def _corrected(corrected: Corrected | None) -> Mapping[str, float | None]:
    return {} if corrected is None else {"corrected": corrected.value, **_ends("corrected_ci95", corrected.ci95)}


def _confirmed(name: str, confirmed: Confirmed | None) -> Mapping[str, float | None]:
    if confirmed is None:
        return {}
    return {
        f"{name}_mean": confirmed.mean,
        f"{name}_folds": confirmed.folds,
        f"{name}_seed_spread": confirmed.seed_spread,
        f"{name}_sampling_error": confirmed.sampling_error,
    }


def _gains(gain: Gain | None) -> Mapping[str, float | None]:
    if gain is None:
        return {}
    over = gain.over_linear_probe
    return {
        "gain_over_baseline": gain.test,
        **_ends("gain_over_baseline_ci95", gain.ci95),
        "gain_over_baseline_p": gain.p_value,
        **(_difference("gain_over_linear_probe", over) if over is not None else {}),
    }


def _difference(name: str, over: Difference) -> Mapping[str, float | None]:
    return {name: over.difference, **_ends(f"{name}_ci95", over.ci95), f"{name}_p": over.p_value}


def _ends(name: str, ci: Interval | None) -> Mapping[str, float | None]:
    return {f"{name}_low": ci[0], f"{name}_high": ci[1]} if ci is not None else {}


def _insights(result: RunResult) -> Mapping[str, float | None]:
    calibration, more = result.insights.calibration, result.insights.more_data
    found: dict[str, float | None] = {}
    if calibration is not None:
        found |= {
            "calibration_temperature": calibration.temperature,
            "calibration_before_ece": calibration.before.ece,
            "calibration_after_ece": calibration.after.ece,
            "calibration_before_log_loss": calibration.before.log_loss,
            "calibration_after_log_loss": calibration.after.log_loss,
        }
    if more is not None:
        found["more_data_last_gain"] = more.last_gain
    return {**found, **_heat_maps(result.insights.heat_maps)}


def _heat_maps(study: MapStudy | None) -> Mapping[str, float | None]:
    if study is None:
        return {}
    curves, found = study.curves, {"heat_maps_border": study.border}
    if curves is None:
        return found
    return {
        **found,
        "heat_maps_deletion_gain": curves.deletion_gain,
        **_ends("heat_maps_deletion_gain_ci95", curves.deletion_gain_ci95),
        "heat_maps_insertion_gain": curves.insertion_gain,
        **_ends("heat_maps_insertion_gain_ci95", curves.insertion_gain_ci95),
        "heat_maps_own_gain": curves.own_gain,
        **_ends("heat_maps_own_gain_ci95", curves.own_gain_ci95),
    }


def _shown(value: float) -> float:
    """As many digits as a table can show."""
    return float(f"{value:.5g}")
