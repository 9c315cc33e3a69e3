"""Tables: as wide as the terminal allows, and no name in them is broken."""

from __future__ import annotations

import pytest

from tlsearch.cli.terminal.lines import unbroken
from tlsearch.cli.terminal.table import Column, Row, Table

LONG = "a_network_with_a_very_long_name_indeed@weights_of_our_own"


def lines(table: Table, width: int | None) -> list[str]:
    return [line for line, _ in table.lines(width)]


def counts(*names: str) -> Table:
    columns = (Column("class"), Column("train", right=True), Column("test", right=True))
    return Table(columns, tuple(Row((unbroken(name), "1,200", "75")) for name in names))


def test_a_table_that_fits_is_as_wide_as_its_texts() -> None:
    assert lines(counts("hat", "long sleeve"), 80) == [
        "class        train  test",
        "────────────────────────",
        "hat          1,200    75",
        "long sleeve  1,200    75",
    ]
    assert lines(counts("hat"), None) == lines(counts("hat"), 80)


def test_texts_are_wrapped_between_words_and_paths_behind_slashes() -> None:
    columns = (Column("network"), Column("where"))
    row = Row(("vgg16@imagenet", "not here; fetch it into /home/ada/.keras/models/vgg16_weights.h5 first"))
    assert lines(Table(columns, (row,)), 40)[2:] == [
        "vgg16@imagenet  not here; fetch it into",
        "                /home/ada/.keras/models/",
        "                vgg16_weights.h5 first",
    ]


def test_a_long_name_before_figures_stands_on_a_line_of_its_own() -> None:
    """The figures stay below each other."""
    assert lines(counts("hat", LONG), 40) == [
        "class" + " " * 24 + "train  test",
        "─" * 40,
        "hat" + " " * 26 + "1,200    75",
        LONG,
        " " * 29 + "1,200    75",
    ]


def test_a_long_name_below_a_short_one_stands_below_its_figures() -> None:
    table = Table((Column(), Column("score", right=True)), (Row((f"winner\n{LONG} frozen", "0.912"), "bold"),))
    assert table.lines(40)[2:] == [("winner" + " " * 29 + "0.912", "bold"), (LONG, "bold"), ("frozen", "bold")]


def test_rows_are_blocks_where_texts_beside_a_long_name_do_not_fit() -> None:
    columns = (Column("weights"), Column("trained on"), Column("where"))
    rows = (Row((LONG, "photographs of one thousand kinds of things", "")), Row(("b", "c", f"/home/{LONG}.npz")))
    assert lines(Table(columns, rows), 60) == [
        LONG,
        "  trained on  photographs of one thousand kinds of things",
        "",
        "b",
        "  trained on  c",
        "  where",
        "    /home/",
        f"    {LONG}.npz",
        "",
    ]


def test_a_table_without_headings_has_no_head() -> None:
    assert lines(Table((Column(), Column()), (Row(("a", "b")),)), 80) == ["a  b"]
    assert lines(Table((Column("x"),), ()), 80) == ["x", "─"]


def test_columns_of_text_are_not_made_so_narrow_that_they_become_long() -> None:
    columns = (Column("name"), Column("licence"))
    rows = (Row((unbroken("a network of thirty characters"), "Creative Commons Attribution Share Alike 4.0")),)
    assert lines(Table(columns, rows), 50)[2:] == [
        "a network of thirty characters  Creative Commons",
        " " * 32 + "Attribution Share",
        " " * 32 + "Alike 4.0",
    ]
    assert lines(Table(columns, rows), 46)[:2] == [
        "a network of thirty characters",
        "  licence  Creative Commons Attribution Share",
    ]


@pytest.mark.parametrize("width", [20, 33, 50, 79, 80, 120])
def test_no_name_is_broken_at_any_width(width: int) -> None:
    names = [LONG, "hat", "t-shirt", "small_cnn", "my best hat"]
    shown = lines(counts(*names), width)
    for name in names:
        assert any(name in line for line in shown)
    assert all(len(line) <= width or line.strip() in names for line in shown)


def test_wide_characters_stand_below_each_other() -> None:
    shown = lines(counts("猫", "dog"), 80)
    assert shown[2:] == ["猫     1,200    75", "dog    1,200    75"]
