"""The verdict of a run: the same plain sentences in the terminal, the report, MLflow and ``result.json``.

Which model to use, what pre-training and the search brought (yes, no, or cannot tell), and what to do next.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from tlsearch.report import text as words
from tlsearch.report.at_use import about_choice, exported, may_offer, why_from_scratch
from tlsearch.report.configuration import in_words, network_name
from tlsearch.report.fair import PACE, epochs_of, no_claim, rise_to_come, still_learns
from tlsearch.report.next_steps import next_steps
from tlsearch.report.numbers import ScoreStyle, format_p
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Answer, Baseline, Difference, Gain, Interval, UseChoice, Verdict
from tlsearch.utils.units import counted

WORTH = 0.03
"""A gain that is surely smaller than three points is not worth a model that costs more."""

LIGHTER = 0.7
"""A model of at most this share of another's size is worth naming in its place."""

MOST_STEPS = 3


def verdict_of(result: RunResult) -> Verdict:
    """Say what a run comes to."""
    pretraining, pretraining_evidence = _pretraining(result)
    model, use = _model_to_use(result, pretraining)
    search, search_evidence = _search(result, model)
    return Verdict(
        model=model,
        use=use,
        pretraining=pretraining,
        pretraining_evidence=pretraining_evidence,
        search=search,
        search_evidence=search_evidence,
        next_steps=tuple(next_steps(result, model))[:MOST_STEPS],
    )


def verdict_sentences(result: RunResult) -> list[str]:
    """The verdict, a sentence each, and what limits it."""
    verdict = result.verdict or verdict_of(result)
    limits = _about_scratch(result)
    times = result.metrics.test_opened
    if times is not None and times > 1:
        opened = words.openings(times)
        limits.append(
            f"{opened[0].upper()}{opened[1:]}: each time something is chosen after such a look, the scores become too "
            "good to be those of new images."
        )
    evidence = [verdict.pretraining_evidence, verdict.search_evidence]
    return [verdict.use, *evidence, *about_choice(result), *limits, *verdict.next_steps]


def answers(result: RunResult) -> dict[str, str]:
    """Give the answers by name, as the tags of the parent run have them; what was not asked is left out."""
    verdict = result.verdict or verdict_of(result)
    found = {"model_to_use": verdict.model, "pretraining_helped": verdict.pretraining, "search_paid": verdict.search}
    if result.choice is not None and result.choice.asked:
        found["within_budget"] = "yes" if result.choice.within else "no"
    return {name: answer for name, answer in found.items() if answer is not None}


# Which model


def _model_to_use(result: RunResult, pretraining: Answer | None) -> tuple[str, str]:
    """The folder of a model, and the sentence that names it."""
    metrics, scratch, style = result.metrics, result.baseline, ScoreStyle.of(result.metrics)
    images = f"{result.dataset.total('test'):,} test images"
    choice, alone = result.choice, result.scratch_to_use
    if choice is not None and alone is not None:
        return choice.model, _use_of_scratch(result, choice, alone)
    if pretraining == "no" and scratch is not None and _is_offered(scratch, result):
        cost = f"{scratch.megabytes:.1f} MB instead of {metrics.megabytes:.1f}"
        if scratch.ms_per_image is not None and metrics.ms_per_image is not None:
            cost += f" and {scratch.ms_per_image:.1f} ms an image instead of {metrics.ms_per_image:.1f}"
        return "baseline", (
            f"Use the model in {_path(result, 'baseline')}: {scratch.architecture}, trained from scratch, scores "
            f"{_scored(style, scratch.test, scratch.test_ci95)} on {images}, with {cost} for the best model that "
            f"reuses a network ({style.value(metrics.test)}). {_command(result, 'baseline')}"
        )
    model = result.model_of_winner
    return model, (
        f"Use the model in {_path(result, model)}: {in_words(result.winner.spec, result.plan)}. "
        f"Its {words.metric_name(metrics.name)} on {images} is {_scored(style, metrics.test, metrics.test_ci95)}."
        f"{exported(choice)} {_command(result, model)}"
    )


def _use_of_scratch(result: RunResult, choice: UseChoice, scratch: Baseline) -> str:
    """The sentences for a network from scratch that was chosen before the test."""
    metrics, style = result.metrics, ScoreStyle.of(result.metrics)
    above = "" if choice.reused_within else ", for comparison"
    return (
        f"Use the model in {_path(result, choice.model)}: {scratch.architecture}, trained from scratch, scores "
        f"{_scored(style, scratch.test, scratch.test_ci95)} on {result.dataset.total('test'):,} test "
        f"images.{exported(choice)} {why_from_scratch(choice)}. The best one that reuses a network scores "
        f"{style.value(metrics.test)} (in {_path(result, result.model_of_winner)}{above}). "
        f"{_command(result, choice.model)}"
    )


def _is_offered(scratch: Baseline, result: RunResult) -> bool:
    """Whether the network from scratch is better, or as good and clearly smaller; and is one that may be used."""
    gain, mine = result.gain, result.metrics.megabytes
    if scratch.megabytes is None or mine is None:
        return False
    is_better = gain is not None and gain.ci95 is not None and _is_worse(gain.ci95, gain.p_value)
    return (is_better or scratch.megabytes <= LIGHTER * mine) and may_offer(result, scratch, is_better=is_better)


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
    figures = ScoreStyle.of(result.metrics).gain(gain.test, gain.ci95)
    reuse, name, evidence = (
        _reused(result),
        _from_scratch(result, scratch),
        f"{figures}{_evidence(gain, 'the pre-trained one')}",
    )
    if reason := no_claim(result):
        return "cannot tell", (
            "Whether pre-training helped cannot be told: there is no fair comparison with "
            f"{name}, because {reason}.{_same_network(result)}"
        )
    answer = _answer(gain.ci95, gain.p_value, result)
    if answer == "yes":
        said = f"Pre-training helped: {reuse} beats {name} by {evidence}."
    elif answer == "cannot tell":
        said = f"Whether pre-training helped cannot be told: no gain over {name} is shown: {evidence}."
    elif _is_worse(gain.ci95, gain.p_value):
        said = f"Pre-training did harm here: {name} beats {reuse}: {evidence}."
    else:
        said = f"Pre-training brings nothing here: {name} is as good: {evidence}."
    return answer, said + _same_network(result)


def _reused(result: RunResult) -> str:
    """The pre-trained network of the winner: ``the pre-trained EfficientNet-Lite0``."""
    return f"the pre-trained {network_name(result.winner.spec.backbone, result.plan)}"


def _from_scratch(result: RunResult, scratch: Baseline) -> str:
    """The network that is compared, and whether it is the same one."""
    if scratch.architecture == result.winner.spec.backbone:
        return "the same network trained from scratch"
    return f"{network_name(scratch.architecture, result.plan)} (another network) trained from scratch"


def _same_network(result: RunResult) -> str:
    """What the winner's own network scores from scratch, where the comparison is with another one."""
    own, scratch = result.winner.spec.backbone, result.baseline
    if scratch is None or scratch.architecture == own:
        return ""
    name = network_name(own, result.plan)
    found = next((network for network in result.from_scratch if network.architecture == own), None)
    if found is None:
        return f" {name} itself was not trained from scratch."
    style = ScoreStyle.of(result.metrics)
    return f" {name} itself, trained from scratch, scores {_scored(style, found.test, found.test_ci95)}."


def _search(result: RunResult, model: str) -> tuple[Answer | None, str]:
    probe = result.linear_probe
    over = result.gain.over_linear_probe if result.gain is not None else None
    if probe is None:
        return None, "There was no plain linear probe to compare the search with."
    ships = model == result.model_of_winner
    if over is None:
        return "no", (
            "The search found nothing better than a plain linear probe, a linear classifier on the frozen network, and "
            f"so that is the {'model' if ships else 'best model that reuses a network'}."
        )
    figures = ScoreStyle.of(result.metrics).gain(over.difference, over.ci95)
    evidence = _evidence(over, "the winner" if ships else "the best of them")
    answer = _answer(over.ci95, over.p_value, result)
    if answer == "yes" and not ships:
        return (
            answer,
            f"Among models that reuse a network, searching paid: over the plain linear probe {figures}{evidence}.",
        )
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


def _evidence(over: Gain | Difference, mine: str) -> str:
    """P-value and counts; ``mine`` is what the model that reuses a network is called."""
    counts = ""
    if over.discordant is not None:
        ours, theirs = over.discordant
        counts = f"; {counted(ours, 'image')} only {mine} has right, {theirs:,} only the other"
    return f", {format_p(over.p_value)}{counts}"


def _about_scratch(result: RunResult) -> list[str]:
    """How far the network from scratch was trained, and what could not be."""
    sentences, scratch = [], result.baseline
    if scratch is None:
        return []
    if not no_claim(result):
        sentences += _unfinished(scratch, result)
    if scratch.not_affordable:
        sentences.append(f"Not affordable from scratch here: {', '.join(scratch.not_affordable)}.")
    return sentences


def _unfinished(scratch: Baseline, result: RunResult) -> list[str]:
    """What the training that it did not get may have brought."""
    if (rise := rise_to_come(scratch)) is not None:
        more = ScoreStyle.of(result.metrics).amount(rise.gain)
        said, within = (" and still learns", " in as many more") if still_learns(scratch) else ("", "")
        shown = result.gain is not None and result.gain.ci95 is not None and result.gain.ci95[0] > 0
        return [
            f"The network from scratch was trained for {epochs_of(scratch)}{said}; {PACE} it would gain about "
            f"{more} more{within}{', and the gain of pre-training outlasts that' if shown else ''}."
        ]
    if scratch.still_improving:
        return [f"The network from scratch was still improving after {epochs_of(scratch)}."]
    return []
