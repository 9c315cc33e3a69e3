"""Where a plugin's code raised is found in whatever lies around it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tlsearch.plugins.guard import Guarded
from tlsearch.plugins.traces import is_engines, place_of, trace_of

NET = """
import json

from ownpackage.layers import missing


class Net:
    name = "net"

    def build(self):
        return missing({})

    def read(self):
        return json.loads("{")

    def cut_points(self):
        raise ValueError("no cut")
"""
LAYERS = """
def missing(values):
    return values["missing"]
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A package of two modules, imported."""
    folder = tmp_path / "ownpackage"
    folder.mkdir()
    (folder / "__init__.py").write_text(NET)
    (folder / "layers.py").write_text(LAYERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("ownpackage", "ownpackage.layers"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("ownpackage")


def caught(call: Any) -> Exception:
    """What the call raises."""
    with pytest.raises(Exception) as info:  # noqa: PT011 - which one it is does not matter here
        call()
    return info.value


def test_the_place_is_the_innermost_line_of_the_package(package: ModuleType) -> None:
    net = package.Net()
    assert place_of(caught(net.build), "ownpackage") == "ownpackage/layers.py:3, in missing"
    assert place_of(caught(net.build), "ownpackage.layers") == "ownpackage/layers.py:3, in missing"
    assert place_of(caught(net.read), "ownpackage") == "ownpackage/__init__.py:14, in read"  # below is the library
    assert place_of(caught(net.cut_points), "otherpackage") == ""


def test_the_trace_begins_with_the_plugin_and_holds_what_lies_below(package: ModuleType) -> None:
    error = caught(Guarded("backbone", package.Net(), ("read",)).read)
    below = error.__cause__
    assert below is not None
    trace = trace_of(below)
    assert "guard.py" not in trace
    lines = trace.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert any(line.endswith('__init__.py", line 14, in read') for line in lines)
    assert "JSONDecodeError" in lines[-1]
    assert any("json/decoder.py" in line for line in lines)


def test_what_the_engine_raises_has_the_trace_of_its_cause(package: ModuleType) -> None:
    own = caught(lambda: exec("raise AssertionError('wrong')", {"__name__": "tlsearch.testing.graph"}))
    # The test's own frames lie above those of the engine, as an author's pytest does.
    assert own.__traceback__ is not None
    own.__traceback__ = own.__traceback__.tb_next.tb_next if own.__traceback__.tb_next else None
    assert is_engines(own)
    assert trace_of(own) == ""
    own.__cause__ = caught(package.Net().build)
    assert "KeyError: 'missing'" in trace_of(own)


def test_a_file_that_is_no_python_is_named_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tornmodule.py").write_text("x = 1\ny = (\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    error = caught(lambda: importlib.import_module("tornmodule"))
    error.__traceback__ = None
    assert "tornmodule.py" in trace_of(error)
    assert "line 2" in trace_of(error)
