"""A table is plain text in columns."""

from __future__ import annotations

from captum_deconvnet.cli.output import table


def test_columns_stand_under_their_heads():
    assert table(("a", "number"), [("long", "1"), ("b", "22")]) == (
        "a     number\nlong  1\nb     22"
    )


def test_no_line_ends_in_blanks():
    assert table(("a", "b"), [("x", ""), ("", "long")]).splitlines() == ["a  b", "x", "   long"]


def test_a_table_without_rows_is_its_head():
    assert table(("a", "b"), []) == "a  b"
