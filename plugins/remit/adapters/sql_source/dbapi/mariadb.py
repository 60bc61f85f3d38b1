"""MariaDB and MySQL: an unbuffered cursor in one consistent snapshot, read only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from remit.adapters.sql_source.conform import conform, misfit
from remit.adapters.sql_source.dbapi.database import Database
from remit.adapters.sql_source.dbapi.mariadb_account import AccountCheck
from remit.adapters.sql_source.dbapi.mariadb_catalogue import TRANSACTIONAL, Catalogue
from remit.adapters.sql_source.dbapi.mariadb_errors import explain, unconnected
from remit.adapters.sql_source.dbapi.mariadb_statements import MariaDBStatements
from remit.adapters.sql_source.dbapi.session import DbapiSession
from remit.adapters.sql_source.parts import totals
from remit.adapters.sql_source.presence import require_present, require_types, touched
from remit.columns import SIMPLE
from remit.errors import Refused, UsageError, translating
from remit.ports import Account, Part, Relation, SourceColumn, TableQuery, Totals

_ARRIVES = dict.fromkeys((*SIMPLE, "decimal"), ("string",))

_SETTINGS = (
    "SET NAMES utf8mb4",
    # The mode decides over quotes, escapes and padding. A limit on rows, or a time of which
    # versioned rows are read, could have been set for the account.
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO', time_zone = '+00:00',"
    " sql_auto_is_null = 0, sql_select_limit = 18446744073709551615"
    " /*M!100300 , system_versioning_asof = DEFAULT */",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
)


class MariaDBSource:
    """A MariaDB or MySQL database; see `remit.ports.Source`."""

    def __init__(self, database: Database) -> None:
        self.label = database.label
        self._connect = database.connect
        self._statements = MariaDBStatements()

    def describe(self, schemas: Collection[str] = ()) -> Mapping[Relation, Sequence[SourceColumn]]:
        """The live schema, as far as the account may see it. Raises: Unavailable."""
        with self._session() as session:
            return Catalogue(session, self._statements).describe(schemas)

    def account(self, relations: Collection[Relation]) -> Account:
        """The account that logged in, from its grants. Raises: Unavailable."""
        with self._session() as session:
            catalogue = Catalogue(session, self._statements)
            return AccountCheck(session, catalogue, relations).account()

    @contextmanager
    def snapshot(self, shared: str | None = None) -> Iterator[MariaDBSnapshot]:
        """One consistent state. Raises: Unavailable, UsageError."""
        if shared is not None:
            raise UsageError("MariaDB cannot share a snapshot between connections.")
        with self._session() as session:
            yield MariaDBSnapshot(session, self._statements)

    def sql(self, query: TableQuery) -> str:
        """What `stream` runs. Raises: Refused."""
        return self._statements.select(query)

    @contextmanager
    def _session(self) -> Iterator[DbapiSession]:
        with translating(Exception, into=lambda error: unconnected(error, self.label)):
            connection = self._connect()
        session = DbapiSession(connection, lambda error, query: explain(error, query, self.label))
        try:
            session.run(*_SETTINGS)
            yield session
        finally:
            session.close()


class MariaDBSnapshot:
    """One state of the database, as long as its transaction lasts; one stream at a time."""

    def __init__(self, session: DbapiSession, statements: MariaDBStatements) -> None:
        self._session, self._statements = session, statements
        self._catalogue = Catalogue(session, statements)

    def count(self, query: TableQuery) -> int:
        """Rows that meet the limits. Raises: Unavailable, Refused."""
        return self.totals(query, ()).rows

    def totals(self, query: TableQuery, summed: Sequence[str]) -> Totals:
        """Their number, and the exact sums of these columns. Raises: Unavailable, Refused."""
        statement = self._statements.totals(query, summed)
        self._require(query)
        [(rows, *sums)] = self._session.rows(statement, query)
        texts = (None if one is None else bytes(one).decode() for one in sums)
        return totals(query, int(rows), dict(zip(summed, texts, strict=True)))

    def divide(self, query: TableQuery, parts: int) -> list[Part]:  # noqa: ARG002
        """None: it is read in one piece."""
        return []

    def share(self) -> None:
        """None: MariaDB cannot."""

    def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        """Those rows. Raises: Unavailable, Refused."""
        statement = self._statements.select(query)
        self._require(query)
        names = [name for name, _ in query.columns]
        for rows in self._session.chunks(statement, query):
            arrays = [_texts(values) for values in zip(*rows, strict=True)]
            yield conform(pa.RecordBatch.from_arrays(arrays, names=names), query, _ARRIVES)

    def _require(self, query: TableQuery) -> None:
        require_present(query, self._catalogue.columns)
        require_types(query, self._catalogue.columns)
        for asked, _ in touched(query):
            live = self._catalogue.columns(asked.relation)
            for name, declared in asked.columns:
                kind = live[name].type
                if kind is None or kind.name != declared.name:
                    raise misfit(f"{asked.table}.{name}", declared)
            self._require_snapshot(asked)

    def _require_snapshot(self, asked: TableQuery) -> None:
        live = self._catalogue.table(asked.relation)
        engine = live.engine if live else None
        if engine == TRANSACTIONAL:
            return
        what = f"its engine {engine} has none" if engine else "of a view it cannot be told"
        raise Refused(
            "source-no-snapshot",
            asked.table,
            f"rows are read in one consistent state of the source, and {what}.",
            f"name tables of the engine {TRANSACTIONAL} instead, or have the controller convert it.",
        )


def _texts(values: Sequence[Any]) -> pa.Array:
    """The bytes as texts, which `conform` finds to be UTF-8 or not."""
    return pa.array(values, pa.binary()).view(pa.string())
