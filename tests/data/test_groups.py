"""What belongs together: copies, look-alikes and names, joined by whatever they share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.images.sources import with_test
from tlsearch.data.groups import group_images
from tlsearch.data.index import DatasetIndex, ImageRecord
from tlsearch.data.near_duplicates.unions import join, members
from tlsearch.data.survey import scan
from tlsearch.errors import UsageError

MakeDataset = Callable[..., Path]


def index_of(*paths: str, content: str = "") -> DatasetIndex:
    """An index of files of the classes a and b; equal letters of ``content`` are equal files, by default none."""
    images = tuple(
        ImageRecord(path=path, label="ab".index(path[0]), sha256=content[row] if content else path, width=9, height=9)
        for row, path in enumerate(paths)
    )
    return DatasetIndex(root=Path("root"), classes=("a", "b"), images=images, skipped=())


def test_pairs_are_joined_by_what_they_share() -> None:
    assert join(7, [(5, 2), (4, 5), (6, 3)]) == (0, 1, 2, 3, 2, 2, 3)
    assert join(3, []) == (0, 1, 2)
    assert members((0, 1, 2, 3, 2, 2, 3)) == {2: [2, 4, 5], 3: [3, 6]}


def test_a_long_chain_is_one_group() -> None:
    assert set(join(5000, [(row, row + 1) for row in reversed(range(4999))])) == {0}


def test_the_first_capture_group_names_a_group_of_files() -> None:
    index = index_of("a/p1_x.png", "a/p2_x.png", "b/p1_y.png", "b/p3_y.png", "b/other.png")
    assert group_images(index, r"p(\d)_(.)") == (0, 1, 0, 3, 4)
    assert group_images(index, r"p\d") == (0, 1, 0, 3, 4)
    assert group_images(index, "_y") == (0, 1, 2, 2, 4)
    assert group_images(index) == (0, 1, 2, 3, 4)


def test_a_capture_group_that_takes_no_part_names_nothing() -> None:
    assert group_images(index_of("a/1.png", "a/2.png", "b/p5.png", "b/q5.png"), r"[pq](\d)|png") == (0, 1, 2, 2)


def test_an_empty_name_names_nothing() -> None:
    assert group_images(index_of("a/x1.png", "a/2.png", "b/3.png", "b/x4.png"), r"/(x?)") == (0, 1, 2, 0)


def test_copies_join_the_groups_of_their_names() -> None:
    index = index_of("a/p1_1.png", "a/p1_2.png", "a/p2_1.png", "b/p2_2.png", "b/p3_1.png", content="uvvwx")
    assert group_images(index, r"p(\d)") == (0, 0, 0, 0, 4)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "--group-by is '('"),
        ("zzz", "--group-by 'zzz' finds no name in any path, the first of which is 'a/1.png'"),
        ("^(x*)", "--group-by '^(x*)' finds no name in any path"),
        (".*", "--group-by '.*' joins nothing, as all names that it finds, such as 'a/1.png', are different"),
    ],
)
def test_a_pattern_of_no_use_is_an_error(pattern: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        group_images(index_of("a/1.png", "b/1.png"), pattern)
    assert message in str(caught.value)


def test_names_are_looked_for_below_the_folder_that_was_named(tmp_path: Path, make_dataset: MakeDataset) -> None:
    """The same pattern, though the paths of an outside test folder begin with test/."""
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=4, size=32)
    test = make_dataset(tmp_path / "new", classes=("a", "b"), per_class=2, size=32, seed=1)
    index = scan(root, reading=with_test(test))
    groups = group_images(index, r"^\w/(\d+)")
    joined = {tuple(index.images[row].path for row in rows) for rows in members(groups).values()}
    assert ("a/000.png", "b/000.png", "test/a/000.png", "test/b/000.png") in joined
    assert len(joined) == 4
