"""The machine: which backend, how many threads, which precision it has in hardware.

The only package that may import a backend. Everything here runs in the worker process, never in the parent.
"""

from __future__ import annotations

from tlsearch.backend.constants import with_constants
from tlsearch.backend.hardware import (
    FLOAT32,
    MIXED_BFLOAT16,
    THREADS,
    fastest_precision,
    has_gpu,
    has_hardware_bfloat16,
    has_slow_depthwise_gradient,
    is_tensorflow_on_cpu,
    jit_compile,
    one_thread,
    thread_limit,
)
from tlsearch.backend.memory import is_out_of_memory, one_model
from tlsearch.backend.start import prepare, silent_stderr, versions

__all__ = [
    "FLOAT32",
    "MIXED_BFLOAT16",
    "THREADS",
    "fastest_precision",
    "has_gpu",
    "has_hardware_bfloat16",
    "has_slow_depthwise_gradient",
    "is_out_of_memory",
    "is_tensorflow_on_cpu",
    "jit_compile",
    "one_model",
    "one_thread",
    "prepare",
    "silent_stderr",
    "thread_limit",
    "versions",
    "with_constants",
]
