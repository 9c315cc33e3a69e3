"""The verdict of a run: the same plain sentences in the terminal, the report, MLflow and ``result.json``.

Which model to use, what pre-training and the search brought (yes, no, or cannot tell), and what to do next.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from tlsearch.report import text as words
from tlsearch.report.configuration import in_words
from tlsearch.report.numbers import ScoreStyle, format_p, percent
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Answer, Baseline, Difference, Gain, Interval, Verdict
from tlsearch.utils.units import counted, format_duration

WORTH = 0.03
"""A gain that is surely smaller than three points is not worth a model that costs more."""

LIGHTER = 0.7
"""A model of at most this share of another's size is worth naming in its place."""

FEW_TUNED = 5
"""Trials that tuned layers below which more time is the first thing to try."""

FEW_ERRORS = 8
"""Errors on test below which they say nothing of the classes that they are in."""

MOST_STEPS = 3


def verdict_of(result: RunResult) -> Verdict:
    """Say what a run comes to."""
    pretraining, pretraining_evidence = _pretraining(result)
    search, search_evidence = _search(result)
    model, use = _model_to_use(result, pretraining)
    return Verdict(
        model=model,
        use=use,
        pretraining=pretraining,
        pretraining_evidence=pretraining_evidence,
        search=search,
        search_evidence=search_evidence,
        next_steps=tuple(_next_steps(result))[:MOST_STEPS],
    )


def verdict_sentences(result: RunResult) -> list[str]:
    """The verdict, a sentence each, and what limits it."""
    verdict = result.verdict or verdict_of(result)
    limits = _about_scratch(result.baseline) if result.baseline is not None else []
    times = result.metrics.test_opened
    if times is not None and times > 1:
        limits.append(
            f"This test set has now been opened {times} times: each time something is chosen after a look at it, its "
            "figures become too good to be those of new images."
        )
    return [verdict.use, verdict.pretraining_evidence, verdict.search_evidence, *limits, *verdict.next_steps]


def answers(result: RunResult) -> dict[str, str]:
    """Give the answers by name, as the tags of the parent run have them; what was not asked is left out."""
    verdict = result.verdict or verdict_of(result)
    found = {"model_to_use": verdict.model, "pretraining_helped": verdict.pretraining, "search_paid": verdict.search}
    return {name: answer for name, answer in found.items() if answer is not None}


# Which model


def _model_to_use(result: RunResult, pretraining: Answer | None) -> tuple[str, str]:
    """The folder of a model, and the sentence that names it."""
    metrics, scratch, style = result.metrics, result.baseline, ScoreStyle.of(result.metrics)
    images = f"{result.dataset.total('test'):,} test images"
    if pretraining == "no" and scratch is not None and _is_cheaper(scratch, result):
        cost = f"{scratch.megabytes:.1f} MB instead of {metrics.megabytes:.1f}"
        if scratch.ms_per_image is not None and metrics.ms_per_image is not None:
            cost += f" and {scratch.ms_per_image:.1f} ms an image instead of {metrics.ms_per_image:.1f}"
        return "baseline", (
            f"Use the model in {_path(result, 'baseline')}: {scratch.architecture}, trained from scratch, scores "
            f"{_scored(style, scratch.test, scratch.test_ci95)} on {images}, with {cost} for the best model that "
            f"reuses a network ({style.value(metrics.test)}). {_command(result, 'baseline')}"
        )
    model = result.output.model or "model"
    return model, (
        f"Use the model in {_path(result, model)}: {in_words(result.winner.spec, result.plan)}. "
        f"Its {words.metric_name(metrics.name)} on {images} is {_scored(style, metrics.test, metrics.test_ci95)}. "
        f"{_command(result, model)}"
    )


def _is_cheaper(scratch: Baseline, result: RunResult) -> bool:
    """Whether the network from scratch is better, or as good and clearly smaller."""
    gain, mine = result.gain, result.metrics.megabytes
    if scratch.megabytes is None or mine is None:
        return False
    if gain is not None and gain.ci95 is not None and _is_worse(gain.ci95, gain.p_value):
        return True
    return scratch.megabytes <= LIGHTER * mine


def _scored(style: ScoreStyle, value: float, ci95: Interval) -> str:
    return f"{style.value(value)} (95 % interval {style.interval(ci95)})"


def _path(result: RunResult, model: str) -> str:
    return str(Path(result.output.folder) / model)


def _command(result: RunResult, model: str) -> str:
    return f"To use it: tlsearch predict {shlex.quote(_path(result, model))} new-photo.jpg"


# What pre-training and the search brought


def _pretraining(result: RunResult) -> tuple[Answer | None, str]:
    gain, scratch = result.gain, result.baseline
    if scratch is None or gain is None or gain.test is None or gain.ci95 is None:
        return None, "No baseline was trained from scratch, so what pre-training brought is not known."
    name, figures = scratch.architecture, ScoreStyle.of(result.metrics).gain(gain.test, gain.ci95)
    evidence = f"{figures}{_evidence(gain)}"
    if reason := no_claim(result):
        return "cannot tell", (
            "Whether pre-training helped cannot be told: there was no time for a fair comparison with "
            f"{name} trained from scratch, because {reason}."
        )
    answer = _answer(gain.ci95, gain.p_value, result)
    if answer == "yes":
        return answer, f"Pre-training helped: reuse beats {name} trained from scratch by {evidence}."
    if answer == "cannot tell":
        return answer, (
            f"Whether pre-training helped cannot be told: no gain over {name} trained from scratch is shown: "
            f"{evidence}."
        )
    if _is_worse(gain.ci95, gain.p_value):
        return answer, f"Pre-training did harm here: {name} trained from scratch beats reuse: {evidence}."
    return answer, f"Pre-training brings nothing here: {name} trained from scratch is as good: {evidence}."


def no_claim(result: RunResult) -> str:
    """Say why a comparison with the network from scratch claims nothing; empty where it does, or there is none."""
    scratch, guessing = result.baseline, result.metrics.majority
    if scratch is None:
        return ""
    if not scratch.no_claim and guessing is not None and words.guesses(scratch.test, guessing, result.metrics.sign):
        return (
            "on test it is no better than always guessing the most frequent class "
            f"({ScoreStyle.of(result.metrics).value(guessing)})"
        )
    return scratch.no_claim


def _search(result: RunResult) -> tuple[Answer | None, str]:
    probe = result.linear_probe
    over = result.gain.over_linear_probe if result.gain is not None else None
    if probe is None:
        return None, "There was no linear probe to compare the search with."
    if over is None:
        return "no", (
            "The search found nothing better than a linear probe, a linear classifier on the frozen network, and so "
            "that is the model."
        )
    figures, evidence = ScoreStyle.of(result.metrics).gain(over.difference, over.ci95), _evidence(over)
    answer = _answer(over.ci95, over.p_value, result)
    if answer == "yes":
        return answer, f"Searching paid: over the plain linear probe {figures}{evidence}."
    if answer == "cannot tell":
        return answer, (
            "Whether the search paid cannot be told: over the plain linear probe no gain is shown: "
            f"{figures}{evidence}."
        )
    if _is_worse(over.ci95, over.p_value):
        return answer, f"The plain linear probe is better than what the search chose: {figures}{evidence}."
    return answer, f"The search brought nothing: the plain linear probe is as good: {figures}{evidence}."


def _answer(ci95: Interval, p_value: float | None, result: RunResult) -> Answer:
    """Yes where a gain is shown, no where there is surely none that is worth anything.

    Where too few images differ there is no p-value, and an interval that excludes 0 all the same is no evidence.
    """
    if ci95[0] > 0 and _is_significant(p_value):
        return "yes"
    if _is_worse(ci95, p_value) or (result.metrics.counts is not None and ci95[1] < WORTH):
        return "no"
    return "cannot tell"


def _is_worse(ci95: Interval, p_value: float | None) -> bool:
    """Whether a loss is shown."""
    return ci95[1] < 0 and _is_significant(p_value)


def _is_significant(p_value: float | None) -> bool:
    return p_value is not None and p_value < words.SIGNIFICANT


def _evidence(over: Gain | Difference) -> str:
    counts = ""
    if over.discordant is not None:
        ours, theirs = over.discordant
        counts = f"; {counted(ours, 'image')} only the winner has right, {theirs:,} only the other"
    return f", {format_p(over.p_value)}{counts}"


def _about_scratch(baseline: Baseline) -> list[str]:
    sentences = []
    if baseline.still_improving and not baseline.no_claim:
        equal = "The comparison is at equal compute; the" if baseline.stopped_by == "time" else "The"
        sentences.append(f"{equal} network from scratch was still improving.")
    if baseline.not_affordable:
        sentences.append(f"Not affordable from scratch within the time: {', '.join(baseline.not_affordable)}.")
    return sentences


# What to do next


def _next_steps(result: RunResult) -> Iterator[str]:
    """What would help most, the surest first, each with its evidence."""
    tuned = sum(row.role == "trial" and row.kind == "fine_tuning" and row.state == "complete" for row in result.trials)
    limit = result.plan.time_limit
    if limit is not None and tuned < FEW_TUNED:
        trials = f"only {counted(tuned, 'trial')}" if tuned else "no trial"
        yield (
            f"Next, give it more time: {trials} that tuned layers of a network came to an end within "
            f"{format_duration(limit)} (--time-limit, with another --output)."
        )
    yield from _classes_in_need(result)
    errors = result.insights.label_errors
    if errors is not None and errors.estimated and errors.suspects:
        yield (
            f"Next, look at the {counted(len(errors.suspects), 'label')} that the report shows: models that had not "
            "seen these images are surest of another class there, and some of the labels may be wrong."
        )
    absent = [item.name for item in result.plan.left_out if "download" in item.reason]
    if absent:
        yield f"Next, try another network: {', '.join(absent)} took no part (tlsearch weights fetch {absent[0]})."


def _classes_in_need(result: RunResult) -> Iterator[str]:
    """The two classes with the most errors on test, where these are twice the share of their images or more."""
    if result.confusion is None or len(result.confusion.labels) < 4:
        return
    rows = result.confusion.matrix
    wrong = sorted(((sum(row) - row[place], place) for place, row in enumerate(rows)), reverse=True)
    total = sum(count for count, _ in wrong)
    worst = wrong[:2]
    share = sum(count for count, _ in worst) / total if total else 0.0
    theirs = sum(sum(rows[place]) for _, place in worst) / sum(map(sum, rows))
    if total >= FEW_ERRORS and share >= 2 * theirs:
        names = " and ".join(result.confusion.labels[place] for _, place in worst)
        yield (
            f"Next, add images of {names}: {percent(share, 0)} of the {total} errors on test are theirs, "
            f"and {percent(theirs, 0)} of the images."
        )
