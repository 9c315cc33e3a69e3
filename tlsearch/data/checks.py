"""What a person should know about a data set before trusting a number: counts and file names."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from tlsearch.data.findings import Finding, finding
from tlsearch.data.groups import group_images
from tlsearch.data.index import DatasetIndex
from tlsearch.data.near_duplicates.unions import join, members
from tlsearch.data.shortcuts import find_shortcuts
from tlsearch.data.split import Split, crossing, imbalance, lacking_groups
from tlsearch.folders.junk import HIDDEN
from tlsearch.folders.walk import files_of
from tlsearch.utils.units import counted

TINY_CLASS = 20
"""A class with fewer images leaves fewer than three for testing."""

FEW_TEST_IMAGES = 10
"""Below this number of test images the accuracy of a class says little."""

IMBALANCE_LIMIT = 3.0
"""From this ratio of largest to smallest class on, accuracy alone misleads."""

SMALL_SIDE = 32
"""A picture with a side shorter than this many pixels holds little that a network can use."""


_CROSSING = (
    ("crossing_duplicates", "equals", "equal to one"),
    ("crossing_lookalikes", "looks like", "they look like one"),
    ("crossing_groups", "belongs together with", "of a group with one"),
)

_NO_WORD = re.compile(r"[\s_.\-\u00ad\u200b-\u200f\u2060\ufeff]+")  # what divides words, seen or not


@dataclass(frozen=True, kw_only=True)
class _AlikeWords:
    """What images that are alike are called: the kinds of the two findings, and the words for it."""

    conflict: str
    repeat: str
    verb: str
    text: str


_COPIES = _AlikeWords(conflict="conflicting_labels", repeat="duplicates", verb="equals", text="with equal content")
"""The same picture in the same file format and size."""

_LOOKALIKES = _AlikeWords(
    conflict="conflicting_lookalikes", repeat="lookalikes", verb="looks like", text="that look alike"
)
"""The same picture encoded, resized or cropped in another way."""


def check(index: DatasetIndex, split: Split | None = None, groups: Sequence[int] | None = None) -> list[Finding]:
    """All findings, warnings first; with a split also what concerns its parts. Nothing is changed.

    ``groups`` are those of the split, or, without one, those of ``groups.group_images``.
    """
    if groups is None:
        groups = split.groups if split is not None else group_images(index)
    aside = crossing(index, groups)
    findings = [
        *_reading(index),
        *_skipped(index),
        *_alike(index, index.copies, aside, _COPIES),
        *_alike(index, index.lookalikes, aside, _LOOKALIKES),
        *_crossing(index, aside),
        *_named_groups(index, groups),
        *_class_names(index),
        *_tiny_classes(index, aside),
        *_imbalance(index, aside, split),
        *_pictures(index),
        *_colours(index),
        *(_test_part(index, split) if split is not None else ()),
    ]
    return sorted(findings, key=lambda finding: finding.severity != "warning")


def no_split(index: DatasetIndex, groups: Sequence[int], reason: str) -> Finding:
    """That a data set cannot be split: ``reason`` is the sentence of the error, the classes concerned are listed."""
    files, held = [], Counter(index.labels)
    for label, (have, needed) in lacking_groups(index, groups).items():
        images = counted(held[label], "image")
        files.append(f"{index.classes[label]}: {images}, {counted(have, 'group')} to draw from, {needed} needed")
    return finding("no_split", reason, tuple(files))


def _reading(index: DatasetIndex) -> list[Finding]:
    """What the reader says, and how much it passed over."""
    if index.reading is None:
        return []
    found = [finding("reading", note) for note in index.reading.notes]
    if passed := index.reading.passed_over:
        kinds = ", ".join(f"{name} {count:,}" for name, count in passed.items() if name != HIDDEN)
        if kinds:
            found.append(finding("passed_over", f"passed over what programs leave among images: {kinds}"))
    return found


def _skipped(index: DatasetIndex) -> list[Finding]:
    if not index.skipped:
        return []
    files = tuple(f"{item.path}: {item.reason}" for item in index.skipped)
    return [finding("skipped", f"{files_of(index.skipped)} not used", files)]


def _alike(
    index: DatasetIndex, pairs: Sequence[tuple[int, int]], aside: Mapping[int, int], words: _AlikeWords
) -> list[Finding]:
    """Images that pairs join: under different labels (one of them is wrong), and under the same."""
    conflicting, repeated = _by_labels(index, pairs, aside, words.verb)
    findings = []
    if conflicting:
        text = f"{counted(len(conflicting), 'image')} {words.text} under different labels"
        findings.append(finding(words.conflict, text, conflicting))
    if repeated:
        text = f"{counted(len(repeated), 'image')} {words.text} within a class, kept together"
        findings.append(finding(words.repeat, text, repeated))
    return findings


def _by_labels(
    index: DatasetIndex, pairs: Sequence[tuple[int, int]], aside: Mapping[int, int], word: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files that pairs join, each with the one that it was found by: those of several labels, those of one.

    Of the latter those that cross the user's folders are left out; they are listed where they are set aside.
    """
    first: dict[int, int] = {}
    for one, other in pairs:
        first.setdefault(other, one)
    files: tuple[list[str], list[str]] = ([], [])
    for rows in members(join(len(index.images), pairs)).values():
        several = len({index.images[row].label for row in rows}) > 1
        if not several and any(row in aside for row in rows):
            continue
        paths = (index.images[row].path for row in rows)
        found_by = (f": {word} {index.images[first[row]].path}" if row in first else "" for row in rows)
        files[0 if several else 1].extend(path + by for path, by in zip(paths, found_by, strict=True))
    return tuple(files[0]), tuple(files[1])


def _crossing(index: DatasetIndex, aside: Mapping[int, int]) -> list[Finding]:
    """What the split sets aside because it belongs together with an image in another folder of the user's."""
    alike = join(len(index.images), index.lookalikes)  # of a large group not every pair is known
    files: dict[str, list[str]] = defaultdict(list)
    for row, other in sorted(aside.items()):
        one, two = index.images[row], index.images[other]
        if one.sha256 == two.sha256:
            kind = "equals"
        else:
            kind = "looks like" if alike[row] == alike[other] else "belongs together with"
        files[kind].append(f"{one.path}: {kind} {two.path}")
    return [
        finding(
            name,
            f"{counted(len(files[kind]), 'image')} in training or validation set aside: {why} in a test or validation "
            "folder",
            tuple(files[kind]),
        )
        for name, kind, why in _CROSSING
        if files[kind]
    ]


def _named_groups(index: DatasetIndex, groups: Sequence[int]) -> list[Finding]:
    """What is joined beyond copies and look-alikes."""
    copies = () if index.look_alikes == "off" else index.copies
    alone = join(len(index.images), (*copies, *index.lookalikes))
    if tuple(groups) == alone:
        return []
    sizes = [len(rows) for rows in members(groups).values()]
    text = (
        f"{counted(sum(sizes), 'image')} in {counted(len(sizes), 'group')} of up to {max(sizes):,} belong together, "
        f"{counted(len(groups) - sum(sizes), 'image')} stand alone"
    )
    return [finding("groups", text)]


def _colours(index: DatasetIndex) -> list[Finding]:
    """Classes that a plain colour gives away in training, but not in the user's validation or test folder."""
    return [
        finding(
            "colour_shortcut",
            f"class {index.classes[clue.label]} is given away by a colour in training only: the {clue.statistic} tells "
            f"it from the others with an AUC of {clue.trained:.2f} in training and {clue.elsewhere:.2f} in "
            f"{'test' if clue.part == 'test' else 'validation'}",
            _paths(index, clue.rows),
        )
        for clue in find_shortcuts(index)
    ]


def _class_names(index: DatasetIndex) -> list[Finding]:
    """Classes whose names are equal but for their case, the form of letters, and what divides words.

    They are probably one class in two folders.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for name in index.classes:
        alike[_NO_WORD.sub("", normalize("NFKC", name).casefold()) or name].append(
            name if name.isprintable() else repr(name)
        )
    found = [" and ".join(names) for names in alike.values() if len(names) > 1]
    if not found:
        return []
    return [
        finding(
            "class_names",
            "classes whose names differ in upper and lower case, spaces, marks or forms of letters only: "
            + ", ".join(found),
        )
    ]


def _tiny_classes(index: DatasetIndex, aside: Mapping[int, int]) -> list[Finding]:
    """Classes of few images, not counting the user's test images and what is set aside."""
    sizes = Counter(index.images[row].label for row in _left_in(index, aside, None, "train", "val"))
    tiny = [f"{name} ({sizes[label]})" for label, name in enumerate(index.classes) if sizes[label] < TINY_CLASS]
    if not tiny:
        return []
    where = " besides the test images" if any(image.split == "test" for image in index.images) else ""
    number = counted(len(tiny), "class", "classes")
    return [finding("tiny_classes", f"{number} with fewer than {TINY_CLASS} images{where}: {', '.join(tiny)}")]


def _imbalance(index: DatasetIndex, aside: Mapping[int, int], split: Split | None) -> list[Finding]:
    """What makes a run choose balanced accuracy, by the same rule: training images decide."""
    rows = split.train if split is not None else _left_in(index, aside, None, "train")
    labels = [index.images[row].label for row in rows]
    if not labels or (ratio := imbalance(labels)) <= IMBALANCE_LIMIT:
        return []
    sizes = sorted(Counter(labels).items(), key=lambda pair: (-pair[1], pair[0]))
    (most, highest), (least, lowest) = sizes[0], sizes[-1]
    text = (
        f"classes are imbalanced {ratio:.1f} to 1 in training ({index.classes[most]} {highest}, {index.classes[least]} "
        f"{lowest}): always answering {index.classes[most]} would be right for {highest / len(labels):.1%}"
    )
    return [finding("imbalance", text)]


def _left_in(index: DatasetIndex, aside: Mapping[int, int], *folders: str | None) -> list[int]:
    """Rows in the user's ``folders`` (None: in no split folder) that are not set aside."""
    return [row for row, image in enumerate(index.images) if image.split in folders and row not in aside]


def _pictures(index: DatasetIndex) -> list[Finding]:
    findings = []
    constant = [row for row, image in enumerate(index.images) if image.constant]
    if constant:
        text = f"{counted(len(constant), 'image')} of a single colour"
        findings.append(finding("constant", text, _paths(index, constant)))
    small = [row for row, image in enumerate(index.images) if min(image.width, image.height) < SMALL_SIDE]
    if small:
        text = f"{counted(len(small), 'image')} with a side shorter than {SMALL_SIDE} pixels"
        findings.append(finding("small_images", text, _paths(index, small)))
    return findings


def _test_part(index: DatasetIndex, split: Split) -> list[Finding]:
    tested = Counter(index.labels[row] for row in split.test)
    few = [f"{name} ({tested[label]})" for label, name in enumerate(index.classes) if tested[label] < FEW_TEST_IMAGES]
    if not few:
        return []
    number = counted(len(few), "class", "classes")
    text = f"{number} with fewer than {FEW_TEST_IMAGES} test images: {', '.join(few)}"
    return [finding("few_test_images", text)]


def _paths(index: DatasetIndex, rows: Sequence[int]) -> tuple[str, ...]:
    return tuple(index.images[row].path for row in rows)
