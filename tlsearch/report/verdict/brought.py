"""What pre-training and the search brought: yes, no or cannot tell, each with its evidence."""

from __future__ import annotations

from dataclasses import dataclass

from tlsearch.report.configuration import network_name
from tlsearch.report.numbers import ScoreStyle, format_p
from tlsearch.report.verdict.answer import answer_of, is_worse
from tlsearch.report.verdict.fair import no_claim
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Answer, Baseline, Difference, Gain
from tlsearch.stats.metrics import EVERY_IMAGE
from tlsearch.utils.units import counted

A_PROBE = "a linear classifier on the frozen network"
PROBE = f"the plain linear probe ({A_PROBE})"


@dataclass(frozen=True, kw_only=True)
class Brought:
    """The answer to whether something helped, in a short sentence, and its evidence in others."""

    answer: Answer | None
    said: str
    evidence: str


def by_pretraining(result: RunResult) -> Brought:
    """Whether reuse brought something over training from scratch."""
    gain, scratch = result.gain, result.baseline
    if scratch is None or gain is None or gain.test is None or gain.ci95 is None:
        return Brought(
            answer=None, said="What pre-training brought is not known.", evidence="Nothing was trained from scratch."
        )
    name, own = _from_scratch(result, scratch), _same_network(result)
    if reason := no_claim(result):
        return Brought(
            answer="cannot tell",
            said="Whether pre-training helped cannot be told.",
            evidence=f"There is no fair comparison with {name}, because {reason}.{own}",
        )
    figures = ScoreStyle.of(result.metrics).gain(gain.test, gain.ci95)
    evidence = f"{figures}{_evidence(gain, 'the pre-trained one', result)}.{own}"
    reused = f"the pre-trained {network_name(result.winner.spec.backbone, result.plan)}"
    answer = answer_of(gain.ci95, gain.p_value, fractions=result.metrics.counts is not None)
    if answer == "yes":
        said, evidence = "Pre-training helped.", f"{_begin(reused)} beats {name} by {evidence}"
    elif answer == "cannot tell":
        said, evidence = "Whether pre-training helped cannot be told.", f"No gain over {name} is shown: {evidence}"
    elif is_worse(gain.ci95, gain.p_value):
        said, evidence = (
            "Pre-training did harm here.",
            f"{_begin(name)} beats {reused}: the gain from pre-training is {evidence}",
        )
    else:
        said = "Pre-training brings nothing here."
        evidence = f"{_begin(name)} {_as_good(gain.test, result)}: the gain from pre-training is {evidence}"
    return Brought(answer=answer, said=said, evidence=evidence)


ASIDE = "it improved only models that reuse a network, and the model to use does not"


def by_search(result: RunResult, *, ships: bool) -> Brought:
    """Whether the search brought something over the plain linear probe.

    ``ships`` says whether the winner is the model to use. Else the search has brought nothing to that model,
    whatever it has found among the others.
    """
    probe = result.linear_probe
    over = result.gain.over_linear_probe if result.gain is not None else None
    if probe is None:
        return Brought(
            answer=None,
            said="What the search brought is not known.",
            evidence="There was no plain linear probe to compare it with.",
        )
    if over is None:
        place = "model to use" if ships else "best model that reuses a network"
        return Brought(
            answer="no",
            said="The search found nothing better than a plain linear probe.",
            evidence=f"That is {A_PROBE}, and the {place}.",
        )
    answer = answer_of(over.ci95, over.p_value, fractions=result.metrics.counts is not None)
    mine = "the winner" if ships else "the best of them"
    figures = ScoreStyle.of(result.metrics).gain(over.difference, over.ci95) + _evidence(over, mine, result)
    if answer == "yes":
        answer, said = ("yes", "The search paid.") if ships else ("no", f"The search did not pay: {ASIDE}.")
        evidence = f"Over {PROBE} {mine} gains {figures}."
    elif answer == "cannot tell":
        said = "Whether the search paid cannot be told."
        evidence = f"No gain over {PROBE} is shown: {figures}."
    elif is_worse(over.ci95, over.p_value):
        said = "The search did harm here."
        evidence = f"{_begin(PROBE)} is better than what it chose: {mine} gains {figures}."
    else:
        said, evidence = "The search brought nothing.", f"{_begin(PROBE)} is as good: {mine} gains {figures}."
    return Brought(answer=answer, said=said, evidence=evidence)


def _as_good(gain: float, result: RunResult) -> str:
    """What a network from scratch is where it is as good, as far as test can tell: it may score more by chance."""
    if gain >= 0:
        return "is as good"
    return f"scores {ScoreStyle.of(result.metrics).amount(gain)} more on test, which may be chance"


def _begin(name: str) -> str:
    """A name at the beginning of a sentence: ``The pre-trained VGG16``."""
    return name[0].upper() + name[1:]


def _from_scratch(result: RunResult, scratch: Baseline) -> str:
    """The network that is compared, and whether it is the same one."""
    if scratch.architecture == result.winner.spec.backbone:
        return "the same network trained from scratch"
    return f"another network ({network_name(scratch.architecture, result.plan)}) trained from scratch"


def _same_network(result: RunResult) -> str:
    """What the winner's own network scores from scratch, where the comparison is with another one."""
    own, scratch = result.winner.spec.backbone, result.baseline
    if scratch is None or scratch.architecture == own:
        return ""
    name = network_name(own, result.plan)
    found = next((network for network in result.from_scratch if network.architecture == own), None)
    if found is None:
        reason = why_not_affordable(scratch, own)
        return f" {name} itself was not trained from scratch{': ' if reason else ''}{reason}."
    scored = ScoreStyle.of(result.metrics).scored(found.test, found.test_ci95)
    return f" {name} itself, trained from scratch, scores {scored}."


def why_not_affordable(scratch: Baseline, architecture: str) -> str:
    """Why a network could not be trained from scratch in the time; empty where nothing is known of that."""
    begin = f"{architecture} ("
    found = (text for text in scratch.not_affordable if text.startswith(begin))
    return next((text.removeprefix(begin).removesuffix(")") for text in found), "")


def _evidence(over: Gain | Difference, mine: str, result: RunResult) -> str:
    """P-value and counts; ``mine`` is what the model that reuses a network is called.

    Counts of images say nothing of a difference in another score than accuracy.
    """
    if over.discordant is None or result.metrics.counts != EVERY_IMAGE:
        return f", {format_p(over.p_value)}"
    ours, theirs = over.discordant
    if not ours and not theirs:
        return "; both have the same images right"
    return f", {format_p(over.p_value)}; {counted(ours, 'image')} only {mine} has right, {theirs:,} only the other"
