"""The time since a command was given."""

from __future__ import annotations

import contextvars
import os
import subprocess
import sys

import pytest

from tlsearch.runs.program_start import note_program, program_seconds

CODE = "from tlsearch.runs.program_start import *; note_program(); print(program_seconds())"


def test_a_process_that_only_uses_the_package_has_not_begun_to_count() -> None:
    # In a context of its own: another test of this process may have given a command.
    assert contextvars.Context().run(program_seconds) == 0.0


def test_the_program_counts_from_its_start() -> None:
    def noted() -> float:
        note_program()
        return program_seconds()

    one, other = contextvars.Context(), contextvars.Context()
    assert one.run(noted) > 0.1  # this process has imported pytest
    assert other.run(program_seconds) == 0.0
    found = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert 0 < float(found.stdout) < 100


@pytest.mark.skipif(not hasattr(os, "execv") or os.name == "nt", reason="no process becomes another program here")
def test_what_a_process_was_before_it_became_the_program_does_not_count() -> None:
    """As in ``sleep 60; exec tlsearch run ...``, which a container's script may say."""
    short = CODE.replace(
        "note_program()", "from tlsearch.runs import program_start as p; p.LONGEST_START = .5; p.note_program()"
    )
    script = 'sleep 3; exec "$0" -c "$1"'
    found = subprocess.run(["sh", "-c", script, sys.executable, short], capture_output=True, text=True, check=True)
    assert 0.5 <= float(found.stdout) < 2.5  # and not the 3 seconds before


def test_a_clock_that_is_set_meanwhile_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def noted() -> float:
        note_program()
        before = program_seconds()
        monkeypatch.setattr("tlsearch.runs.program_start.time.time", lambda: 0.0)
        return program_seconds() - before

    assert 0.0 <= contextvars.Context().run(noted) < 5.0
