"""What a person should know about a data set before trusting a number: counts and file names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tlsearch.data.index import DatasetIndex
from tlsearch.data.split import Split, group_copies, imbalance

TINY_CLASS = 20
"""A class with fewer images leaves fewer than three for testing."""

FEW_TEST_IMAGES = 10
"""Below this number of test images the accuracy of a class says little."""

IMBALANCE_LIMIT = 3.0
"""From this ratio of largest to smallest class on, accuracy alone misleads."""

SMALL_SIDE = 32
"""A picture with a side shorter than this many pixels holds little that a network can use."""


@dataclass(frozen=True)
class Finding:
    """A remark: ``kind`` is fixed for programs, ``message`` one line for people, ``files`` those meant."""

    kind: str
    severity: Literal["info", "warning"]
    message: str
    files: tuple[str, ...] = ()


def check(index: DatasetIndex, split: Split | None = None) -> list[Finding]:
    """All findings, warnings first; with a split also what concerns its parts. Nothing is changed."""
    findings = [
        *_skipped(index),
        *_copies(index),
        *_crossing(index),
        *_classes(index),
        *_pictures(index),
        *(_test_part(index, split) if split is not None else ()),
    ]
    return sorted(findings, key=lambda finding: finding.severity != "warning")


def _skipped(index: DatasetIndex) -> list[Finding]:
    if not index.skipped:
        return []
    files = tuple(f"{item.path}: {item.reason}" for item in index.skipped)
    return [Finding("skipped", "warning", f"{_count(len(files), 'file')} set aside", files)]


def _copies(index: DatasetIndex) -> list[Finding]:
    """Equal pictures: under different labels (one of them is wrong), and under the same."""
    conflicting: list[int] = []
    repeated: list[int] = []
    for rows in _groups_of_copies(index):
        labels = {index.images[row].label for row in rows}
        (conflicting if len(labels) > 1 else repeated).extend(rows)
    findings = []
    if conflicting:
        text = f"{_count(len(conflicting), 'image')} with equal content under different labels"
        findings.append(Finding("conflicting_labels", "warning", text, _paths(index, conflicting)))
    if repeated:
        text = f"{_count(len(repeated), 'image')} with equal content within a class, kept together"
        findings.append(Finding("duplicates", "info", text, _paths(index, repeated)))
    return findings


def _crossing(index: DatasetIndex) -> list[Finding]:
    crossing = [
        row for rows in _groups_of_copies(index) if len({index.images[row].split for row in rows}) > 1 for row in rows
    ]
    if not crossing:
        return []
    text = (
        f"{_count(len(crossing), 'image')} with equal content in different split folders; the copy in "
        "training (or validation) is left out"
    )
    return [Finding("crossing_duplicates", "warning", text, _paths(index, crossing))]


def _classes(index: DatasetIndex) -> list[Finding]:
    findings = []
    tiny = [f"{name} ({count})" for name, count in index.counts.items() if count < TINY_CLASS]
    if tiny:
        number = _count(len(tiny), "class", "classes")
        text = f"{number} with fewer than {TINY_CLASS} images: {', '.join(tiny)}"
        findings.append(Finding("tiny_classes", "warning", text))
    ratio = imbalance(index.labels)
    if ratio > IMBALANCE_LIMIT:
        most, least = max(index.counts.items(), key=_second), min(index.counts.items(), key=_second)
        share = most[1] / len(index.images)
        text = (
            f"classes are imbalanced {ratio:.1f} to 1 ({most[0]} {most[1]}, {least[0]} {least[1]}): always "
            f"answering {most[0]} would be right for {share:.1%}"
        )
        findings.append(Finding("imbalance", "warning", text))
    return findings


def _pictures(index: DatasetIndex) -> list[Finding]:
    findings = []
    constant = [row for row, image in enumerate(index.images) if image.constant]
    if constant:
        text = f"{_count(len(constant), 'image')} of a single colour"
        findings.append(Finding("constant", "warning", text, _paths(index, constant)))
    small = [row for row, image in enumerate(index.images) if min(image.width, image.height) < SMALL_SIDE]
    if small:
        text = f"{_count(len(small), 'image')} with a side shorter than {SMALL_SIDE} pixels"
        findings.append(Finding("small_images", "warning", text, _paths(index, small)))
    return findings


def _test_part(index: DatasetIndex, split: Split) -> list[Finding]:
    labels = index.labels
    tested = [labels[row] for row in split.test]
    few = [
        f"{name} ({tested.count(label)})"
        for label, name in enumerate(index.classes)
        if tested.count(label) < FEW_TEST_IMAGES
    ]
    if not few:
        return []
    number = _count(len(few), "class", "classes")
    text = f"{number} with fewer than {FEW_TEST_IMAGES} test images: {', '.join(few)}"
    return [Finding("few_test_images", "info", text)]


def _groups_of_copies(index: DatasetIndex) -> list[list[int]]:
    """Rows of equal content, where there are at least two."""
    groups: dict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(group_copies(index)):
        groups[group].append(row)
    return [rows for rows in groups.values() if len(rows) > 1]


def _paths(index: DatasetIndex, rows: Sequence[int]) -> tuple[str, ...]:
    return tuple(index.images[row].path for row in rows)


def _second(pair: tuple[str, int]) -> int:
    return pair[1]


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
