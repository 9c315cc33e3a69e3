"""Records come out of JSON as they went in, by their annotations, and nothing else comes out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tlsearch.types import TrialSpec
from tlsearch.utils.serialize import FILE, MESSAGE, STRICT, Codec

CODECS = pytest.mark.parametrize("codec", [FILE, STRICT, MESSAGE], ids=["file", "strict", "message"])


class Colour(Enum):
    """One of two."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Leaf:
    """A record inside another."""

    name: str
    size: float | None = None


@dataclass(frozen=True)
class Tree:
    """A field of every kind that records have."""

    leaf: Leaf
    leaves: tuple[Leaf, ...]
    pair: tuple[int, str]
    by_name: Mapping[str, Leaf | None]
    by_size: Mapping[int, tuple[float, ...]]
    by_leaf: Mapping[Leaf, bool]
    path: Path
    colour: Colour
    mode: Literal["avg", "max"]
    names: Sequence[str]
    nothing: None = None
    anything: Any = None
    lists: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True)
class Rose:
    """Another record, for a union."""

    thorns: int


TEXTS = some.text(some.characters(codec=None, exclude_categories=()), max_size=8)  # lone surrogates too
FLOATS = some.floats(allow_nan=False, allow_infinity=False)
LEAVES = some.builds(Leaf, TEXTS, some.none() | FLOATS)
PLAIN = some.recursive(
    some.none() | some.booleans() | some.integers() | FLOATS | TEXTS,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
TREES = some.builds(
    Tree,
    LEAVES,
    some.lists(LEAVES, max_size=3).map(tuple),
    some.tuples(some.integers(), TEXTS),
    some.dictionaries(TEXTS, some.none() | LEAVES, max_size=3),
    some.dictionaries(some.integers(), some.lists(FLOATS, max_size=3).map(tuple), max_size=3),
    some.dictionaries(LEAVES, some.booleans(), max_size=3),
    TEXTS.filter(lambda text: "\0" not in text).map(lambda text: Path("/a") / text),
    some.sampled_from(Colour),
    some.sampled_from(["avg", "max"]),
    some.lists(TEXTS, max_size=3).map(tuple),
    some.none(),
    PLAIN,
    some.lists(some.lists(some.integers(), max_size=3), max_size=3),
)


def through(codec: Codec, value: Any, kind: Any = None) -> Any:
    """``value`` after a journey through a JSON text."""
    text = json.dumps(codec.encode(value, kind), allow_nan=codec is not STRICT)
    return codec.decode(kind or type(value), json.loads(text))


@CODECS
@given(tree=TREES)
def test_records_come_out_as_they_went_in(codec: Codec, tree: Tree) -> None:
    assert through(codec, tree) == tree


@CODECS
def test_tuples_are_lists_as_in_json(codec: Codec) -> None:
    assert codec.encode((1, 2.5), tuple[int, float]) == [1, 2.5]
    assert codec.encode(((0.1, 0.2),), tuple[tuple[float, float] | None, ...]) == [[0.1, 0.2]]


@pytest.mark.parametrize("codec", [FILE, MESSAGE])
def test_numbers_that_are_not_finite_stay(codec: Codec) -> None:
    numbers = through(codec, (math.inf, -math.inf, math.nan), tuple[float, ...])
    assert numbers[:2] == (math.inf, -math.inf)
    assert math.isnan(numbers[2])
    found = through(codec, np.array([math.nan, 1.0]), npt.NDArray[np.float64])
    np.testing.assert_array_equal(found, [math.nan, 1.0])


def test_strict_json_has_none_for_numbers_that_are_not_finite() -> None:
    assert STRICT.encode({"a": math.nan, "b": (math.inf, 1.5), "c": np.float32(math.nan)}) == {
        "a": None,
        "b": [None, 1.5],
        "c": None,
    }
    assert STRICT.encode(np.array([[math.inf, 1.0]])) == [[None, 1.0]]
    assert STRICT.encode(Leaf("x", math.nan)) == {"name": "x", "size": None}


@pytest.mark.parametrize("codec", [FILE, MESSAGE])
@pytest.mark.parametrize("shape", [(0,), (3,), (2, 3), (0, 3), (2, 0, 3), (0, 0)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8, np.bool_])
def test_arrays_keep_their_shape_and_type(codec: Codec, shape: tuple[int, ...], dtype: Any) -> None:
    array = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    found = through(codec, array, np.ndarray[Any, np.dtype[dtype]])
    np.testing.assert_array_equal(found, array, strict=True)
    assert found.flags.writeable


def test_a_message_holds_the_bytes_of_an_array() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert MESSAGE.encode(array)[:2] == ["<f4", [2, 3]]
    np.testing.assert_array_equal(through(MESSAGE, array[:, ::2], npt.NDArray[np.float32]), array[:, ::2])
    assert FILE.encode(array) == [[0, 1, 2], [3, 4, 5]]


@CODECS
def test_numpys_numbers_are_pythons(codec: Codec) -> None:
    leaf = codec.encode(Leaf("x", np.float32(0.5)))  # type: ignore[arg-type]
    assert leaf == {"name": "x", "size": 0.5}
    assert type(leaf["size"]) is float
    assert json.dumps(codec.encode({"a": np.int64(3), "b": np.bool_(True), "c": np.float64(0.1)})) == (
        '{"a": 3, "b": true, "c": 0.1}'
    )


@CODECS
def test_a_member_of_a_union_says_which_it_is(codec: Codec) -> None:
    kind = Leaf | Rose | None
    assert codec.encode(Rose(3), kind) == {"type": "Rose", "thorns": 3}
    assert through(codec, (Rose(3), Leaf("x"), None), tuple[kind, ...]) == (Rose(3), Leaf("x"), None)
    with pytest.raises(TypeError, match="Tree is none of Leaf, Rose"):
        codec.encode(TREE, kind)


TREE = Tree(Leaf("x"), (), (1, "a"), {}, {}, {}, Path("p"), Colour.RED, "avg", ())


@pytest.mark.parametrize("name", ["Tree", "TrialSpec", "tlsearch.types:TrialSpec", "os:system", "", None, ["Rose"]])
@CODECS
def test_no_other_class_can_be_named(codec: Codec, name: Any) -> None:
    with pytest.raises(ValueError, match="one of Leaf, Rose is expected"):
        codec.decode(Leaf | Rose, {"type": name, "thorns": 3})


def test_keys_of_a_newer_version_are_passed_over_and_defaults_fill_in() -> None:
    assert FILE.decode(Leaf, {"name": "x", "colour": "red"}) == Leaf("x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"leaf": {}}, r"Tree.leaf: Leaf.name is missing$"),
        ({"leaf": []}, r"Tree.leaf: an object is expected, not \[\]$"),
        ({"leaves": [{"name": "x"}, {"name": 3}]}, r"Tree.leaves: \[1\] Leaf.name: str is expected, not 3$"),
        ({"leaves": "abc"}, r"Tree.leaves: .*a list is expected, not 'abc'$"),
        ({"leaf": {"name": "x", "size": "6"}}, r"Leaf.size: a number is expected, not '6'$"),
        ({"pair": [1]}, r"Tree.pair: a list of 2 is expected, not \[1\]$"),
        ({"pair": ["1", "a"]}, r"Tree.pair: int is expected, not '1'$"),
        ({"by_name": {"a": 5}}, r"Tree.by_name: \['a'\] an object is expected, not 5$"),
        ({"by_size": {"3": [0.5]}}, r"Tree.by_size: a list of pairs is expected"),
        ({"colour": "green"}, r"Tree.colour: 'green' is not a valid Colour$"),
        ({"mode": "min"}, r"Tree.mode: one of 'avg', 'max' is expected, not 'min'$"),
        ({"nothing": 0}, r"Tree.nothing: None is expected, not 0$"),
        ({"path": 3}, r"Tree.path: "),
    ],
)
def test_a_field_of_the_wrong_shape_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FILE.decode(Tree, {**FILE.encode(TREE), **change})


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", len, TrialSpec, frozenset(), 1j, np.array([object()])])
@CODECS
def test_other_things_are_not_written(codec: Codec, value: Any) -> None:
    with pytest.raises(TypeError, match="JSON cannot hold"):
        codec.encode({"values": [value]})


def test_names_that_are_no_texts_need_an_annotation() -> None:
    with pytest.raises(TypeError, match="JSON cannot hold 3 as the name of a value"):
        FILE.encode({3: "x"})
    assert FILE.encode({3: "x"}, Mapping[int, str]) == [[3, "x"]]


@pytest.mark.parametrize("plain", [["|O", [1], "AAAAAAAAAAA="], ["<f4", [2], "AAAA"], ["<f4", [1], 5], [["x"]], None])
def test_what_is_no_array_is_refused(plain: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        MESSAGE.decode(npt.NDArray[np.float32], plain)


def test_paths_of_any_kind_are_texts() -> None:
    assert FILE.encode([PurePosixPath("a/b"), Path("/c")]) == ["a/b", "/c"]
