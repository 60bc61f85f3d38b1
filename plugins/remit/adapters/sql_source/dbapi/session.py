"""One DB-API connection, its failures translated and its results streamed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any

from remit.errors import Refused, RemitError, UsageError, translating
from remit.ports import TableQuery

Explain = Callable[[BaseException, TableQuery | None], RemitError]
"""Makes one of our errors of a driver's, given what was asked; its text is never copied."""

_BATCH_BYTES = 8 << 20
_BATCH_ROWS = 1 << 15
_STEP = 64
_STEP_BYTES = 1 << 20
"""Rows are fetched by as many as have about this size, so that long texts do not add up unseen."""


class DbapiSession:
    """Runs statements on a MariaDB or MySQL connection that it owns.

    Args:
        connection: of PyMySQL, mysqlclient or MySQL's connector.
        explain: translates the driver's errors.

    Raises:
        UsageError: the connection is another driver's, of which it is not known how it streams.
    """

    def __init__(self, connection: Any, explain: Explain) -> None:
        self._connection = connection
        self._explain = explain
        self._open = _unbuffered(connection)
        self._closed = False

    def rows(self, sql: str, query: TableQuery | None = None) -> list[tuple[Any, ...]]:
        """All rows of a small result. Raises what `explain` gives."""
        with self._translating(query):
            cursor = self._open()
            # Bytes: a text would be encoded as the connection was set up, not as UTF-8.
            cursor.execute(sql.encode())
            found = list(cursor.fetchall()) if cursor.description else []
            cursor.close()
        if query:
            self._require_no_warning(query)
        return found

    def chunks(self, sql: str, query: TableQuery) -> Iterator[list[tuple[bytes | None, ...]]]:
        """The result, in lists of bounded size. Raises what `explain` gives."""
        held: list[tuple[bytes | None, ...]] = []
        size = 0
        for fetched, weight in self._fetched(sql, query):
            held += fetched
            size += weight
            if size >= _BATCH_BYTES or len(held) >= _BATCH_ROWS:
                yield held
                held, size = [], 0
        if held:
            yield held

    def _fetched(
        self, sql: str, query: TableQuery
    ) -> Iterator[tuple[list[tuple[bytes | None, ...]], int]]:
        """Some rows at a time, with the bytes that they have."""
        with self._translating(query):
            cursor = self._open()
            cursor.execute(sql.encode())
        step = 1
        while True:
            with self._translating(query):
                if self._closed:  # of which PyMySQL would make the end of the result
                    raise ConnectionError
                fetched = list(cursor.fetchmany(step))
            if not fetched:
                break
            weight = sum(map(len, filter(None, chain.from_iterable(fetched))))
            yield fetched, weight
            step = max(1, min(_STEP, len(fetched) * _STEP_BYTES // max(1, weight)))
        with self._translating(query):
            cursor.close()
        self._require_no_warning(query)

    def _require_no_warning(self, query: TableQuery) -> None:
        """A text too long to be sent comes as a NULL, and a wrong conversion as another value."""
        [(warnings,)] = self.rows("SELECT @@warning_count")
        if int(warnings):
            raise Refused(
                "source-query-failed",
                query.table,
                f"the database answered with {int(warnings)} warnings, so values may not be exact.",
                "run the statement of the plan at the source, then SHOW WARNINGS, to see why.",
            )

    def run(self, *statements: str) -> None:
        """Run statements that give no rows. Raises what `explain` gives."""
        for statement in statements:
            self.rows(statement)

    def close(self) -> None:
        """Disconnect, which ends the transaction, even amid a stream. Never raises."""
        self._closed = True
        with suppress(Exception):
            # PyMySQL would read the rest of an unfinished stream, from a closed connection.
            self._connection._result.unbuffered_active = False
        with suppress(Exception):
            self._connection.close()

    @contextmanager
    def _translating(self, query: TableQuery | None) -> Iterator[None]:
        with translating(Exception, into=lambda error: self._explain(error, query)):
            yield


def _unbuffered(connection: Any) -> Callable[[], Any]:
    """What opens a cursor that the server's rows are read from as they come."""
    driver = type(connection).__module__.partition(".")[0]
    if driver == "pymysql":
        unbuffered = importlib.import_module("pymysql.cursors").SSCursor
        return lambda: connection.cursor(unbuffered)
    if driver == "MySQLdb":
        streaming = importlib.import_module("MySQLdb.cursors").SSCursor
        return lambda: connection.cursor(streaming)
    if driver == "mysql":
        return lambda: connection.cursor(buffered=False, raw=True)
    raise UsageError(
        f"the driver {driver} is not known to stream; use PyMySQL, mysqlclient or"
        " mysql-connector-python."
    )
