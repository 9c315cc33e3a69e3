"""The script that packs published weights into the form in which they are bundled."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.networks.torch_files import tensors, write_zip

SCRIPT = Path(__file__).parents[2] / "plugins" / "pack_weights.py"  # no part of the wheel


@pytest.fixture(scope="module")
def pack_weights() -> Any:
    spec = importlib.util.spec_from_file_location("pack_weights", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def arrays() -> dict[str, Any]:
    """A small state dict with what is left out: a top, and a counter of PyTorch's."""
    return {
        "_conv_stem.weight": np.arange(12, dtype="float32").reshape(3, 4) / 8,
        "_bn0.running_var": np.array([0.5, 600.0], "float32"),
        "_bn0.num_batches_tracked": np.array(9, "int64"),
        "_fc.weight": np.ones((2, 2), "float32"),
        "_fc.bias": np.ones(2, "float32"),
    }


def test_arrays_are_packed_in_half_precision_without_a_top(
    pack_weights: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = write_zip(tmp_path / "net.pth", tensors(arrays())), tmp_path / "net.npz"
    assert pack_weights.main([str(source), str(target)]) == 0
    assert "14 values" in capsys.readouterr().out
    with np.load(target) as packed:
        assert packed.files == ["_conv_stem.weight", "_bn0.running_var"]
        for name in packed.files:
            assert packed[name].dtype == np.float16
            np.testing.assert_array_equal(packed[name], arrays()[name])
    again = tmp_path / "again.npz"
    pack_weights.pack(source, again)
    assert again.read_bytes() == target.read_bytes()


@pytest.mark.parametrize("value", [1e5, np.nan])
def test_what_half_precision_cannot_hold_ends_in_one_sentence(
    pack_weights: Any, tmp_path: Path, value: float, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_zip(tmp_path / "net.pth", tensors({**arrays(), "large": np.array([value], "float32")}))
    with pytest.raises(SystemExit) as ended:
        pack_weights.main([str(source), str(tmp_path / "net.npz")])
    assert ended.value.code == 2
    assert "The array large of" in capsys.readouterr().err
    assert not (tmp_path / "net.npz").exists()
