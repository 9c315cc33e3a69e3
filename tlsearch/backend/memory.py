"""Memory: what an error says of it, and how it is given back."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

from tlsearch.backend import private_api


def is_out_of_memory(error: BaseException) -> bool:
    """Find out whether an error of Python or of a backend means that memory was refused, on the processor or a GPU."""
    if isinstance(error, MemoryError):
        return True
    # TensorFlow's, PyTorch's; JAX has one kind of error for everything.
    return type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError") or (
        type(error).__name__ in ("XlaRuntimeError", "JaxRuntimeError") and "RESOURCE_EXHAUSTED" in str(error)
    )


@contextmanager
def one_model() -> Iterator[None]:
    """Enclose a block that makes and trains models: only those stay that something still refers to.

    Keras models are cycles, which Python collects when it finds the time. TensorFlow keeps every gradient that is made
    by ``tf.custom_gradient`` inside a ``tf.function`` until the process ends, and with it the function's graph and
    all variables, some 100 MB a trial of a small network; it has no call to give them back.
    """
    gc.collect()  # what a block before left that ended in an error
    kept = private_api.custom_gradients()
    before = set(kept)
    try:
        yield
    finally:
        for name in [name for name in kept if name.startswith("CustomGradient-") and name not in before]:
            del kept[name]
        gc.collect()
        _give_back_memory()


def _give_back_memory() -> None:
    """Have the C library give freed memory back to the system; glibc keeps what lies between pieces in use."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # Windows, macOS, musl
        return
    trim(0)
