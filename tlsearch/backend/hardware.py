"""What this machine computes on: a GPU or not, how many threads, which precision it has in hardware."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path

FLOAT32 = "float32"


MIXED_BFLOAT16 = "mixed_bfloat16"

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


def jit_compile() -> bool:
    """Tell Keras to compile with XLA on a GPU only: on a CPU XLA's convolutions are slower than oneDNN's."""
    return has_gpu()
