"""Expectations of the field's own, in Great Expectations' form, for SQL and for pandas.

Guarantee: what judges a text is one function over Arrow, whatever the engine: DuckDB calls it from
its queries, pandas on its columns. An error inside leaves without its text and fails the rule.

`register` must be called on each connection before rules are judged. It imports Great Expectations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the field's expectations known to Great Expectations, and their functions to DuckDB."""
    from duckdb.func import PythonUDFType

    from remit.adapters.gx.field import expectations, texts  # noqa: F401  (the classes register)

    for name, (function, parameters) in texts.FUNCTIONS.items():
        connection.create_function(name, function, parameters, "BOOLEAN", type=PythonUDFType.ARROW)
