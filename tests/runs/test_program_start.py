"""The time since a command was given."""

from __future__ import annotations

import contextvars
import subprocess
import sys

from tlsearch.runs.program_start import note_program, program_seconds


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
    code = "from tlsearch.runs.program_start import *; note_program(); print(program_seconds())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < float(found.stdout) < 100
