"""What came of a trial, asked for some of its validation images."""

from __future__ import annotations

import numpy as np

from tests.helpers.results.sample_result import SAMPLE
from tlsearch.training.trial import Outcome
from tlsearch.types import TrialResult


def test_probabilities_of_images_come_in_the_order_asked_for() -> None:
    result = TrialResult(spec=SAMPLE.winner.spec, state="complete", value=0.5, seconds=1.0)
    outcome = Outcome(result, np.array([7, 2, 9]), np.array([[0.7, 0.3], [0.2, 0.8], [0.9, 0.1]], np.float32))
    found = outcome.probabilities_of(np.array([9, 7]))
    assert found is not None
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [[0.9, 0.1], [0.7, 0.3]], rtol=1e-6)
    assert outcome.probabilities_of(np.array([9, 3])) is None  # it was not validated on image 3
