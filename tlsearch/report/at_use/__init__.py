"""Sentences on the choice of the model to use, where a budget or a preference was given."""

from __future__ import annotations

from tlsearch.report.numbers import cost_at_use, has_and_takes
from tlsearch.report.text import PREFERRED
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Baseline, UseChoice

ACCURATE = "accurate"


def may_offer(result: RunResult, scratch: Baseline, *, is_better: bool) -> bool:
    """Whether a network from scratch may be offered after the test, in the place of the model that was chosen.

    It must be within the budget, and where the best score is preferred ``is_better`` must say that it is shown to be
    better.
    """
    choice = result.choice
    if choice is None or result.at_use is None:
        return True
    network = f"{scratch.architecture} from scratch"
    within = next((m.within for m in result.at_use.models if m.network == network and m.role == "from scratch"), None)
    return within is not False and (is_better or choice.prefer != ACCURATE)


def why_from_scratch(choice: UseChoice) -> str:
    """Why a network from scratch was chosen, and not the winner."""
    if not choice.reused_within:
        return f"The best model that reuses a network is above {choice.asked}"
    if choice.prefer is not None:
        return (
            "It was chosen before the test: of what lies within one standard error of the best, "
            f"{PREFERRED[choice.prefer]}"
        )
    return "It was chosen before the test: no other is clearly better, and it costs least at use"


def exported(choice: UseChoice | None) -> str:
    """What the exported file of the model to use costs, with a space before it; empty where that was not asked for."""
    if choice is None or choice.megabytes is None or choice.ms_per_image is None:
        return ""
    said = f" Its exported file {has_and_takes(choice.megabytes, choice.ms_per_image)} on one thread"
    if not choice.asked:
        return f"{said}."
    return f"{said}, within {choice.asked}." if choice.within else f"{said}: that is above {choice.asked}."


def about_choice(result: RunResult) -> list[str]:
    """What was left out of the choice, each group in a sentence."""
    choice, sentences = result.choice, []
    if choice is None:
        return []
    if choice.excluded:
        names = ", ".join(f"{n.name} ({cost_at_use(n.megabytes, n.ms_per_image)})" for n in choice.excluded)
        sentences.append(f"Left out of the choice by {choice.asked}: {names}; their trials informed the search.")
    if choice.passed_over and choice.within:
        names = ", ".join(choice.passed_over)
        sentences.append(f"Passed over, because their own exported files are above {choice.asked}: {names}.")
    if choice.prefer is not None and not choice.compared:
        sentences.append(
            f"No models were compared on resampled folds, so that --prefer {choice.prefer} changed nothing."
        )
    elif _was_not_confirmed(result, choice):
        sentences.append(
            "The network from scratch was not trained on resampled folds, so that it was not in the choice."
        )
    if not choice.within:
        sentences.append(f"No model of this run is within {choice.asked} as an exported file, although estimates were.")
    return sentences


def _was_not_confirmed(result: RunResult, choice: UseChoice) -> bool:
    """Whether a network from scratch could have been chosen, had there been time to confirm it."""
    scratch, at_use = result.baseline, result.at_use
    if scratch is None or scratch.confirmed is not None or at_use is None or choice.model == "baseline":
        return False
    network = f"{scratch.architecture} from scratch"
    return all(model.within is not False for model in at_use.models if model.network == network)
