"""Findings come after the answer: from the pool and the winner's own figures, and never at its cost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tlsearch.errors import TrialError
from tlsearch.pipeline.insights import MOST_SUSPECTS, find
from tlsearch.results.schema.findings import MoreData, SizePoint
from tlsearch.stats.calibration import fit_temperature
from tlsearch.training.insight import Insight

CLASSES = ("cat", "dog", "newt")
POOL = (10, 11, 12, 13, 14)
POOL_LABELS = (0, 1, 2, 0, 1)
MORE = MoreData("accuracy", (SizePoint(0.5, 2, 0.5, 0.1), SizePoint(1.0, 4, 0.6, 0.1)), 1, 5, 0.1, (-0.1, 0.3))


def insight() -> Insight:
    """Position 3, a cat by its label, looks like a dog; position 0 was not examined."""
    said = np.array([[0.1, 0.8, 0.1], [0.1, 0.2, 0.7], [0.2, 0.75, 0.05], [0.3, 0.4, 0.3]])
    return Insight(MORE, np.array([1, 2, 3, 4]), said)


def session_with(answer: Any) -> Any:
    """A context whose worker gives ``answer``, or raises it; ``told`` collects warnings and calls."""
    told: list[Any] = []

    def call(name: str, on_event: Any, **arguments: Any) -> Any:
        told.append((name, arguments))
        if isinstance(answer, Exception):
            raise answer
        return answer

    images = {row: SimpleNamespace(path=f"pictures/{row}.png") for row in POOL}
    return SimpleNamespace(
        data=SimpleNamespace(index=SimpleNamespace(images=images, classes=CLASSES), pool=POOL, labels=POOL_LABELS),
        worker=SimpleNamespace(call=call),
        config=SimpleNamespace(seed=7),
        budget=SimpleNamespace(left_for=lambda: 12.5),
        progress=lambda step: None,
        reporter=SimpleNamespace(warn=lambda text: told.append(text)),
        told=told,
    )


def proof(n: int = 40) -> Any:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), n)
    return SimpleNamespace(probabilities=p, labels=np.array([rng.choice(3, p=row) for row in p]))


def outcome() -> Any:
    said = np.array([[0.9, 0.05, 0.05], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    return SimpleNamespace(val_rows=np.array([0, 1, 4]), val_probabilities=said)


def test_suspects_are_named_by_their_files_in_the_pool() -> None:
    context = session_with(insight())
    found = find(context, "candidate", outcome(), proof())  # type: ignore[arg-type]
    assert found.more_data == MORE
    assert found.labels is not None
    assert found.labels.examined == 4
    (suspect,) = found.labels.suspects
    assert (suspect.path, suspect.given, suspect.suggested) == ("pictures/13.png", "cat", "dog")
    assert (suspect.given_probability, suspect.suggested_probability) == (0.2, 0.75)
    assert context.told == [("insight", {"candidate": "candidate", "seed": 7, "seconds": 12.5})]


def test_no_more_suspects_are_shown_than_fit_a_page() -> None:
    n = 60
    context = session_with(Insight(MORE, np.arange(n), np.tile([0.1, 0.9, 0.0], (n, 1))))
    context.data.pool, context.data.labels = tuple(range(n)), (0,) * n
    context.data.index.images = {row: SimpleNamespace(path=f"{row}.png") for row in range(n)}
    found = find(context, "candidate", None, proof())  # type: ignore[arg-type]
    assert found.labels is not None
    assert len(found.labels.suspects) == MOST_SUSPECTS


def test_the_temperature_comes_from_the_winners_validation_images() -> None:
    found = find(session_with(insight()), "candidate", outcome(), proof())  # type: ignore[arg-type]
    assert found.calibration is not None
    labels = np.array([POOL_LABELS[row] for row in (0, 1, 4)])
    assert found.calibration.temperature == fit_temperature(outcome().val_probabilities, labels)
    assert found.calibration.fitted_on == 3
    assert sum(b.images for b in found.calibration.before.bins) == 40


def test_a_winner_without_validation_figures_has_no_calibration() -> None:
    nothing = SimpleNamespace(val_rows=np.zeros(0, np.int64), val_probabilities=np.zeros((0, 3)))
    for none in (None, nothing):
        assert find(session_with(insight()), "candidate", none, proof()).calibration is None  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", [None, TrialError("out of memory")])
def test_findings_that_cannot_be_had_cost_the_run_nothing(answer: Any) -> None:
    context = session_with(answer)
    found = find(context, "candidate", outcome(), proof())  # type: ignore[arg-type]
    assert (found.more_data, found.labels) == (None, None)
    assert found.calibration is not None
    warnings = [told for told in context.told if isinstance(told, str)]
    assert warnings == ([] if answer is None else ["no finding on labels and on more data: out of memory"])
