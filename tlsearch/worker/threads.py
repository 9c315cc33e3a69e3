"""How a worker process is told how many threads it may use."""

from __future__ import annotations

from collections.abc import Mapping

from tlsearch.backend import THREADS

_LIBRARIES = (
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
)
"""The variables of TensorFlow, and of what NumPy and PyTorch compute with. JAX has none and uses all cores."""


def limits_of(threads: int | None) -> Mapping[str, str]:
    """Give the variables of the environment of a process that uses so many threads; None uses all cores."""
    return {} if threads is None else dict.fromkeys((THREADS, *_LIBRARIES), str(threads))
