"""What is said of costs at use: in the plan, where nothing can meet the budget, and of the file that was measured."""

from __future__ import annotations

from collections.abc import Sequence

from tlsearch.models.use_cost import NetworkAtUse, UseCost
from tlsearch.pipeline.at_use.use_budget import Shipped, UseBudget
from tlsearch.report.numbers import cost_at_use, has_and_takes
from tlsearch.types import Candidate

ONNX = "onnxruntime"
"""What the name of the runtime of an ONNX file begins with."""

OWN_FILES = ", which runs Keras' own files where tlsearch[onnx] is not installed or cannot convert a network"


def use_lines(budget: UseBudget | None, candidates: Sequence[Candidate]) -> list[str]:
    """What a plan says: what every network costs, what is left out of the choice, and what is preferred.

    ``candidates`` are the pre-trained networks that take part.
    """
    if budget is None:
        return []
    lines = []
    if budget.networks:
        named = "; ".join(_with_cost(network) for network in budget.networks)
        lines.append(f"at use a model would have {named} (exported float32 files, one thread, by {_runtimes(budget)})")
    if budget.excluded:
        named = ", ".join(_with_cost(network) for network in budget.excluded)
        lines.append(f"left out of the choice by {budget.asked}: {named}; their trials still inform the search")
    if {c.label for c in candidates} <= {n.candidate.label for n in budget.excluded}:
        lines.append("no pre-trained network is within the budget: a network from scratch will be the model to use")
    if budget.prefer is not None:
        what = {"small": "the smallest", "fast": "the fastest", "accurate": "the best"}[budget.prefer]
        lines.append(f"of models within one standard error of the best, {what} one will be used")
    return lines


def impossible(budget: UseBudget) -> str:
    """The sentence where nothing can meet the budget; it names the smallest and the fastest network."""
    smallest = min(budget.networks, key=lambda n: n.cost.megabytes)
    fastest = min(budget.networks, key=lambda n: n.cost.ms_per_image)
    found = f"the smallest is {_with_cost(smallest)}"
    found += ", which is the fastest, too" if fastest is smallest else f", and the fastest {_with_cost(fastest)}"
    return f"No network can meet {budget.asked}: {found}; allow more, or choose a smaller --image-size."


def measured_line(shipped: Shipped, budget: UseBudget) -> str:
    """What the exported file of the model to use costs, and what was passed over for it."""
    if shipped.cost is None:
        return f"the model to use is {shipped.spec.label}, in {shipped.folder}"
    costs = has_and_takes(shipped.cost.megabytes, shipped.cost.ms_per_image)
    said = f"the exported file of {shipped.spec.label} {costs} ({shipped.cost.runtime}, one thread)"
    if budget.asked:
        said += f", within {budget.asked}" if shipped.fits else f", which is more than {budget.asked} allows"
    return said + passed_over(shipped.passed_over)


def passed_over(found: Sequence[tuple[str, UseCost]]) -> str:
    """What broke the budget only when its own file was measured."""
    named = ", ".join(f"{label} ({_cost(cost)})" for label, cost in found)
    return f"; passed over because the measured file is above the budget: {named}" if named else ""


def _with_cost(network: NetworkAtUse) -> str:
    return f"{network.candidate.label} ({_cost(network.cost)})"


def _cost(cost: UseCost) -> str:
    return cost_at_use(cost.megabytes, cost.ms_per_image)


def _runtimes(budget: UseBudget) -> str:
    runtimes = list(dict.fromkeys(n.cost.runtime for n in budget.networks))
    own = any(not runtime.startswith(ONNX) for runtime in runtimes)
    return " and ".join(runtimes) + (OWN_FILES if own else "")
