"""What is known of the machine."""

from __future__ import annotations

import ctypes
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tlsearch import backend as runtime
from tlsearch.backend import hardware

CACHED = (runtime.has_gpu, runtime.has_hardware_bfloat16)


@pytest.fixture(autouse=True)
def _no_memory() -> Iterator[None]:
    """Ask the machine anew before and after each test."""
    for function in CACHED:
        function.cache_clear()
    yield
    for function in CACHED:
        function.cache_clear()


@pytest.mark.parametrize(
    ("flags", "known"),
    [
        ("fpu sse avx512f avx512_bf16", True),
        ("fpu amx_bf16 amx_tile", True),
        ("fpu avx2 avx512f avx512_vnni", False),
        ("", False),
    ],
)
def test_the_processors_flags_tell_of_bfloat16(monkeypatch: pytest.MonkeyPatch, flags: str, known: bool) -> None:
    text = f"processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: {flags}\nbugs\t\t: avx512_bf16\n"
    monkeypatch.setattr(hardware, "has_gpu", lambda: False)
    monkeypatch.setattr(Path, "read_text", lambda path, encoding: text)
    assert runtime.has_hardware_bfloat16() == known
    assert runtime.fastest_precision() == ("mixed_bfloat16" if known else "float32")


def test_a_gpu_has_bfloat16_and_is_worth_compiling_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "has_gpu", lambda: True)
    assert runtime.fastest_precision() == "mixed_bfloat16"
    assert runtime.jit_compile()
    monkeypatch.setattr(hardware, "has_gpu", lambda: False)
    assert not runtime.jit_compile()


def test_where_flags_cannot_be_read_the_answer_is_no(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(path: Path, encoding: str) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(hardware, "has_gpu", lambda: False)
    monkeypatch.setattr(Path, "read_text", missing)
    assert not runtime.has_hardware_bfloat16()


def test_a_gpu_is_what_the_backend_sees() -> None:
    import keras

    if keras.backend.backend() != "tensorflow":
        pytest.skip("this looks behind TensorFlow")
    import tensorflow as tf

    assert runtime.has_gpu() == bool(tf.config.list_physical_devices("GPU"))


LEAN = """
import sys
from tlsearch import backend
backend.prepare(lean=True)
import keras
print(sorted({"matplotlib", "pandas", "IPython"} & set(sys.modules)), keras.ops.sum([1.0, 2.0]).numpy())
import matplotlib, pandas
print(pandas.DataFrame({"a": [1]}).shape)
"""


def test_a_lean_process_imports_nothing_for_pictures_and_tables_and_can_later() -> None:
    done = subprocess.run([sys.executable, "-c", LEAN], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[] 3.0", "(1, 1)"]


def test_prepare_is_quiet_and_leaves_the_users_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    runtime.prepare()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert logging.getLogger("tensorflow").level in (logging.ERROR, logging.NOTSET)


def test_freed_memory_goes_back_to_the_system_where_the_library_can(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(malloc_trim=asked.append))
    with runtime.one_model():
        assert asked == []
    assert asked == [0]


@pytest.mark.parametrize("error", [OSError, TypeError, AttributeError])
def test_other_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    asked: list[None] = []

    def missing(name: None) -> None:
        asked.append(name)
        raise error

    monkeypatch.setattr(ctypes, "CDLL", missing)
    with runtime.one_model():
        assert asked == []
    assert asked == [None]  # and the block ended well
