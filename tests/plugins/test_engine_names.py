"""The engine knows no plugin by name.

Docstrings and comments may tell of a built-in plugin as an example or as what was measured; code may not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tlsearch
from tlsearch.config import IMBALANCED_METRIC, USUAL_METRIC
from tlsearch.plugins.registry import find_plugins

ENGINE = Path(tlsearch.__file__).parent
NAMES = {e.name for e in find_plugins() if e.distribution == "tlsearch" and e.kind != "reader"}
"""Readers are called what they read, such as folders: words that the engine needs too."""

ENGLISH = {"flip", "crop", "rotate", "shift", "color", "standard"}
"""Names that are ordinary words too: a longer text and an identifier may have these, a text of its own may not."""

TITLE = "accuracy"
"""A metric that every run has beside its own, as a figure and as a title: code may not compare it or pass it on."""

SCORES_OF_COUNTS = ("stats/", "plugins/kinds/metric.py")
"""Here are the formulas for scores of counts, which are called what they give: a metric says which of them it is."""

DEFAULTS = "config.py"
"""Here are the metrics of a run for which none was asked."""


OTHER_MEANINGS = {
    "config_values.py": ("crop",),
    "data/images/placement.py": ("crop",),
    "data/images/rgb.py": ("crop",),
    "report/resizing.py": ("crop",),
}
"""Words that are the name of a plugin and mean something else there: a way to make an image a square."""


def faults(code: str) -> list[str]:
    """The names of built-in plugins in code: texts that are a name, and texts and identifiers that have one in them."""
    tree = ast.parse(code)
    prose = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    found = [text for node in ast.walk(tree) if id(node) not in prose for text in texts(node)]
    words = re.compile(rf"(?<![a-z])({'|'.join(sorted(NAMES - ENGLISH - {TITLE}))})")  # not in "exception"
    alone = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and id(node) not in prose and node.value in ENGLISH
    ]
    return [text for text in found if words.search(text.lower())] + alone + titles_in_use(tree)


def titles_in_use(tree: ast.AST) -> list[str]:
    """Where a text that is ``TITLE`` is more than a title: compared, passed on, or the value of a name."""
    found: list[ast.expr | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            found += [node.left, *node.comparators]
        elif isinstance(node, ast.Call):
            found += [*node.args, *(keyword.value for keyword in node.keywords)]
        elif isinstance(node, ast.arguments):
            found += [*node.defaults, *node.kw_defaults]
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.Return):
            found.append(node.value)
    return [node.value for node in found if isinstance(node, ast.Constant) and node.value == TITLE]


def texts(node: ast.AST) -> Iterator[str]:
    """What a node of the syntax tree says by itself."""
    for name in ("id", "attr", "name", "arg", "value"):
        if isinstance(said := getattr(node, name, None), str):
            yield said


def test_there_are_names_to_look_for() -> None:
    assert ENGLISH | {"vgg16", "vgg19", "resnet50", "efficientnet_lite0", "geometric"} <= NAMES
    assert {TITLE, "balanced_accuracy", "macro_f1"} <= NAMES


@pytest.mark.parametrize("path", sorted(ENGINE.rglob("*.py")), ids=lambda path: path.relative_to(ENGINE).as_posix())
def test_a_module_names_no_built_in_plugin(path: Path) -> None:
    found = set(faults(path.read_text(encoding="utf-8")))
    place = path.relative_to(ENGINE).as_posix()
    if place.startswith(SCORES_OF_COUNTS):
        found -= {e.name for e in find_plugins("metric")}
    if place == DEFAULTS:
        found -= {USUAL_METRIC, IMBALANCED_METRIC}
    found -= set(OTHER_MEANINGS.get(place, ()))
    assert found == set()


def test_a_template_names_no_built_in_plugin() -> None:
    files = [file for file in ENGINE.rglob("*") if file.suffix in (".j2", ".js", ".css")]
    assert files
    pattern = re.compile(rf"\b({'|'.join(NAMES - ENGLISH - {TITLE})})\b")
    assert [file.name for file in files if pattern.search(file.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "code",
    [
        'x = "standard"',
        'x = "vgg16@imagenet"',
        "def build_resnet50(): ...",
        "x.vgg19()",
        'f(policy="geometric")',
        "VGG16",
        'f(metric="macro_f1")',
        'metric == "accuracy"',
        'def f(metric="accuracy"): ...',
        'score(labels, "accuracy")',
    ],
)
def test_a_name_is_found(code: str) -> None:
    assert faults(code)


@pytest.mark.parametrize(
    "code", ['"""Such as vgg16."""', "color = 1  # vgg16", 'x = "the standard error"', 'x = ("accuracy", accuracy)']
)
def test_prose_and_ordinary_words_are_left_alone(code: str) -> None:
    assert not faults(code)
