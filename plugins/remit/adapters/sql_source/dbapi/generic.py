"""Any other database: SQLAlchemy's dialect writes, its inspector describes, its isolation holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from remit.adapters.sql_source.conform import misfit
from remit.adapters.sql_source.dbapi.database import Database
from remit.adapters.sql_source.dbapi.generic_catalogue import GenericCatalogue
from remit.adapters.sql_source.dbapi.generic_statements import GenericStatements
from remit.adapters.sql_source.dbapi.objects import batch, weight
from remit.adapters.sql_source.parts import totals
from remit.adapters.sql_source.presence import require_present, require_types, touched
from remit.errors import Refused, RemitError, Unavailable, UsageError, translating
from remit.ports import Account, Part, Relation, SourceColumn, TableQuery, Totals

_BATCH_BYTES = 8 << 20
_STEP = 32
_LEVELS = ("SNAPSHOT", "SERIALIZABLE")
# Python's sqlite3 begins no transaction for a SELECT, whatever the level.
_NO_LEVEL = ("sqlite",)
_UNTOLD = "may hold any right: the grants of a database of this kind are not read"


class GenericSource:
    """A database that SQLAlchemy has a dialect for; see `remit.ports.Source`.

    Raises:
        UsageError: it has none, or the dialect is not installed.
    """

    def __init__(self, database: Database) -> None:
        self.label = database.label
        with translating(sa.exc.ArgumentError, ImportError, into=lambda _: _no_dialect(database)):
            self._engine = sa.create_engine(
                f"{database.driver}://", creator=database.connect, poolclass=sa.pool.NullPool
            )
        self._statements = GenericStatements(self._engine.dialect)

    def describe(self, schemas: Collection[str] = ()) -> Mapping[Relation, Sequence[SourceColumn]]:
        """The live schema, by SQLAlchemy's inspector. Raises: Unavailable, Refused."""
        with self._connection() as connection, self._translating(None):
            return GenericCatalogue(connection).describe(schemas)

    def account(self, relations: Collection[Relation]) -> Account:  # noqa: ARG002
        """Its name; what it may do is not known, which counts against it. Raises: Unavailable."""
        oracle = self._engine.dialect.name == "oracle"
        user: sa.ColumnElement[Any] = (
            sa.literal_column("USER") if oracle else sa.func.current_user()
        )
        with self._connection() as connection, self._translating(None):
            name = connection.execute(sa.select(user)).scalar_one()
        return Account(str(name), (_UNTOLD,), {})

    @contextmanager
    def snapshot(self, shared: str | None = None) -> Iterator[GenericSnapshot]:
        """One consistent state. Raises: Unavailable, UsageError, Refused."""
        if shared is not None:
            raise UsageError("this database's snapshots are not shared between connections.")
        with self._connection() as connection:
            with self._translating(None):
                level = self._level(connection)
                held = connection.execution_options(
                    isolation_level=level, stream_results=True, max_row_buffer=_STEP
                )
                catalogue = GenericCatalogue(held)
            yield GenericSnapshot(held, self._statements, catalogue, self._translating)

    def sql(self, query: TableQuery) -> str:
        """What `stream` runs, with the values that it binds. Raises: Refused."""
        with self._translating(query):
            return self._statements.render(self._statements.rows(query))

    def _level(self, connection: sa.Connection) -> Any:
        dialect = self._engine.dialect
        levels: tuple[str, ...] = ()
        driver = connection.connection.dbapi_connection
        with suppress(NotImplementedError):
            levels = tuple(dialect.get_isolation_level_values(driver))  # type: ignore[arg-type]
        for level in _LEVELS:
            if level in levels and dialect.name not in _NO_LEVEL:
                return level
        raise Refused(
            "source-no-snapshot",
            self.label,
            "rows are read in one consistent state of the source, and its dialect has no isolation"
            " level that gives one.",
            "have the controller provide PostgreSQL, MariaDB, SQLite or a dump.",
        )

    @contextmanager
    def _connection(self) -> Iterator[sa.Connection]:
        with translating(Exception, into=lambda error: _unconnected(error, self.label)):
            connection = self._engine.connect()
        try:
            yield connection
        finally:
            with suppress(Exception):
                connection.invalidate()  # closes it, even amid a stream
            with suppress(Exception):
                connection.close()

    @contextmanager
    def _translating(self, query: TableQuery | None) -> Iterator[None]:
        with translating(Exception, into=lambda error: _explain(error, query, self.label)):
            yield


class GenericSnapshot:
    """One state of the database, as long as its transaction lasts; one stream at a time."""

    def __init__(
        self,
        connection: sa.Connection,
        statements: GenericStatements,
        catalogue: GenericCatalogue,
        guard: Callable[[TableQuery | None], Any],
    ) -> None:
        self._connection, self._statements = connection, statements
        self._catalogue, self._guard = catalogue, guard

    def count(self, query: TableQuery) -> int:
        """Rows that meet the limits. Raises: Unavailable, Refused."""
        return self.totals(query, ()).rows

    def totals(self, query: TableQuery, summed: Sequence[str]) -> Totals:
        """Their number, and the exact sums of these columns. Raises: Unavailable, Refused."""
        statement = self._statements.sums(query, summed)
        self._require(query)
        with self._guard(query):
            rows, *sums = self._connection.execute(statement).one()
        kinds = dict(query.columns)
        texts = {}
        for name, value in zip(summed, sums, strict=True):
            if value is not None and type(value) not in (int, Decimal):
                raise misfit(f"{query.table}.{name}", kinds[name])
            texts[name] = None if value is None else str(value)
        return totals(query, int(rows), texts)

    def divide(self, query: TableQuery, parts: int) -> list[Part]:  # noqa: ARG002
        """None: it is read in one piece."""
        return []

    def share(self) -> None:
        """None: it cannot."""

    def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        """Those rows. Raises: Unavailable, Refused."""
        statement = self._statements.rows(query)
        self._require(query)
        with self._guard(query):
            result = self._connection.execute(statement)
        held: list[Sequence[Any]] = []
        size = 0
        while True:
            with self._guard(query):
                fetched = result.fetchmany(_STEP)
            held += fetched
            size += weight(fetched)
            if held and (not fetched or size >= _BATCH_BYTES):
                yield batch(held, query)
                held, size = [], 0
            if not fetched:
                return

    def _require(self, query: TableQuery) -> None:
        with self._guard(query):
            require_present(query, self._catalogue.columns)
            require_types(query, self._catalogue.columns)
            for asked, _ in touched(query):
                live = self._catalogue.columns(asked.relation)
                for name, declared in asked.columns:
                    kind = live[name].type
                    if kind is None or kind.name != declared.name:
                        raise misfit(f"{asked.table}.{name}", declared)


def _no_dialect(database: Database) -> UsageError:
    return UsageError(
        f"SQLAlchemy has no dialect {database.driver}, or its driver is not installed, so this"
        " database cannot be a source."
    )


def _unconnected(error: BaseException, label: str) -> RemitError:
    if isinstance(error, RemitError):
        return error
    return Unavailable(label, f"no connection ({type(error).__name__})")


def _explain(error: BaseException, query: TableQuery | None, label: str) -> RemitError:
    if isinstance(error, RemitError):
        return error
    cut = isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated
    passing = isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError, OSError))
    if query is None or cut or passing:
        return Unavailable(label, f"the connection or the query was cut ({type(error).__name__})")
    return Refused(
        "source-query-failed",
        query.table,
        f"the database cannot answer the query ({type(error).__name__}).",
        "run the statement of the plan at the source to see why.",
    )
