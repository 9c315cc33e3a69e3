"""Text in lines: broken between words and behind the slashes of a path, never within a name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsearch.cli.terminal.lines import longest_part, parts, plain, unbroken, width_of, wrap

NETWORK = "efficientnet_lite0@imagenet"


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("a short text", 80, ["a short text"]),
        ("three words here", 11, ["three words", "here"]),
        (f"winner {NETWORK} frozen", 30, ["winner", NETWORK, "frozen"]),
        (f"winner {NETWORK}, frozen", 12, ["winner", f"{NETWORK},", "frozen"]),  # too long for any line
        ("re-used well-known names", 10, ["re-used", "well-known", "names"]),  # not behind hyphens
        ("data   train 3,066  val 341", 20, ["data   train 3,066", "val 341"]),  # spaces between words stay
        ("one\ntwo three", 5, ["one", "two", "three"]),
        ("", 5, [""]),
        ("見出し 画像", 6, ["見出し", "画像"]),  # two cells a character
    ],
)
def test_lines(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines


def test_a_path_is_broken_behind_its_slashes_where_it_is_longer_than_a_line() -> None:
    path = "/home/ada/photos/hat/1febd681-151b-4c8c-baff.jpg"
    assert wrap(f"in {path}", 60) == [f"in {path}"]
    assert wrap(f"the images in {path}", 50) == ["the images in", path]
    assert wrap(f"in {path}", 30) == ["in", "/home/ada/photos/hat/", "1febd681-151b-4c8c-baff.jpg"]
    assert wrap(path, 10) == ["/home/ada/", "photos/", "hat/", "1febd681-151b-4c8c-baff.jpg"]


def test_an_address_is_not_broken() -> None:
    address = "http://127.0.0.1:5000/#/experiments/1/runs/b91abec2313a40bb8e101c9b23061f0b"
    assert wrap(f"see {address}", 40) == ["see", address]
    assert parts(address) == [address]


def test_what_goes_on_hangs_and_an_indent_stays() -> None:
    assert wrap("  stone fruit and nuts", 13, "    ") == ["  stone fruit", "    and nuts"]
    assert wrap("  a/b/c.jpg", 80) == ["  a/b/c.jpg"]


def test_a_name_with_spaces_is_one_word() -> None:
    lines = wrap(f"the file {unbroken('my best hat.jpg')} is broken", 20)
    assert [plain(line) for line in lines] == ["the file", "my best hat.jpg is", "broken"]
    assert longest_part(unbroken("my best hat.jpg")) == 15


def test_without_a_width_nothing_is_broken() -> None:
    text = "  " + "word " * 100
    assert wrap(text, None) == [text]


@given(st.text(st.sampled_from("ab-_@. /"), max_size=60), st.integers(5, 40))
def test_no_word_is_lost_no_part_broken_and_only_a_part_alone_is_too_long(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    whole = [part for word in text.split() for part in parts(word)]
    assert [part for line in lines for word in line.split() for part in parts(word)] == whole
    for line in lines[1:]:
        assert width_of(line) <= width or len(parts(line)) == 1
