"""Keras and its backend are imported, quietly; which they are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from tlsearch.backend.keras_settings import import_keras
from tlsearch.utils.machine import limit_libraries

UNUSED = ("matplotlib", "pandas", "IPython")
"""What Keras imports for pictures, tables and notebooks, where it is there: a sixth of the time of its own import."""


def prepare(*, lean: bool = False) -> None:
    """Import Keras and its backend quietly, with memory growing as needed on a GPU. Takes 5 to 8 seconds.

    Where it is ``lean``, Keras can do nothing with what is ``UNUSED``: for a process in which nobody but us uses it.
    """
    limit_libraries()
    # Locks on files of weights keep nobody out here, and fail on file systems that have none (NFS, FUSE).
    os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    with silent_stderr(), _no_window(), _without(UNUSED) if lean else nullcontext():
        keras = import_keras()
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            tf.get_logger().setLevel("ERROR")


@contextmanager
def _no_window() -> Iterator[None]:
    """Without MPLBACKEND: Keras imports matplotlib, which fails where that is a value of another environment."""
    before = os.environ.pop("MPLBACKEND", None)
    try:
        yield
    finally:
        if before is not None:
            os.environ["MPLBACKEND"] = before


@contextmanager
def _without(packages: tuple[str, ...]) -> Iterator[None]:
    """Packages that were not imported yet cannot be: importing them is an error that Keras expects."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is what Python knows for this
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Drop what native code writes to standard error: TensorFlow prints before it reads any setting of its log."""
    try:
        kept = os.dup(2)
    except OSError:  # a program without a standard error
        yield
        return
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def versions() -> dict[str, str]:
    """Name Keras, its backend and their versions: part of the key of everything that is stored."""
    import keras

    backend = keras.backend.backend()
    module = __import__({"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}[backend])
    return {"keras": str(keras.__version__), "backend": backend, backend: str(module.__version__)}
