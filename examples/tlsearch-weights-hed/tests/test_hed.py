"""The weights keep their contract, and every value arrives where it belongs."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from tlsearch_weights_hed import HED, _published

from tlsearch.plugins import registry
from tlsearch.testing import WeightsTests


class TestHED(WeightsTests):
    @pytest.fixture
    def plugin(self) -> HED:
        return HED()


@pytest.mark.parametrize(
    ("layer", "published"), [("block1_conv1", "block1/layers/conv2d"), ("block5_conv3", "block5/layers/conv2d_2")]
)
def test_a_convolution_has_the_published_values(layer: str, published: str, tmp_path: Path) -> None:
    model = registry.load_plugin("backbone", "vgg16").build(32, HED().file(tmp_path))
    with h5py.File(_published()) as file:
        for variable, values in zip(model.get_layer(layer).variables, ("0", "1"), strict=True):
            np.testing.assert_array_equal(variable.numpy(), file[f"{published}/vars/{values}"][()])


def test_the_file_is_written_once(tmp_path: Path) -> None:
    first = HED().file(tmp_path)
    written = first.stat().st_mtime_ns
    assert HED().file(tmp_path).stat().st_mtime_ns == written
    assert [file.name for file in tmp_path.iterdir()] == [first.name]
