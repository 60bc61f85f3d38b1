"""One ADBC connection, its failures translated: what both databases' sources share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pyarrow as pa
from adbc_driver_manager import dbapi

from remit.errors import RemitError, translating
from remit.ports import TableQuery

FAILURES = (dbapi.Error, pa.ArrowException, OSError, UnicodeError)
"""What the drivers raise; while a stream is read, only an OSError that has no code."""

Explain = Callable[[BaseException, TableQuery | None], RemitError]
"""Makes one of our errors of a driver's, given what was asked; its text is never copied."""


class Session:
    """Runs statements on a connection that it owns, which is in autocommit mode.

    Args:
        connection: the connection.
        explain: translates the driver's errors.
        options: driver options for each statement, such as the size of batches.
    """

    def __init__(
        self, connection: dbapi.Connection, explain: Explain, options: dict[str, str]
    ) -> None:
        self._connection = connection
        self._explain = explain
        self._options = options

    def rows(self, sql: str, query: TableQuery | None = None) -> list[tuple[Any, ...]]:
        """All rows of a small result. Raises what `explain` gives."""
        with self._translating(query), self._cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def batches(self, sql: str, query: TableQuery) -> Iterator[pa.RecordBatch]:
        """The result, a batch at a time. Raises what `explain` gives."""
        with self._translating(query), self._cursor() as cursor:
            cursor.execute(sql)
            yield from cursor.fetch_record_batch()

    def run(self, *statements: str) -> None:
        """Run statements that give no rows. Raises what `explain` gives."""
        for statement in statements:
            self.rows(statement)

    def close(self) -> None:
        """Disconnect, which ends the transaction, even amid a stream. Never raises."""
        # No ROLLBACK first: amid a stream the driver would read that to its end before.
        with suppress(*FAILURES):
            self._connection.close()

    @contextmanager
    def _translating(self, query: TableQuery | None) -> Iterator[None]:
        with translating(*FAILURES, into=lambda error: self._explain(error, query)):
            yield

    def _cursor(self) -> closing[dbapi.Cursor]:
        return closing(self._connection.cursor(adbc_stmt_kwargs=self._options))
