"""The machine: which backend, how many threads, which precision it has in hardware.

The only package that may import a backend. Everything here runs in the worker process, never in the parent.
"""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsearch.backend import private_api
from tlsearch.backend.keras_settings import import_keras
from tlsearch.types import AnyArray
from tlsearch.utils.machine import limit_libraries

if TYPE_CHECKING:
    import keras

FLOAT32 = "float32"
MIXED_BFLOAT16 = "mixed_bfloat16"


def prepare() -> None:
    """Import Keras and its backend quietly, with memory growing as needed on a GPU. Takes 5 to 8 seconds."""
    limit_libraries()
    # Locks on files of weights keep nobody out here, and fail on file systems that have none (NFS, FUSE).
    os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    with silent_stderr(), _no_window():
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


def is_out_of_memory(error: BaseException) -> bool:
    """Find out whether an error of Python or of a backend means that memory was refused, on the processor or a GPU."""
    if isinstance(error, MemoryError):
        return True
    # TensorFlow's, PyTorch's; JAX has one kind of error for everything.
    return type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError") or (
        type(error).__name__ in ("XlaRuntimeError", "JaxRuntimeError") and "RESOURCE_EXHAUSTED" in str(error)
    )


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


THREADS = "TLSEARCH_THREADS"
"""The variable that says in how many threads this process computes; it is not set where all cores are used."""


def thread_limit() -> dict[str, str]:
    """Give what the key of features says of the number of threads: another may change their last bits.

    It is empty where all cores are used.
    """
    threads = os.environ.get(THREADS)
    return {"threads": threads} if threads else {}


@cache
def has_gpu() -> bool:
    """Find out whether the backend sees a GPU."""
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    if backend == "jax":
        import jax

        return bool(jax.default_backend() == "gpu")
    import torch

    return bool(torch.cuda.is_available())


@cache
def has_hardware_bfloat16() -> bool:
    """Find out whether bfloat16 arithmetic is in hardware: AVX512-BF16 or AMX on the CPU, or a GPU.

    Where the processor's flags cannot be read (outside Linux) it counts as absent, which costs time, not accuracy.
    """
    if has_gpu():
        return True
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def fastest_precision() -> str:
    """Give the dtype policy in which this machine multiplies fastest; variables stay in float32 either way."""
    return MIXED_BFLOAT16 if has_hardware_bfloat16() else FLOAT32


def is_tensorflow_on_cpu() -> bool:
    """Whether TensorFlow computes, and on a CPU."""
    import keras

    return keras.backend.backend() == "tensorflow" and not has_gpu()


def has_slow_depthwise_gradient() -> bool:
    """Find out whether the gradient of a depthwise kernel takes several times as long as what the kernel computes.

    TensorFlow's does on a CPU: 7 to 9 ms for a 5 x 5 kernel whose forward pass takes 1 to 2.
    """
    return is_tensorflow_on_cpu()


def one_thread() -> AbstractContextManager[object]:
    """Let scikit-learn and NumPy use one thread inside; the backend has threads of its own.

    Solving a linear head is a few hundred products of small matrices: two threads wait for each other more than they
    compute, twice as long for 3,000 images and five times as long for 200 (measured on two cores).
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1)
    return limits


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


def with_constants(model: keras.Model, batch: int) -> Callable[[AnyArray], Mapping[str, Any]]:
    """Compile ``model`` in inference mode for exactly ``batch`` rows, its weights as they are now.

    With TensorFlow they become constants of the graph, whose optimizer then folds BatchNorm into the convolution before
    it: on a CPU EfficientNet-Lite0 takes .5 to .7 of the time. Every graph takes a second to make and holds a copy of
    the weights, of less than TensorFlow's 2 GB for a graph.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        forward: Callable[[AnyArray], Mapping[str, Any]] = model.predict_on_batch
        return forward
    import tensorflow as tf

    # Arrays, not tensors: what a graph meets as an array it takes for a constant.
    weights = [
        [keras.ops.convert_to_numpy(v) for v in variables]
        for variables in (model.trainable_variables, model.non_trainable_variables)
    ]

    def infer(x: Any) -> Any:
        return model.stateless_call(*weights, x, training=False)[0]

    inputs = tf.TensorSpec((batch, *model.input.shape[1:]), model.input.dtype)
    graph = tf.function(infer, autograph=False).get_concrete_function(inputs)
    return lambda rows: graph(tf.constant(rows))


def jit_compile() -> bool:
    """Tell Keras to compile with XLA on a GPU only: on a CPU XLA's convolutions are slower than oneDNN's."""
    return has_gpu()


def versions() -> dict[str, str]:
    """Name Keras, its backend and their versions: part of the key of everything that is stored."""
    import keras

    backend = keras.backend.backend()
    module = __import__({"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}[backend])
    return {"keras": str(keras.__version__), "backend": backend, backend: str(module.__version__)}
