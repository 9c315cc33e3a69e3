"""The words of the glossary: each has one meaning, and those that it replaced do not come back."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_house import python_files

ROOT = Path(__file__).parents[1]
FOLDERS = ("tlsearch", "plugins", "benchmarks", "examples")

OLD_NAMES = {
    "told": "what it is: a reporter, callbacks, probabilities, metadata",
    "tap": "skip_cut, or the layer that is compared",
    "taps": "skip cuts, or the layers that are compared",
    "portfolio": "warm_start",
    "journal": "checkpoint",
    "censored": "timed_out",
    "kept_head": "load_head",
    "likeness": "near_duplicates",
    "crowded_errors": "concentrated_errors",
}
"""Names that nothing in the code may have, and what to say instead."""

OLD_PHRASES = ("life of a run", "solved head", "on from there", "broken off", "four commands")
"""What no page and no docstring says any more."""


def bound_names(source: str) -> Iterator[tuple[int, str]]:
    """What Python code names, with its line: variables, attributes, parameters, functions, classes, imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.lineno, node.name
        elif isinstance(node, ast.alias):
            yield node.lineno, (node.asname or node.name).rpartition(".")[2]


def old_names(source: str) -> list[tuple[int, str]]:
    """The old names in Python code, with their lines."""
    return [(line, name) for line, name in bound_names(source) if name.lower().strip("_") in OLD_NAMES]


@pytest.mark.parametrize("folder", FOLDERS)
def test_old_names_do_not_come_back(folder: str) -> None:
    files = [file for file in python_files(ROOT / folder) if "tests" not in file.relative_to(ROOT).parts]
    assert files
    found = {file.relative_to(ROOT).as_posix(): old_names(file.read_text(encoding="utf-8")) for file in files}
    assert {file: names for file, names in found.items() if names} == {}, OLD_NAMES


def test_an_old_name_is_seen_wherever_it_is_given() -> None:
    source = "told = 1\ndef f(tap): ...\nclass Portfolio: ...\nfor told in x: ...\nimport a.journal\nself._taps = 2\n"
    assert [line for line, _ in sorted(old_names(source))] == [1, 2, 3, 4, 5, 6]
    assert old_names("x = told.y\ncensored_by = f(told=1)\n") == []


@pytest.mark.parametrize("folder", [*FOLDERS, "docs", "."])
def test_old_phrases_do_not_come_back(folder: str) -> None:
    pages = (ROOT / folder).glob("*.md") if folder == "." else (ROOT / folder).rglob("*.md")
    files = [*pages, *(python_files(ROOT / folder) if folder in FOLDERS else ())]
    assert files
    found = {
        file.relative_to(ROOT).as_posix(): [phrase for phrase in OLD_PHRASES if phrase in _words(file)]
        for file in files
        if file.name != "CHANGELOG.md"  # it tells of what was
    }
    assert {file: phrases for file, phrases in found.items() if phrases} == {}


def test_the_glossary_gives_a_term_one_meaning() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    headings = re.findall(r"^\*\*([^*]+)\*\*.*$", glossary, re.MULTILINE)
    terms = Counter(term.strip() for heading in headings for term in heading.split(","))
    assert len(terms) > 100
    assert {term: count for term, count in terms.items() if count > 1} == {}


def _words(file: Path) -> str:
    return " ".join(file.read_text(encoding="utf-8").lower().split())
