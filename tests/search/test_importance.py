"""What mattered: the parameters that make the difference come first, and few trials say nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial

from tests.helpers.pipeline.simulation import SPACE, in_turn, nothing, open_search, simulated
from tlsearch.search.importance import FEWEST_TRIALS, parameter_importance

Value = Callable[[dict[str, Any]], float]


def study_of(count: int, value: Value, attributes: dict[str, Any] | None = None) -> optuna.Study:
    """A study with ``count`` complete trials at random places of the search space."""
    generator = np.random.default_rng(0)
    distributions = SPACE.distributions()
    study = optuna.create_study(direction="maximize")
    for _ in range(count):
        params: dict[str, Any] = {}
        for name, known in distributions.items():
            if isinstance(known, optuna.distributions.CategoricalDistribution):
                params[name] = known.choices[int(generator.integers(len(known.choices)))]
            elif name == "strength":
                params[name] = float(generator.choice([0.25, 0.5, 0.75, 1.0]))
            elif name == "units":
                params[name] = int(2 ** generator.uniform(6, 10))
            elif known.log:  # type: ignore[attr-defined]  # a range of numbers
                low, high = math.log(known.low), math.log(known.high)  # type: ignore[attr-defined]
                params[name] = math.exp(generator.uniform(low, high))
            else:
                params[name] = float(generator.uniform(known.low, known.high))  # type: ignore[attr-defined]
        study.add_trial(
            create_trial(
                params=params, distributions=distributions, value=value(params),
                user_attrs={"finished": {}} if attributes is None else attributes,
            )
        )  # fmt: skip
    return study


def test_what_makes_the_difference_comes_first() -> None:
    def value(params: dict[str, Any]) -> float:
        return float(0.2 * params["train_suffix"] + 0.1 * (params["lr_head"] > 1e-3) + 0.001 * params["dropout"])

    found = parameter_importance(study_of(60, value))
    assert (found.method, found.trials) == ("fanova", 60)
    names = [p.name for p in found.parameters]
    assert set(names) == set(SPACE.distributions())
    assert names[:2] == ["train_suffix", "lr_head"]
    shares = {p.name: p.share for p in found.parameters}
    # The variances of the two effects are .01 and .0025; half of all rates on a logarithmic scale lie above 1e-3.
    assert shares["train_suffix"] == pytest.approx(0.8, abs=0.12)
    assert shares["lr_head"] == pytest.approx(0.2, abs=0.1)
    assert sum(shares.values()) <= 1.0 + 1e-9
    assert all(p.stderr is not None and p.stderr < 0.15 for p in found.parameters)
    again = parameter_importance(study_of(60, value))
    assert again == found


def test_few_trials_say_nothing() -> None:
    few = parameter_importance(study_of(FEWEST_TRIALS - 1, lambda params: params["dropout"]))
    assert (few.trials, few.parameters) == (FEWEST_TRIALS - 1, ())
    enough = parameter_importance(study_of(FEWEST_TRIALS, lambda params: params["dropout"]))
    assert enough.parameters


def test_equal_scores_say_nothing() -> None:
    found = parameter_importance(study_of(12, lambda params: 0.5))
    assert (found.trials, found.parameters) == (12, ())


def test_a_configuration_that_was_proposed_again_counts_once() -> None:
    assert parameter_importance(study_of(20, lambda params: params["dropout"], {"same_as": 1})).trials == 0


def test_a_whole_search_has_importances_of_its_complete_trials() -> None:
    search = open_search(None)
    search.run(24, in_turn(simulated), nothing)
    complete = [f for f in search.finished if f.state == "complete"]
    assert len(complete) >= FEWEST_TRIALS
    states = {t.state for t in search.study.get_trials(deepcopy=False)}
    assert TrialState.PRUNED in states | {TrialState.FAIL}
    found = parameter_importance(search.study)
    assert found.trials == len(complete)
    assert all(0 <= p.share <= 1 for p in found.parameters)
