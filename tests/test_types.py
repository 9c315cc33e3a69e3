"""The core records, and the aliases of arrays, which are made only when one is asked for."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest

from tlsearch import types


def test_numpy_is_imported_when_an_array_is_asked_for() -> None:
    code = "import sys; from tlsearch.types import TrialSpec; assert 'numpy' not in sys.modules; " \
           "from tlsearch.types import Float64Array; assert 'numpy' in sys.modules"  # fmt: skip
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_aliases_are_numpys_types() -> None:
    assert types.Float64Array == npt.NDArray[np.float64]
    assert types.LabelArray == npt.NDArray[np.intp]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = types.nothing  # type: ignore[attr-defined]
