"""The verdict of a run: the same plain sentences in the terminal, the report, MLflow and ``result.json``.

Which model to use, what pre-training and the search brought (yes, no, or cannot tell), and what to do next. ``brought``
has the two questions, ``fair`` what a network from scratch can carry, ``next_steps`` what to do, and ``lines`` the
verdict as it is shown.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from tlsearch.report import text as words
from tlsearch.report.at_use import exported, may_offer, why_from_scratch
from tlsearch.report.configuration import in_words
from tlsearch.report.numbers import ScoreStyle, percent
from tlsearch.report.verdict.answer import is_worse
from tlsearch.report.verdict.brought import by_pretraining, by_search
from tlsearch.report.verdict.next_steps import next_steps
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Answer, Baseline, Metrics, UseChoice, Verdict
from tlsearch.stats.metrics import EVERY_IMAGE

LIGHTER = 0.7
"""A model of at most this share of another's size is worth naming in its place."""

MOST_STEPS = 3


def verdict_of(result: RunResult) -> Verdict:
    """Say what a run comes to."""
    pretraining = by_pretraining(result)
    model, use, evidence = _model_to_use(result, pretraining.answer)
    search = by_search(result, ships=model == result.model_of_winner)
    return Verdict(
        model=model,
        use=use,
        use_evidence=evidence,
        command=f"tlsearch predict {shlex.quote(_path(result, model))} new-photo.jpg",
        pretraining=pretraining.answer,
        pretraining_said=pretraining.said,
        pretraining_evidence=pretraining.evidence,
        search=search.answer,
        search_said=search.said,
        search_evidence=search.evidence,
        next_steps=tuple(next_steps(result, model))[:MOST_STEPS],
    )


def answers(result: RunResult) -> dict[str, str]:
    """Give the answers by name, as the tags of the parent run have them; what was not asked is left out."""
    verdict = result.verdict or verdict_of(result)
    found = {"model_to_use": verdict.model, "pretraining_helped": verdict.pretraining, "search_paid": verdict.search}
    if result.choice is not None and result.choice.asked:
        found["within_budget"] = "yes" if result.choice.within else "no"
    return {name: answer for name, answer in found.items() if answer is not None}


def _model_to_use(result: RunResult, pretraining: Answer | None) -> tuple[str, str, str]:
    """The folder of a model, the sentence that names it, and what it scores and costs.

    The name is that of its row in the table of models.
    """
    metrics, scratch, style = result.metrics, result.baseline, ScoreStyle.of(result.metrics)
    choice, alone = result.choice, result.scratch_to_use
    if choice is not None and alone is not None:
        return choice.model, _from_scratch(alone), _why_scratch(result, choice, alone)
    if pretraining == "no" and scratch is not None and _is_offered(scratch, result):
        return (
            "baseline",
            _from_scratch(scratch),
            f"{_score(result, scratch)}. It {_cost(scratch)}; the best model that reuses a network {_cost(metrics)}, "
            f"and scores {style.value(metrics.test)}.",
        )
    return (
        result.model_of_winner,
        f"Use the winner: {in_words(result.winner.spec, result.plan)}.",
        f"{_score(result, None)}.{exported(choice)}",
    )


def _cost(model: Metrics | Baseline) -> str:
    """``has 2.9 MB and takes 1.5 ms an image``, as far as it is known."""
    costs = [("has", model.megabytes, "MB"), ("takes", model.ms_per_image, "ms an image")]
    return " and ".join(f"{verb} {cost:.1f} {unit}" for verb, cost, unit in costs if cost is not None)


def _from_scratch(scratch: Baseline) -> str:
    return f"Use the network from scratch: {scratch.architecture}."


def _why_scratch(result: RunResult, choice: UseChoice, scratch: Baseline) -> str:
    """What a network from scratch scores that was chosen before the test, and why it was."""
    above = "" if choice.reused_within else ", for comparison"
    return (
        f"{_score(result, scratch)}.{exported(choice)} {why_from_scratch(choice)}. The best one that reuses a network "
        f"scores {ScoreStyle.of(result.metrics).value(result.metrics.test)} (in "
        f"{_path(result, result.model_of_winner)}{above})."
    )


def _is_offered(scratch: Baseline, result: RunResult) -> bool:
    """Whether the network from scratch is better, or as good and clearly smaller; and is one that may be used."""
    gain, mine = result.gain, result.metrics.megabytes
    if scratch.megabytes is None or mine is None:
        return False
    is_better = gain is not None and gain.ci95 is not None and is_worse(gain.ci95, gain.p_value)
    return (is_better or scratch.megabytes <= LIGHTER * mine) and may_offer(result, scratch, is_better=is_better)


def _score(result: RunResult, scratch: Baseline | None) -> str:
    """What the winner, or a network from scratch, scores on how many test images, without a full stop."""
    metrics, tested = result.metrics, result.metrics if scratch is None else scratch
    plain = ""
    if scratch is None and metrics.test_accuracy is not None and metrics.counts != EVERY_IMAGE:
        plain = f"; of all of them, {percent(metrics.test_accuracy)} are right"
    return (
        f"Its {words.metric_explained(metrics)} on {result.dataset.total('test'):,} test images is "
        f"{ScoreStyle.of(metrics).scored(tested.test, tested.test_ci95)}{plain}"
    )


def _path(result: RunResult, model: str) -> str:
    return str(Path(result.output.folder) / model)
