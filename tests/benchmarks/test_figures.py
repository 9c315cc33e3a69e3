"""Every figure on a page is that of a file in benchmarks/results/."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from benchmarks import render_figures
from benchmarks.common.machine import ROOT
from benchmarks.common.results import RESULTS, Result, read_result, write_result
from benchmarks.figures.catalogue import ENTRIES, catalogue
from benchmarks.figures.groups import GROUPS
from benchmarks.figures.moved import MOVED, command_today, module_today
from benchmarks.figures.text import duration, score, source, table, two_figures, with_interval
from benchmarks.render_figures import FiguresError, render_page

FILES = sorted(RESULTS.glob("*.json"))


def test_pages_are_as_rendered() -> None:
    assert render_figures.main(["--check"]) == 0


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_result_is_rendered_and_says_where_it_comes_from(file: Path) -> None:
    result = read_result(file)
    today = module_today(result)
    assert today in {entry.module for entry in ENTRIES if file.stem in entry.groups}
    assert result.command.startswith(f"python -m benchmarks.{result.benchmark}")
    assert result.commit or result.note
    rendered = GROUPS[file.stem].render(result)
    assert f"`{command_today(result)}`" in rendered
    assert (f"(then `benchmarks.{result.benchmark}`)" in rendered) == (today != result.benchmark)
    assert "\n" not in GROUPS[file.stem].brief(result)


def test_every_benchmark_is_in_the_catalogue() -> None:
    folder = ROOT / "benchmarks"
    found = {
        ".".join(file.relative_to(folder).with_suffix("").parts)
        for file in folder.rglob("*.py")
        if "make_parser(" in (text := file.read_text(encoding="utf-8")) or "parse_simulation_options(__doc__" in text
    }
    found = {name for name in found if not name.startswith("common.")} - {"statistics.tally"}
    found |= {f"speed.{name}" for name in ("vs_plain_loop", "lower_bound")} | {"quality.same_accuracy"}
    assert {entry.module for entry in ENTRIES} == found
    assert {name for entry in ENTRIES for name in entry.groups} == set(GROUPS)
    assert [entry.module for entry in ENTRIES if not entry.question.endswith("?")] == []


def test_what_moved_is_where_it_is_said_to_be_and_nowhere_else() -> None:
    assert set(MOVED.values()) <= {entry.module for entry in ENTRIES}
    assert [name for name in MOVED if module_file(name).exists()] == []


def test_commands_and_files_that_are_named_are_there() -> None:
    pages = [*render_figures.find_pages(ROOT), ROOT / "CONTRIBUTING.md", ROOT / "noxfile.py", ROOT / ".ci" / "run"]
    code = [file for folder in ("tlsearch", "plugins", "benchmarks") for file in (ROOT / folder).rglob("*.py")]
    named = set()
    for file in [*pages, *code]:
        text = file.read_text(encoding="utf-8")
        named |= {module_file(name) for name in re.findall(r"-m benchmarks\.([a-z_]+(?:\.[a-z]\w*)*)(?!\.?\w)", text)}
        named |= {ROOT / name for name in re.findall(r"(?<![\w./])(?:tests/)?benchmarks/[\w/]+\.py\b", text)}
    assert len(named) > len(ENTRIES)
    assert sorted(file for file in named if not file.exists()) == []


def module_file(name: str) -> Path:
    """The file of a module below ``benchmarks``."""
    return ROOT / "benchmarks" / Path(*name.split(".")).with_suffix(".py")


def make_result(**figures: object) -> Result:
    """A result of benchmarks.statistics.p_values."""
    return Result(
        benchmark="statistics.p_values",
        command="python -m benchmarks.statistics.p_values",
        commit="0123456789abcdef",
        machine={"processor": "AMD EPYC", "cores": 2},
        date="2026-11-28T12:00:00+00:00",
        versions={"keras": "3.15.1"},
        figures=figures,
    )


def test_what_stands_between_marks_is_replaced(tmp_path: Path) -> None:
    write_result(make_result(simulations=2000, lowest=0.0, highest=0.059), tmp_path / "p-values.json")
    page = "before\n<!-- figures: p-values -->\nstale\n<!-- end figures -->\nafter\n"
    rendered = render_page(page, tmp_path)
    assert rendered.startswith("before\n<!-- figures: p-values -->\n\nWhere two models are equally good, p is")
    assert "0.000 to 0.059 of 2,000 simulated tests" in rendered
    assert "on 2 cores (AMD EPYC) (Keras 3.15.1), at commit 0123456." in rendered
    assert rendered.endswith("\n\n<!-- end figures -->\nafter\n")
    assert "stale" not in rendered
    assert render_page(rendered, tmp_path) == rendered
    assert render_page(f"```\n{page}```\n", tmp_path) == f"```\n{page}```\n"
    assert "0.000 to 0.059 (2026-11-28)" in catalogue(tmp_path)
    assert "none kept" in catalogue(tmp_path)


def test_code_between_marks_is_replaced_too(tmp_path: Path) -> None:
    shutil.copy(RESULTS / "whole-run-example.json", tmp_path)
    page = "before\n<!-- figures: quickstart -->\n```\nstale\n```\n<!-- end figures -->\nafter\n"
    rendered = render_page(page, tmp_path)
    assert "stale" not in rendered
    assert rendered.count("```") == 2
    assert render_page(rendered, tmp_path) == rendered


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("<!-- figures: coverage -->\n<!-- end figures -->\n", r"coverage has no result coverage\.json"),
        ("<!-- figures: nonsense -->\n<!-- end figures -->\n", "no group of figures is called nonsense"),
        ("<!-- figures: benchmarks -->\ntext\n", "has no <!-- end figures -->"),
        ("<!-- figures: benchmarks -->\n<!-- figures: benchmarks -->\n", "line 2: the mark of benchmarks has no"),
        ("text\n<!-- end figures -->\n", "line 2: .* without a mark"),
    ],
)
def test_marks_that_cannot_be_rendered_are_named(page: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(FiguresError, match=message):
        render_page(page, tmp_path)


def test_a_page_that_differs_fails_the_check_and_is_written_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "benchmarks").mkdir()
    page = tmp_path / "docs" / "deep" / "page.md"
    for file in (tmp_path / "README.md", tmp_path / "benchmarks" / "README.md"):
        file.write_text("no marks\n", encoding="utf-8")
    page.write_text("<!-- figures: p-values -->\n<!-- end figures -->\n", encoding="utf-8")
    write_result(make_result(simulations=20, lowest=0.0, highest=0.1), tmp_path / "p-values.json")
    monkeypatch.setattr(render_figures, "ROOT", tmp_path)
    monkeypatch.setattr(render_figures, "RESULTS", tmp_path)
    assert render_figures.main(["--check"]) == 1
    assert "docs/deep/page.md differs" in capsys.readouterr().err
    assert render_figures.main([]) == 0
    assert "0.000 to 0.100" in page.read_text(encoding="utf-8")
    assert render_figures.main(["--check"]) == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.8, "1.8 s"), (43, "43 s"), (204, "3.4 min"), (1800, "30 min"), (10_440, "2.9 h"), (277_200, "77 h")],
)
def test_durations_have_two_figures(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_numbers_as_the_pages_have_them() -> None:
    assert (score(0.8944), score(None)) == ("0.894", "none")
    assert with_interval(0.894, (0.845, 0.929)) == "0.894 [0.845, 0.929]"
    assert (two_figures(6.8), two_figures(9.96), two_figures(316.7)) == ("6.8", "10", "317")
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_the_source_says_what_is_known() -> None:
    result = make_result()
    bare = Result(**{**vars(result), "machine": {}, "versions": {}, "commit": None})
    assert source(bare) == f"Measured by `{result.command}`."
    told = Result(**{**vars(result), "note": "transcribed", "machine": {"cores": 2}})
    measured = f"Measured by an earlier version with `{result.command}` on 2 cores (Keras 3.15.1)"
    assert source(told) == f"{measured}; published in commit 0123456."


def test_a_command_whose_module_has_moved_is_shown_as_it_is_today() -> None:
    command = "python -m benchmarks.quality.monitor clothing --seed 3"
    moved = Result(**{**vars(make_result()), "benchmark": "quality.monitor", "command": command})
    today = "Measured by `python -m benchmarks.use.monitor clothing --seed 3` (then `benchmarks.quality.monitor`)"
    assert source(moved) == f"{today} on 2 cores (AMD EPYC) (Keras 3.15.1), at commit 0123456."
    assert moved.command == command
