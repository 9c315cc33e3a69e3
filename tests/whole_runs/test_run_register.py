"""``tlsearch run --register``: what is refused before any work. ``test_run_again`` registers a winner."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.runs.small_run import MARKS, tlsearch
from tlsearch.config import RunConfig
from tlsearch.errors import UsageError

pytestmark = MARKS


@pytest.mark.parametrize("name", ["a/b", "a:b", "..", " ", "x" * 257])
def test_an_impossible_name_is_told_before_any_work(images: Path, tmp_path: Path, name: str) -> None:
    done = tlsearch("run", images, "--register", name, "--output", "out")
    assert done.exit_code == 2
    assert "--register is" in done.output
    assert "without / and :" in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["trees", "a", "my trees 2.1", "x" * 256, "..."])
def test_names_that_the_registry_takes(name: str) -> None:
    assert RunConfig(dataset=Path("images"), register=name).register == name


def test_the_name_is_a_text() -> None:
    with pytest.raises(UsageError, match="--register is 3"):
        RunConfig(dataset=Path("images"), register=3)  # type: ignore[arg-type]  # what a file may hold
