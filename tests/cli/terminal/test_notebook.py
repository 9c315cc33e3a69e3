"""Progress in a notebook."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from tlsearch.cli.console import ConsoleReporter
from tlsearch.cli.terminal import notebook


class Output:
    """Takes the place of a notebook's output."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def display(self, data: dict[str, str], **_: Any) -> Output:
        self.update(data)
        return self

    def update(self, data: dict[str, str], **_: Any) -> None:
        self.texts.append(data["text/plain"])


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Output:
    found = Output()
    monkeypatch.setattr("IPython.display.display", found.display)
    return found


def test_the_line_is_replaced_now_and_then_and_emptied(output: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("tlsearch.cli.terminal.notebook.time.monotonic", lambda: now[0])
    line = notebook.NotebookLine()
    line.close()
    for text, moment in (("one", 0.0), ("too soon", 0.2), ("two", 0.6)):
        now[0] = 100.0 + moment
        line.show(text)
    line.close()
    line.close()
    assert output.texts == ["one", "two", ""]


def test_a_run_shows_its_progress_there(output: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "REFRESH_SECONDS", 0.0)
    console = Console(file=io.StringIO(), force_jupyter=False)
    console.is_jupyter = True
    monkeypatch.setattr(console, "print", lambda *_, **__: None)
    with ConsoleReporter(console) as reporter:
        reporter.progress("search", 3, 40, "best 0.5")
        reporter.say("confirm", "done")
    assert output.texts == ["search    3/40  best 0.5", ""]
