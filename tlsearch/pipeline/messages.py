"""The lines that a run prints, and what the parent run in MLflow says: the same words for the same numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tlsearch.config import RunConfig
from tlsearch.config_values import Preference
from tlsearch.data.checks import IMBALANCE_LIMIT
from tlsearch.data.split import imbalance
from tlsearch.data.totals import totals
from tlsearch.listeners.mlflow import RecordedRun
from tlsearch.pipeline.at_use.words import use_lines
from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.report import resizing
from tlsearch.report import text as words
from tlsearch.report.configuration import in_words
from tlsearch.report.numbers import ScoreStyle, format_interval, format_score
from tlsearch.report.verdict import fair
from tlsearch.report.verdict.next_steps import ENDED
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Baseline, Metrics, Resizing
from tlsearch.stats.metrics import EVERY_IMAGE
from tlsearch.stats.scoring import interval_method
from tlsearch.tracking.register import Figures
from tlsearch.types import SearchEnd
from tlsearch.utils.addresses import shown_source, source_name
from tlsearch.utils.units import counted, format_duration, format_latency, format_size

if TYPE_CHECKING:
    from tlsearch.pipeline.baseline import BaselineResult
    from tlsearch.pipeline.confirm import Confirmation
    from tlsearch.pipeline.context import Data, RunContext
    from tlsearch.pipeline.evaluate import Evaluation
    from tlsearch.pipeline.plan import Plan
    from tlsearch.search.trial_record import TrialRecord
    from tlsearch.stats.claims import Estimate


FROM_SCRATCH = " from scratch"
"""What the label of a network from scratch ends in."""


def data_line(data: Data) -> str:
    """Classes, images, what of them is set aside or kept together, files that are not used, and the parts."""
    split = data.split
    folds = f" (compared on {len(data.folds)} folds of them)" if data.uses_folds else f"  val {len(split.val):,}"
    parts = f"train {len(split.train):,}{folds}  test {len(split.test):,}"
    return f"{totals(data.index, split.groups)}   {parts}"


def plan_lines(plan: Plan, trials: int, limit: float | None, *, metric_asked: bool = False) -> list[str]:
    """What takes part and at which size, the steps and the time, and who is left out and why.

    Why a metric was chosen is said where nobody asked for it (``metric_asked``).
    """
    names = "   ".join(f"{c.label} at {c.image_size} px" for c in plan.space.candidates)
    time = f"at most {format_duration(limit)}" if limit is not None else "no time limit"
    data = plan.data
    first = sum(f.forward_seconds for f in plan.measured.values()) * len(data.pool)
    ratio = imbalance([data.labels[position] for position in data.training])
    chosen = ratio > IMBALANCE_LIMIT and not metric_asked
    why = f", for the largest class has {ratio:.1f} times the images of the smallest" if chosen else ""
    lower = ", the lower the better" if data.metric.sign < 0 else ""
    lines = [
        names,
        f"choosing by {words.metric_name(data.metric.name)}{lower}{why}",
        f"at most {counted(trials, 'trial')}, {time}; first views about {max(1, round(first))} s; "
        f"{plan.space.steps} steps a trained trial; augmentation {', '.join(plan.space.policies)}",
    ]
    if data.resizing is not None and data.resizing.is_open:
        lines.append(f"{resizing.shape(data.resizing.aspect)}: to squash, to pad and to crop them is compared")
    for reason, backbones in words.by_reason(plan.left_out).items():
        lines.append(f"left out: {', '.join(backbones)} - {reason}")
    return [*lines, *use_lines(plan.use, plan.space.candidates)]


def baseline_line(baseline: BaselineResult) -> str:
    """The network, its validation figure, its time, and what is to be said of it."""
    result = baseline.result
    notes = [f"learning rate {result.spec.lr_suffix:g} of {baseline.learning_rates}", fair.epochs_of(baseline)]
    if baseline.still_improving or fair.still_learns(baseline):
        notes.append("still improving")
    notes += [f"not affordable from scratch here: {reason}" for reason in baseline.not_affordable]
    if baseline.no_claim:
        notes.append(f"no fair comparison: {baseline.no_claim}")
    return f"{baseline.candidate.label}  {format_score(result.score)}  {baseline.seconds:.0f} s   ({'; '.join(notes)})"


def search_line(
    finished: Sequence[TrialRecord],
    best: TrialRecord,
    why: SearchEnd,
    val_folds: int = 1,
    folds: int = 1,
    enough: str = "",
) -> str:
    """How many trials of which state, the best, and why the search ended, for which ``enough`` has the figures.

    The best was compared on ``val_folds`` of ``folds`` folds.
    """
    counts = words.states(f.state for f in finished)
    found = f"best {format_score(best.score)}, {words.selected(val_folds, folds)}  {best.spec.label}"
    return f"{counted(len(finished), 'trial')} ({counts}); {enough or ENDED[why]}   {found}"


def enough_trials(gain: float, images: int) -> str:
    """Why a search has ended early: by ``gain`` more trials would be better, which ``images`` images cannot show."""
    return f"more trials could gain about {100 * gain:.1f} points, less than {images:,} validation images can show"


def confirm_line(confirmation: Confirmation, prefer: Preference | None = None) -> str:
    """The best figure corrected for its selection, and the winner's on resampled folds where there was time.

    Where a network from scratch is to be used in the place of the winner, it is named; ``prefer`` says what was asked.
    """
    winner, found = confirmation.winner.spec, ""
    confirmed = confirmation.confirmed.get(winner)
    if (corrected := confirmation.corrected) is not None:
        figures = f"{format_score(corrected.value)} {format_interval(corrected.ci95)}"
        found = f"{figures} {words.corrected(corrected)}   "
    if confirmed is None:
        because = "; without them nothing can be preferred" if prefer is not None else ""
        return f"{found}no folds: {confirmation.not_compared}{because}   winner {winner.label}"
    spreads = words.spreads(confirmed)
    apart = f" ({spreads})" if spreads else ""
    compared = f"; {confirmation.compared} trials compared"
    if not confirmation.compared:
        compared = f"; nothing is compared, because {confirmation.not_compared}"
    elif confirmation.compared == 1:
        compared = "; time for the best trial only" if confirmation.contenders > 1 else ""
    level = f"   {words.level(len(confirmation.level), prefer)}" if confirmation.level else ""
    found += f"{format_score(confirmed.mean)} {words.confirmed_on(confirmed)}{apart}{compared}"
    first = confirmation.order[0].spec if confirmation.order else winner
    instead = f"   to use: {first.label}" if first != winner else ""
    return f"{found}   winner {winner.label}{level}{instead}"


def tested_line(evaluation: Evaluation, metric: GuardedMetric, baseline: BaselineResult | None) -> str:
    """The test figures with their intervals, both gains, and how often this test set has been opened."""
    claims = evaluation.claims
    name = "" if metric.counts == EVERY_IMAGE else f"{words.metric_name(metric.name)} "
    parts = [
        f"{name}{_estimate(claims.winner)} {words.tested(evaluation.opened)}",
        f"linear probe {_estimate(claims.linear_probe)}",
    ]
    if claims.baseline is not None:
        parts.append(f"from scratch {_estimate(claims.baseline)}")
    if name:
        parts.append(f"accuracy {_estimate(evaluation.accuracy)}")
    parts += words.gain_lines(claims.gain, _no_claim(evaluation, metric, baseline))
    by = "" if metric.counts is not None else f"intervals by {interval_method(metric)}; "
    return "   ".join([*parts, f"({by}{words.openings(evaluation.opened)})"])


def _no_claim(evaluation: Evaluation, metric: GuardedMetric, baseline: BaselineResult | None) -> str:
    """Why no gain over the network from scratch is claimed; empty where one may be."""
    claims = evaluation.claims
    if baseline is None or claims.baseline is None:
        return ""
    test = fair.OnTest(
        score=claims.baseline.value,
        guessing=claims.majority,
        gain=claims.gain,
        sign=metric.sign,
        style=ScoreStyle(metric.counts is not None),
    )
    return fair.reason_against(baseline, test)


def _estimate(found: Estimate) -> str:
    return f"{format_score(found.value)} {format_interval(found.ci95)}"


def nothing_found(finished: Sequence[TrialRecord], output: Path, why: SearchEnd) -> str:
    """One sentence for a search without a single complete trial, or without a linear probe to compare them with."""
    reasons = Counter(f.reason for f in finished if f.reason).most_common(1)
    reason = f" (most often: {reasons[0][0]})" if reasons else ""
    fix = {"time": "allow more with --time-limit, or ", "trials": "allow more with --trials, or "}.get(why, "")
    what = "linear probe, with which all are compared," if any(f.state == "complete" for f in finished) else "trial"
    return f"No {what} was completed{reason}; {fix}see {output / 'worker.log'}."


def parent_params(config: RunConfig, plan: Plan, limit: float | None) -> dict[str, object]:
    """Params of the parent run: what was asked for and what was planned."""
    return {
        "dataset": shown_source(config.source),
        "candidates": ", ".join(c.label for c in plan.space.candidates),
        "metric": plan.data.metric.name,
        "trials": config.effective_trials,
        "time_limit": limit if limit is not None else "none",
        "batch_size": config.batch_size,
        "seed": config.seed,
        **_resize_params(plan.data.resizing),
        **_use_params(config),
    }


def _use_params(config: RunConfig) -> dict[str, object]:
    """What was asked of the model to use, as it was typed; what was not is left out."""
    found: dict[str, object] = {}
    if config.max_latency is not None:
        found["max_latency"] = format_latency(config.max_latency)
    if config.max_size is not None:
        found["max_size"] = format_size(config.max_size)
    return {**found, "prefer": config.prefer} if config.prefer is not None else found


def _resize_params(found: Resizing | None) -> dict[str, object]:
    if found is None:
        return {}
    measured = {"resize_scores": resizing.scores(found)} if found.scores else {}
    return {"resize": found.mode, **measured}


def recorded_run(context: RunContext, plan: Plan) -> RecordedRun:
    """What the record in MLflow says of a run."""
    data, split = plan.data, plan.data.split
    metric = f"val_{data.metric.name}"
    return RecordedRun(
        output=context.output,
        params=parent_params(context.config, plan, context.budget.limit),
        dataset=shown_source(context.config.source),
        dataset_name=source_name(context.config.source) or "images",
        fingerprint=data.index.fingerprint,
        counts={"train": len(split.train), "val": len(split.val), "test": len(split.test)},
        seed=context.config.seed,
        metric=data.metric.name,
        greater_is_better=data.metric.sign > 0,
        ranked_by=[metric] if plan.costs.trained_folds == len(plan.folds) else ["val_on_shared_folds", metric],
        plugins=plan.plugins.versions(),
        cuts={candidate: facts.cuts for candidate, facts in plan.measured.items()},
    )


def model_params(result: RunResult) -> dict[str, str]:
    """What the page of the model says of it."""
    spec, (label, _, figures) = result.winner.spec, _to_use(result)
    size = spec.image_size if result.choice is None else result.choice.image_size
    is_winner = result.scratch_to_use is None
    found = {
        "configuration": label,
        "backbone": spec.backbone if is_winner else label.removesuffix(FROM_SCRATCH),
        "weights": (is_winner and spec.weights) or "none",
        "frozen blocks": f"{spec.freeze_depth} of {spec.depth}" if is_winner else "none",
        "image size": f"{size} x {size}",
        "classes": str(len(result.dataset.classes)),
        "metric": result.metrics.name,
        "seed": str(result.plan.seed),
    }
    return found if figures.parameters is None else {**found, "parameters": str(figures.parameters)}


def version_figures(result: RunResult) -> Figures:
    """What a version in the model registry is compared by."""
    metrics = result.metrics
    return Figures(
        fingerprint=result.dataset.fingerprint,
        metric=metrics.name,
        val=_to_use(result)[2].val,
        greater_is_better=metrics.greater_is_better,
    )


def version_tags(result: RunResult) -> dict[str, str]:
    """What a version in the model registry says beside the figures that it is compared by."""
    label, _, figures = _to_use(result)
    return {
        "configuration": label,
        "test": format_score(figures.test),
        "test_ci95": format_interval(figures.test_ci95),
        "classes": str(len(result.dataset.classes)),
    }


def version_note(result: RunResult) -> str:
    """The description of a version in the model registry."""
    metrics, (_, described, figures) = result.metrics, _to_use(result)
    name = words.metric_name(metrics.name)
    selected = words.selected(figures.val_folds, result.plan.folds)
    by = f" {words.by_method(metrics)}".rstrip()
    return (
        f"{described}: {name} {format_score(figures.val)} {selected}, "
        f"{format_score(figures.test)} {format_interval(figures.test_ci95)}{by} on "
        f"{result.dataset.total('test'):,} test images, {words.tested(metrics.test_opened)}."
    )


def _to_use(result: RunResult) -> tuple[str, str, Metrics | Baseline]:
    """The model to use: its configuration, the same in words, and its figures."""
    if (alone := result.scratch_to_use) is not None:
        label = f"{alone.architecture}{FROM_SCRATCH}"
        return label, label, alone
    return result.winner.label, in_words(result.winner.spec, result.plan), result.metrics
