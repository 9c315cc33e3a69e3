"""Features of a few images are those that all images have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.networks.tiny import make_extractor, make_network, make_pool
from tlsearch.features.sample import sampled_averages
from tlsearch.features.view import PLAIN

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_a_few_images_have_the_features_that_they_have_among_all(tmp_path: Path) -> None:
    network, rows = make_network(), np.arange(3, 70, 2)  # more than a batch, and no multiple of it
    extractor = make_extractor(tmp_path, make_pool(70))
    found = sampled_averages(extractor, network, rows)
    assert [array.shape for array in found] == [(len(rows), channels) for channels in (6, 8, 8, 12)]
    assert extractor.computed == len(rows)
    pooled = extractor.pooled(network, PLAIN, network.cuts.depths)
    for depth, (few, every) in enumerate(zip(found, pooled, strict=True), 1):
        np.testing.assert_array_equal(few, every[rows][:, network.cuts.point(depth).columns("avg")])
    again = sampled_averages(extractor, network, rows[:4])  # stored by now
    assert extractor.computed == len(rows) + 70
    np.testing.assert_array_equal(again[-1], found[-1][:4])
