"""The sampler that weighs promise against cost, and what it leans on inside Optuna."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.samplers import TPESampler

from tlsearch.search.sampler import COST_WEIGHT, CostAwareTPESampler, CostOf

SPACE = {"kind": CategoricalDistribution(["cheap", "dear"]), "x": FloatDistribution(0.0, 1.0)}


def study_of(trials: int = 20) -> optuna.Study:
    """A study in which both kinds are equally good and x is best at .5."""
    study = optuna.create_study(direction="maximize")
    for number in range(trials):
        x = number / trials
        for kind in ("cheap", "dear"):
            study.add_trial(
                optuna.trial.create_trial(params={"kind": kind, "x": x}, distributions=SPACE, value=-abs(x - 0.5))
            )
    return study


def asked(cost_of: CostOf, seeds: range = range(40)) -> list[dict[str, Any]]:
    """What samplers that differ in their seed propose for the same study."""
    found = []
    for seed in seeds:
        study = study_of()
        study.sampler = CostAwareTPESampler(cost_of, seed, SPACE)
        found.append(study.ask(SPACE).params)
    return found


def by_kind(cheap: float, dear: float) -> CostOf:
    return lambda params: cheap if params["kind"] == "cheap" else dear


def kinds(proposals: list[dict[str, Any]]) -> set[str]:
    return {p["kind"] for p in proposals}


def test_of_equal_promise_the_cheaper_is_taken() -> None:
    assert kinds(asked(by_kind(1e9, 1e9))) == {"cheap", "dear"}
    assert kinds(asked(by_kind(1e9, 1e12))) == {"cheap"}
    assert kinds(asked(by_kind(1e12, 1e9))) == {"dear"}


def test_promise_still_counts() -> None:
    proposals = asked(by_kind(1e9, 1.01e9))
    assert kinds(proposals) == {"cheap", "dear"}
    assert np.median([abs(p["x"] - 0.5) for p in proposals]) < 0.2  # a random x would be .25 away


def test_what_may_not_be_tried_is_never_taken_where_there_is_anything_else() -> None:
    assert kinds(asked(by_kind(math.inf, 1e12))) == {"dear"}
    assert kinds(asked(by_kind(1e12, math.inf))) == {"cheap"}


def test_where_nothing_may_be_tried_something_is_proposed_all_the_same() -> None:
    assert kinds(asked(by_kind(math.inf, math.inf))) == {"cheap", "dear"}


def test_a_seed_gives_one_proposal() -> None:
    cost = by_kind(1e9, 2e9)
    assert asked(cost, range(5)) == asked(cost, range(5))
    assert len({p["x"] for p in asked(cost, range(5))}) == 5


def test_cost_is_asked_for_parameters_as_a_trial_has_them() -> None:
    seen: list[dict[str, Any]] = []

    def cost_of(params: dict[str, Any]) -> float:
        seen.append(params)
        return 1.0

    asked(cost_of, range(1))
    assert len(seen) == 32
    assert all(set(p) == {"kind", "x"} and p["kind"] in ("cheap", "dear") and 0 <= p["x"] <= 1 for p in seen)


def test_the_weight_of_cost_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    promise = np.array([0.0, 1.0, -1.0])
    monkeypatch.setattr(TPESampler, "_compute_acquisition_func", lambda *_: promise)
    costs = iter([1e9, 1e9 * math.e**4, math.inf])
    sampler = CostAwareTPESampler(lambda _: next(costs), 0, SPACE)
    sampler._space = dict(SPACE)
    samples = {"kind": np.zeros(3), "x": np.zeros(3)}
    weighed = sampler._compute_acquisition_func(samples, None, None)
    assert weighed[1] - weighed[0] == pytest.approx(1.0 - COST_WEIGHT * 4)
    assert weighed[2] == -math.inf


def test_the_space_is_the_one_that_optuna_would_find() -> None:
    space = {"one": CategoricalDistribution(["only"]), **SPACE}
    study = optuna.create_study(direction="maximize")
    for x in (0.1, 0.2, 0.3):
        params = {"one": "only", "kind": "dear", "x": x}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=space, value=x))
    trial = study.ask()
    ours = CostAwareTPESampler(by_kind(1.0, 1.0), 0, space).infer_relative_search_space(study, study.trials[-1])
    theirs = TPESampler(multivariate=True).infer_relative_search_space(study, study.trials[-1])
    assert list(ours.items()) == list(theirs.items())
    assert trial.number == 3


def test_optuna_still_has_what_is_overridden() -> None:
    """A new Optuna may rename a private method; the sampler would then ignore costs without a word."""
    assert list(inspect.signature(TPESampler.sample_relative).parameters) == ["self", "study", "trial", "search_space"]
    assert list(inspect.signature(TPESampler._compute_acquisition_func).parameters) == [
        "self", "samples", "mpe_below", "mpe_above",
    ]  # fmt: skip


def test_optuna_still_calls_what_is_overridden(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("sample_relative", "_compute_acquisition_func"):
        real = getattr(CostAwareTPESampler, name)

        def spied(self: Any, *args: Any, _real: Any = real, _name: str = name) -> Any:
            calls.append(_name)
            return _real(self, *args)

        monkeypatch.setattr(CostAwareTPESampler, name, spied)
    asked(by_kind(1.0, 1.0), range(1))
    assert calls == ["sample_relative", "_compute_acquisition_func"]  # once for all parameters together
