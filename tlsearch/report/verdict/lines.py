"""The verdict as it is shown: short answers, the evidence for each below it, and what to do next in order.

Terminal, report and MLflow show the same texts, each in its own form.
"""

from __future__ import annotations

from dataclasses import dataclass

from tlsearch.report import text as words
from tlsearch.report.at_use import about_choice
from tlsearch.report.numbers import ScoreStyle
from tlsearch.report.verdict import verdict_of
from tlsearch.report.verdict.brought import why_not_affordable
from tlsearch.report.verdict.fair import PACE, epochs_of, no_claim, rise_to_come, still_learns
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Baseline, NextStep, Verdict


@dataclass(frozen=True, kw_only=True)
class Said:
    """An answer in a sentence, and the sentences of its evidence; ``command`` is to be copied, None where none is."""

    said: str
    evidence: tuple[str, ...] = ()
    command: str | None = None


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The whole verdict: its answers, and what to do next, the surest first."""

    answers: tuple[Said, ...]
    next_steps: tuple[NextStep, ...]


def shown_verdict(result: RunResult) -> Shown:
    """Give the verdict with what limits it."""
    verdict = result.verdict or verdict_of(result)
    found = [
        Said(said=verdict.use, evidence=_filled(verdict.use_evidence, *about_choice(result)), command=verdict.command),
        Said(
            said=verdict.pretraining_said,
            evidence=_filled(verdict.pretraining_evidence, *_about_scratch(result, verdict)),
        ),
        Said(said=verdict.search_said, evidence=_filled(verdict.search_evidence)),
    ]
    times = result.metrics.test_opened
    if times is not None and times > 1:
        opened = words.openings(times)
        found.append(
            Said(
                said=f"{opened[0].upper()}{opened[1:]}.",
                evidence=(
                    "Where the run with the better test score is kept, expect a little less than that on new images.",
                ),
            )
        )
    return Shown(answers=tuple(each for each in found if each.said), next_steps=verdict.next_steps)


def _filled(*texts: str) -> tuple[str, ...]:
    return tuple(text for text in texts if text)


def _about_scratch(result: RunResult, verdict: Verdict) -> list[str]:
    """How far the network from scratch was trained, where that can matter for the answer, and what could not be."""
    sentences, scratch = [], result.baseline
    if scratch is None:
        return []
    if verdict.pretraining != "no" and not no_claim(result):
        sentences += _unfinished(scratch, result)
    own = result.winner.spec.backbone
    reason = why_not_affordable(scratch, own)
    # The evidence of pre-training says it of the winner's own network, but not in results of older versions.
    is_said = bool(reason) and reason in verdict.pretraining_evidence
    others = [text for text in scratch.not_affordable if not is_said or not text.startswith(f"{own} (")]
    if others:
        sentences.append(f"Not affordable from scratch here: {', '.join(others)}.")
    return sentences


def _unfinished(scratch: Baseline, result: RunResult) -> list[str]:
    """What the training that it did not get may have brought."""
    if (rise := rise_to_come(scratch)) is not None:
        more = ScoreStyle.of(result.metrics).amount(rise.gain)
        learning, longer = (" and still learns", "for as long again") if still_learns(scratch) else ("", "to its end")
        shown = result.gain is not None and result.gain.ci95 is not None and result.gain.ci95[0] > 0
        return [
            f"The network from scratch was trained for {epochs_of(scratch)}{learning}. Trained {longer}, {PACE} it "
            f"would gain about {more} more{'; pre-training would still lead' if shown else ''}."
        ]
    if scratch.still_improving:
        return [f"The network from scratch was still improving after {epochs_of(scratch)}."]
    return []
