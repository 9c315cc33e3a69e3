"""All models of a run side by side: the rows that terminal, report and MLflow show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tlsearch.report import text as words
from tlsearch.report.numbers import cost_at_use
from tlsearch.report.verdict.fair import epochs_of, is_unfinished, no_claim
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Baseline, Confirmed, Interval, LinearProbe, Metrics

RowKind = Literal["winner", "probe", "baseline"]

_OTHERS: Mapping[RowKind, str] = {"probe": "the linear probe", "baseline": "what was trained from scratch"}


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """One model with its three figures, in the metric of the run.

    ``val`` is on the folds of the winner where the model has a figure for these. ``val_note`` says what ``val`` is
    where it is not what the heading says, else it is empty. ``cost`` says what the
    model costs at use, as far as it is known, and ``efficient`` whether another one is as good in everything.
    ``caveat`` says why a gain over it claims nothing; it is empty where one may be claimed. ``to_use`` says whether it
    is the model to use.
    """

    kind: RowKind
    name: str
    model: str
    val: float
    val_note: str
    confirmed: Confirmed | None
    test: float
    test_ci95: Interval
    cost: str
    efficient: str = ""
    caveat: str = ""
    to_use: bool = False


def headings(result: RunResult) -> list[str]:
    """What stands above the figures: three, or two where nothing was confirmed.

    Every validation figure is selected: the winner is the best of its trials, the probe of its candidates, a network
    from scratch of its learning rates.
    """
    confirmed = [words.CONFIRMED] if is_confirmed(model_rows(result)) else []
    return [
        words.selected(result.metrics.val_folds, result.plan.folds),
        *confirmed,
        words.tested(result.metrics.test_opened),
    ]


def is_confirmed(rows: Sequence[ModelRow]) -> bool:
    """Whether any model has a figure on resampled folds: what no model has is not named."""
    return any(row.confirmed is not None for row in rows)


def model_rows(result: RunResult) -> list[ModelRow]:
    """The winner, the best linear probe, the baseline, and what else was trained from scratch.

    The model to use is first.
    """
    metrics, probe, baseline = result.metrics, result.linear_probe, result.baseline
    rows = [
        ModelRow(
            kind="winner",
            name="winner" if result.scratch_named is None else "best reused network",
            model=result.winner.label,
            val=metrics.val,
            val_note="",
            confirmed=metrics.confirmed,
            test=metrics.test,
            test_ci95=metrics.test_ci95,
            cost=_cost(metrics),
        )
    ]
    if probe is not None:
        rows.append(_row(result, "probe", "linear probe", probe.label, probe))
    if baseline is not None:
        row = _row(result, "baseline", "from scratch", baseline.architecture, baseline)
        rows.append(replace(row, caveat=_caveat(result, baseline)))
    for network in result.from_scratch:
        if network != baseline:
            rows.append(_row(result, "baseline", "also from scratch", network.architecture, network))
    alone = result.scratch_named
    used = ("winner", result.winner.label) if alone is None else ("baseline", alone.architecture)
    rows = [replace(row, efficient=_efficient(result, row), to_use=(row.kind, row.model) == used) for row in rows]
    return sorted(rows, key=lambda row: not row.to_use)


def _caveat(result: RunResult, baseline: Baseline) -> str:
    """``18 of 60 epochs, no fair comparison``, where a gain over this network from scratch is not claimed."""
    if not no_claim(result):
        return ""
    return f"{epochs_of(baseline)}, no fair comparison" if is_unfinished(baseline) else "no fair comparison"


def fold_note(rows: Sequence[ModelRow]) -> str:
    """What is to be said below the table where a validation figure comes from other folds; empty where none does."""
    kinds = {row.kind for row in rows if row.val_note}
    others = " and ".join(name for kind, name in _OTHERS.items() if kind in kinds)
    if not others:
        return ""
    return (
        f"Validation scores on other folds than the winner's ({others}) are scores of other images: compare these "
        "models with the winner by their test scores."
    )


def names_efficient(rows: Sequence[ModelRow]) -> bool:
    """Whether it is known of any model whether it is efficient: results of older versions do not say."""
    return any(row.efficient for row in rows)


def _efficient(result: RunResult, row: ModelRow) -> str:
    """``yes`` or ``no``, and where files were exported for a budget what that of the model costs; empty: not known."""
    at_use, alone = result.at_use, row.kind == "baseline"
    name = f"{row.model} from scratch" if alone else row.model
    known = [m for m in at_use.models if (m.role == "from scratch") == alone] if at_use is not None else []
    found = next((m for m in known if name == (m.network if alone else m.label)), None)
    if at_use is None or found is None or found.megabytes is None or found.ms_per_image is None:
        return ""
    exported = ""
    if at_use.choice is not None and at_use.choice.megabytes is not None:
        about = "" if found.measured else "about "
        exported = f"; exported {about}{cost_at_use(found.megabytes, found.ms_per_image)}"
    return f"{'yes' if found.efficient else 'no'}{exported}"


def _row(result: RunResult, kind: RowKind, name: str, model: str, found: LinearProbe | Baseline) -> ModelRow:
    of_folds, val = result.plan.folds, found.val
    same = found.val_folds == result.metrics.val_folds or of_folds == 1
    if not same and (shared := _on_folds_of_winner(result, model, found)) is not None:
        same, val = True, shared
    note = "" if same else words.validation(found.val_folds, of_folds)
    return ModelRow(
        kind=kind,
        name=name,
        model=model,
        val=val,
        val_note=note,
        confirmed=found.confirmed,
        test=found.test,
        test_ci95=found.test_ci95,
        cost=_cost(found),
    )


def _on_folds_of_winner(result: RunResult, model: str, found: LinearProbe | Baseline) -> float | None:
    """The score of a trial with more folds than the winner on those of the winner; None where it is not known.

    A winner with fewer folds than others was trained, and has the folds that all trials have.
    """
    if found.val_folds < result.metrics.val_folds:
        return None
    rows = (row for row in result.trials if row.role == "trial" and row.label == model and row.value == found.val)
    return next((row.value_on_shared_folds for row in rows), None)


def _cost(found: Metrics | LinearProbe | Baseline) -> str:
    """``14.3 MB, 6.0 ms an image, 3.4 million parameters``; what is not known is left out."""
    parts = []
    if found.megabytes is not None:
        parts.append(f"{found.megabytes:.1f} MB")
    if found.ms_per_image is not None:
        parts.append(f"{found.ms_per_image:.1f} ms an image")
    if found.parameters is not None:
        parts.append(f"{found.parameters / 1e6:.1f} million parameters")
    return ", ".join(parts)
