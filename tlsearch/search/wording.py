"""The lines that a run prints, and what the parent run in MLflow says: the same words for the same numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tlsearch.data.checks import IMBALANCE_LIMIT
from tlsearch.data.split import imbalance
from tlsearch.results.figures import interval, score, signed
from tlsearch.results.result import RunResult
from tlsearch.results.statistics import format_p
from tlsearch.units import format_duration

if TYPE_CHECKING:
    from tlsearch.search.baseline import BaselineResult
    from tlsearch.search.confirm import Confirmation
    from tlsearch.search.plan import Plan
    from tlsearch.search.prove import Proof
    from tlsearch.search.session import Data, Session
    from tlsearch.search.study import Finished


def data_line(data: Data) -> str:
    """Classes, images, what was set aside, and the parts."""
    index, split = data.index, data.split
    copies = len(index.images) - len(set(split.groups))
    notes = []
    if index.skipped:
        notes.append(f"{len(index.skipped)} set aside")
    if copies:
        notes.append(f"{copies} duplicates kept together")
    aside = f" ({', '.join(notes)})" if notes else ""
    return (
        f"{len(index.classes)} classes, {len(index.images):,} images{aside}   "
        f"train {len(split.train):,}  val {len(split.val):,}  test {len(split.test):,}"
    )


def plan_lines(session: Session, plan: Plan) -> list[str]:
    """What takes part and at which size, the steps and the time, and who is left out and why."""
    limit = session.clock.limit
    names = "   ".join(f"{c.label} at {c.image_size} px" for c in plan.space.candidates)
    time = f"at most {format_duration(limit)}" if limit is not None else "no time limit"
    first = sum(f.forward_seconds for f in session.facts.values()) * len(session.data.pool)
    data = session.data
    ratio = imbalance([data.labels[position] for position in data.fold.train])
    why = f", for the largest class has {ratio:.1f} times the images of the smallest" if ratio > IMBALANCE_LIMIT else ""
    lines = [
        names,
        f"choosing by {data.metric.replace('_', ' ')}{why}",
        f"at most {session.config.effective_trials} trials, {time}; first views about {max(1, round(first))} s; "
        f"{plan.space.steps} steps a trained trial; augmentation {', '.join(plan.space.policies)}",
    ]
    for reason, backbones in _by_reason(plan).items():
        lines.append(f"left out: {', '.join(backbones)} - {reason}")
    return lines


def _by_reason(plan: Plan) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for item in plan.left_out:
        grouped.setdefault(item.reason, []).append(item.backbone)
    return grouped


def baseline_line(baseline: BaselineResult) -> str:
    """The network, its validation figure, its time, and what is to be said of it."""
    result = baseline.result
    notes = [f"learning rate {result.spec.lr_suffix:g} of 3", f"{len(result.history)} epochs"]
    if baseline.still_improving:
        notes.append("at equal compute; still improving" if baseline.stopped_by == "time" else "still improving")
    notes += [f"not affordable from scratch here: {reason}" for reason in baseline.not_affordable]
    return f"{baseline.candidate.label}  {score(result.value or 0.0)}  {baseline.seconds:.0f} s   ({'; '.join(notes)})"


def search_line(finished: Sequence[Finished], best: Finished, why: str) -> str:
    """How many trials of which state, the best, and why the search ended."""
    states = Counter(f.state for f in finished)
    counts = ", ".join(f"{n} {state}" for state, n in states.most_common())
    ended = {
        "trials": "all trials done",
        "time": "its time is used up",
        "space": "nothing new was proposed",
        "failures": "three trials in a row failed for one reason",
    }[why]
    found = f"best {score(best.value or 0.0)} (selected, optimistic)  {best.spec.label}"
    return f"{len(finished)} trials ({counts}); {ended}   {found}"


def confirm_line(confirmation: Confirmation) -> str:
    """The winner's figure on resampled folds, or that there was no time for one."""
    winner = confirmation.winner.spec.label
    confirmed = confirmation.confirmed
    if confirmed is None:
        return f"none: one fold would have taken {confirmation.needed:.0f} s   winner {winner}"
    folds = f"{confirmed.folds} resampled fold{'s' if confirmed.folds > 1 else ''}"
    error = f" (sampling +- {score(confirmed.sampling_error)})" if confirmed.sampling_error is not None else ""
    return f"{score(confirmed.mean)} on {folds}{error}   winner {winner}"


def tested_line(proof: Proof, session: Session) -> str:
    """The test figures with their intervals."""
    claims = proof.claims
    name = "" if session.data.metric == "accuracy" else f"{session.data.metric.replace('_', ' ')} "
    text = f"{name}{score(claims.winner.value)} {interval(claims.winner.ci95)}"
    text += f"   linear probe {score(claims.linear_probe.value)}"
    gain = claims.gain
    if claims.baseline is not None and gain.test is not None and gain.ci95 is not None:
        p = gain.mcnemar_midp if gain.mcnemar_midp is not None else gain.permutation_p
        text += (
            f"   from scratch {score(claims.baseline.value)} {interval(claims.baseline.ci95)}   "
            f"gain {signed(gain.test)} {interval(gain.ci95, sign=True)}"
        )
        text += f"   {format_p(p)}" if p is not None else ""
    if name:
        text += f"   accuracy {score(proof.accuracy.value)} {interval(proof.accuracy.ci95)}"
    return f"{text}   (opened once in this run)"


def nothing_found(finished: Sequence[Finished], output: Path) -> str:
    """One sentence for a search without a single complete trial."""
    reasons = Counter(f.reason for f in finished if f.reason).most_common(1)
    why = f" (most often: {reasons[0][0]})" if reasons else ""
    return f"No trial was completed{why}; allow more with --time-limit or --trials, or see {output / 'worker.log'}."


def parent_params(session: Session, plan: Plan) -> dict[str, object]:
    """Params of the parent run: what was asked for and what was planned."""
    config = session.config
    return {
        "dataset": config.dataset,
        "candidates": ", ".join(c.label for c in plan.space.candidates),
        "metric": session.data.metric,
        "trials": config.effective_trials,
        "time_limit": session.clock.limit if session.clock.limit is not None else "none",
        "steps": plan.space.steps,
        "batch_size": config.batch_size,
        "seed": config.seed,
    }


def parent_tags(session: Session) -> dict[str, str]:
    """Tags of the parent run."""
    return {
        "role": "search",
        "seed": str(session.config.seed),
        "dataset_fingerprint": session.data.index.fingerprint,
        "output": str(session.output),
    }


def parent_metrics(result: RunResult) -> dict[str, float]:
    """Final metrics of the parent run."""
    metrics = {"val_selected": result.metrics.val, "test": result.metrics.test}
    if result.metrics.confirmed is not None:
        metrics["confirmed"] = result.metrics.confirmed.mean
    if result.linear_probe is not None:
        metrics["linear_probe_test"] = result.linear_probe.test
    if result.baseline is not None:
        metrics["baseline_val"] = result.baseline.val
        metrics["baseline_test"] = result.baseline.test
    if result.gain is not None and result.gain.test is not None:
        metrics["gain_over_baseline"] = result.gain.test
    return metrics
