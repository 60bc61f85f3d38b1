"""A DuckDB in memory whose tables are extracts, each scanned once for a query that names it.

Guarantee: DuckDB cannot reach files or the network, spills nothing, and its errors leave here
without their texts, which hold values. A query decodes the columns alone that it names.

Import this only where rules are judged: it imports DuckDB.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import duckdb  # noqa: TID253  (this module is imported where rules are judged, never above)
import numpy as np
import pyarrow as pa

from remit.adapters.gx import field
from remit.adapters.gx.feed import Extract

VIEW = "extract"
"""The name of the extract that is judged."""

_T = TypeVar("_T")
_PIECE = 122_880  # rows, as DuckDB groups them
_THREADS = 4  # each holds buffers of its own; decoding is what takes the time


def other_view(table: str) -> str:
    """The name of the extract of another table."""
    return f"extract of {table}"


@dataclass(frozen=True, slots=True)
class Source:
    """An extract under a name for queries, with the declared types of its columns."""

    extract: Extract
    types: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """The columns and rows of a query's answer."""

    description: Sequence[Any] | None
    rows: list[Any]


class Duck:
    """The database of one use of the judge."""

    def __init__(self, sources: Mapping[str, Source], memory_limit: str) -> None:
        self.sources = sources
        self.out_of_memory = False
        self.scans = 0
        """Extracts decoded so far, each time anew."""
        self._connection = _connect(memory_limit)

    def query(self, statement: str, parameters: Sequence[Any] = (), **beside: Any) -> Answer:
        """Run a query.

        Args:
            beside: Arrow tables or arrays that the query names.

        Raises:
            duckdb.Error: without the text of what happened, and chained to nothing.
        """
        answer: Answer | None = None
        with self._hushed(), self._ready(statement, beside):
            self._connection.execute(statement, list(parameters))
            answer = Answer(self._connection.description, self._connection.fetchall())
        return self._require(answer)

    def numbers(self, statement: str) -> Iterator[np.ndarray[Any, Any]]:
        """The one column of numbers that a query gives, in bounded pieces.

        Raises:
            duckdb.Error: as `query`.
        """
        done: bool | None = None
        with self._hushed(), self._ready(statement, {}):
            # Not by `execute`, which would hold the whole answer.
            for batch in self._connection.sql(statement).to_arrow_reader(_PIECE):
                yield batch.column(0).to_numpy()
            done = True
        self._require(done)

    @contextmanager
    def _hushed(self) -> Iterator[None]:
        """Let no exception through: what follows raises one that is chained to nothing."""
        try:
            if self.out_of_memory:
                raise duckdb.OutOfMemoryException  # all is lost; GX would try each rule again
            yield
        except (duckdb.OutOfMemoryException, MemoryError):
            self.out_of_memory = True
        except pa.ArrowException as error:  # what DuckDB says through a reader of Arrow's
            self.out_of_memory |= "Out of Memory" in str(error)
        except Exception:  # noqa: BLE001, S110  (raised by `_require`)
            pass

    @contextmanager
    def _ready(self, statement: str, beside: Mapping[str, Any]) -> Iterator[None]:
        """Have all that the statement names, as long as it runs."""
        given = [*beside]
        try:
            for name, table in beside.items():
                self._connection.register(name, table)
            given += [self._offer(name, statement) for name in self._named(statement)]
            yield
        finally:
            for name in given:
                self._connection.unregister(name)

    def _named(self, statement: str) -> list[str]:
        return [name for name in self.sources if quoted(name) in statement]

    @staticmethod
    def _require(answer: _T | None) -> _T:
        if answer is None:
            raise duckdb.Error("the query failed")
        return answer

    def _offer(self, name: str, statement: str) -> str:
        """Make the columns that the statement names readable, once."""
        source = self.sources[name]
        # All names are quoted. One that is named for another reason is decoded in vain.
        columns = [column for column in source.types if quoted(column) in statement]
        columns = columns or list(source.types)[:1]
        self.scans += 1
        feed = f"feed of {name}"
        self._connection.register(feed, source.extract.reader(columns))
        selected = ", ".join(_selected(column, source.types[column]) for column in columns)
        self._connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS SELECT {selected} FROM {quoted(feed)}"  # noqa: S608
        )
        return feed

    def close(self) -> None:
        """Forget all."""
        self._connection.close()


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def _connect(memory_limit: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": memory_limit,
            "temp_directory": "",  # the default spills plaintext to `.tmp`
            "threads": min(_THREADS, os.cpu_count() or 1),
            "preserve_insertion_order": "false",  # or it would hold rows back
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    connection.execute("SET enable_progress_bar = false")
    # Keys are the side that is held, for they come in parts that fit; sizes are not known to DuckDB.
    connection.execute("SET disabled_optimizers = 'build_side_probe_side,join_order'")
    connection.execute("SET TimeZone = 'UTC'")
    field.register(connection)
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _selected(name: str, declared: str) -> str:
    column = quoted(name)
    if declared == "double":  # missing, as on pandas; DuckDB holds it greater than all numbers
        return f"nullif({column}, 'NaN'::DOUBLE) AS {column}"
    if declared == "timestamptz":  # Python values with a zone would need pytz
        return f"timezone('UTC', {column}) AS {column}"
    return column
