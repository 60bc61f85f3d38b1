"""Declared types and their Arrow types."""

from __future__ import annotations

import pyarrow as pa
import pytest

from remit.columns import SIMPLE, ColumnType

ARROW = {
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "double": pa.float64(),
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "uuid": pa.string(),
    "decimal(12,4)": pa.decimal128(12, 4),
    "decimal(38,38)": pa.decimal128(38, 38),
    "decimal(1,0)": pa.decimal128(1, 0),
}


@pytest.mark.parametrize(("text", "arrow"), ARROW.items())
def test_type_is_read_written_and_has_one_arrow_type(text, arrow) -> None:
    assert str(ColumnType.parse(text)) == text
    assert ColumnType.parse(text).arrow() == arrow


def test_every_simple_type_is_covered_here() -> None:
    assert set(SIMPLE) == {text for text in ARROW if "(" not in text}


def test_spaces_in_a_decimal_are_dropped() -> None:
    assert str(ColumnType.parse("decimal( 12, 4 )")) == "decimal(12,4)"


@pytest.mark.parametrize(
    "text",
    "|Integer|int|text|decimal|decimal()|decimal(12)|decimal(0,0)|decimal(39,0)|decimal(4,5)|"
    "decimal(12,-1)|decimal(012,4)0|timestamp(3)|uuid |jsonb|decimal(１２,4)x".split("|"),  # noqa: RUF001
)
def test_text_that_is_no_type(text) -> None:
    with pytest.raises(ValueError, match="unknown type"):
        ColumnType.parse(text)
