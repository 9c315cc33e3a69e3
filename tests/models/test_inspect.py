"""What is found out about a network before anything is computed with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.networks.tiny import Tiny, make_pool
from tlsearch.errors import PluginFailedError, WeightsError
from tlsearch.models import partition

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_weights_of_a_file_that_are_not_finite_are_no_fault_of_the_plugin(tmp_path: Path) -> None:
    model, file = partition.build(Tiny(), 16, None, "float32"), tmp_path / "mine.weights.h5"
    model.get_layer("deep_bn").beta.assign(np.full(8, np.nan, np.float32))
    model.save_weights(file)
    said = r"mine\.weights\.h5 has weights for tiny that are not finite, in deep_bn/beta: it is damaged, or"
    with pytest.raises(WeightsError, match=said):
        partition.build(Tiny(), 16, file, "float32")


class Spoiling(Tiny):
    """Its preprocess gives no numbers."""

    def preprocess(self, images: Any) -> Any:
        return super().preprocess(images) * float("nan")


def test_pixels_that_are_not_finite_are_the_fault_of_preprocess_and_of_no_cut() -> None:
    plugin = Spoiling()
    with pytest.raises(PluginFailedError, match="'tiny' turns images into values that are not finite: fix its pre"):
        partition.inspect(plugin, plugin.build(16, None), make_pool(4).pixels[16].astype(np.float32))
