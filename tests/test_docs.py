"""What the documentation says is so: commands, links, tables and the example of a plugin."""

from __future__ import annotations

import re
from pathlib import Path

import click
import numpy as np
import pytest

from tlsearch.cli.main import cli
from tlsearch.data import checks, findings
from tlsearch.data.usable import MIN_PER_CLASS
from tlsearch.plugins import kinds
from tlsearch.plugins.api import API_VERSION, Augmentation

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
IMAGES = (DOCS / "guides" / "your-images.md").read_text(encoding="utf-8")
OPTIONS = (DOCS / "guides" / "options.md").read_text(encoding="utf-8")
PLUGINS = (DOCS / "plugins" / "index.md").read_text(encoding="utf-8")
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(DOCS.rglob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]
GENERATED = {DOCS / "reference" / "result.schema.json"}
"""What is made when the site is built."""
LISTS_OF_KINDS = ("README.md", "CONTRIBUTING.md", "docs/index.md", "docs/glossary.md", "docs/guides/plugins.md")
"""Pages with a sentence that lists the kinds of plugins."""
KIND_WORDS = {"network": "backbone", "networks": "backbone", "weights": "weights"} | {
    word: kind for kind in kinds.NAMES if kind != "weights" for word in (kind, f"{kind}s")
}


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 120


@pytest.mark.parametrize(
    ("number", "command"),
    [
        (1, "pip install . && tlsearch run examples/clothing --time-limit 5m"),
        (2, 'pip install -e ".[dev]" && pytest'),
    ],
)
def test_the_two_commands_stand_below_their_marks(number: int, command: str) -> None:
    """The script .ci/run takes them from there."""
    assert README.count(f"<!-- command {number} -->\n```sh\n{command}\n```\n") == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert [target for target in missing if page.parent / target not in GENERATED] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_and_folders_that_are_named_are_there(page: Path) -> None:
    """Those of the checkout; what the history of changes names may have moved since."""
    named = re.findall(
        r"`((?:benchmarks|docs|examples|plugins|tests|tlsearch)/[\w./-]+)`", page.read_text(encoding="utf-8")
    )
    assert [name for name in named if page.name != "CHANGELOG.md" and not (ROOT / name).exists()] == []


def test_every_page_is_in_the_site() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    listed = re.findall(r"[\w/-]+\.md", navigation)
    assert sorted(listed) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_scores_have_a_leading_zero(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert re.findall(r"(?<![\w.])\.\d+", text) == []


def test_the_options_of_run_are_those_of_its_help() -> None:
    options = [option for option in cli.commands["run"].params if isinstance(option, click.Option)]
    named = (name for option in options for name in (*option.opts, *option.secondary_opts))
    names = {name for name in named if name.startswith("--")} - {"--help"}
    table = OPTIONS.split("# Options of `tlsearch run`")[1].split("\n## ")[0]
    cells = "".join(line.split(" | ")[0] for line in table.splitlines() if line.startswith("|"))
    assert set(re.findall(r"--[a-z-]+", cells)) - {"---"} == names


def test_every_kind_of_finding_is_explained() -> None:
    table = IMAGES.split("## Findings")[1]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(findings.KINDS)
    source = Path(checks.__file__).read_text(encoding="utf-8")
    assert [kind for kind in findings.KINDS if f'"{kind}"' not in source] == []


def kinds_listed(text: str) -> list[set[str]]:
    """The kinds of plugins that a text names one after the other, for every such list."""
    item = rf"(?:(?:an?|other|new)\s+)*(?:{'|'.join(KIND_WORDS)})"
    lists = re.findall(rf"\b{item}\b(?:(?:,\s+(?:and\s+|or\s+)?|\s+(?:and|or)\s+){item}\b)+", text, re.IGNORECASE)
    return [{KIND_WORDS[word] for word in re.findall(r"\w+", found.lower()) if word in KIND_WORDS} for found in lists]


@pytest.mark.parametrize("page", LISTS_OF_KINDS)
def test_every_kind_of_plugin_is_in_lists_of_kinds(page: str) -> None:
    listed = [found for found in kinds_listed((ROOT / page).read_text(encoding="utf-8")) if len(found) > 3]
    assert listed
    assert [set(kinds.NAMES) - found for found in listed] == [set() for _ in listed]


def test_a_kind_that_is_missing_from_a_list_is_noticed() -> None:
    assert kinds_listed("New networks, augmentations, weights, a metric\nor a callback are plugins.") == [
        {"backbone", "augmentation", "weights", "metric", "callback"}
    ]


def test_limits_are_those_of_the_code() -> None:
    assert f"fewer than {checks.TINY_CLASS} images" in IMAGES
    assert f"fewer than {checks.FEW_TEST_IMAGES} test images" in IMAGES
    assert f"shorter than {checks.SMALL_SIDE} pixels" in IMAGES
    assert checks.IMBALANCE_LIMIT == 3  # "more than three times" and "more than 3 times"
    assert MIN_PER_CLASS == 4  # "four images of each class"


def test_the_example_of_a_plugin_keeps_the_contract() -> None:
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", PLUGINS, re.DOTALL) if "class " in block]
    names: dict[str, type[Augmentation]] = {}
    exec(code, names)
    plugin = names["Invert"]()
    assert isinstance(plugin, Augmentation)
    assert plugin.api_version == API_VERSION
    images = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 3)).astype(np.uint8)
    same = plugin.render(images, 0.0, np.random.default_rng(1))
    assert same.dtype == np.uint8
    assert (same == images).all()
    changed = plugin.render(images, 1.0, np.random.default_rng(1))
    inverted = (changed == 255 - images).all(axis=(1, 2, 3))
    assert 8 <= inverted.sum() <= 32
    assert (changed[~inverted] == images[~inverted]).all()
