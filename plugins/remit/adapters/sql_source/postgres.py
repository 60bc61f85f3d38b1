"""PostgreSQL: COPY in binary through ADBC, in one REPEATABLE READ, READ ONLY transaction."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pyarrow as pa
from adbc_driver_manager import dbapi
from adbc_driver_postgresql import dbapi as driver

from remit.adapters.sql_source.conform import conform
from remit.adapters.sql_source.parts import contiguous, cuts, totals
from remit.adapters.sql_source.postgres_account import AccountCheck
from remit.adapters.sql_source.postgres_catalogue import Catalogue, is_padded
from remit.adapters.sql_source.postgres_statements import PostgresStatements
from remit.adapters.sql_source.presence import (
    absent,
    require_decimals,
    require_present,
    require_types,
)
from remit.adapters.sql_source.session import FAILURES, Session
from remit.errors import Refused, RemitError, Unavailable, UsageError, translating
from remit.ports import Account, Part, Relation, SourceColumn, TableQuery, Totals

_OPTIONS = {"adbc.postgresql.batch_size_hint_bytes": str(4 << 20)}  # some 25,000 rows

# A declared type must come from its own native types: a text is not taken for a number even if
# every value looks like one, since then the schema is not what the instruction was made for.
_ARRIVES = {
    "boolean": ("bool",),
    "integer": ("int16", "int32", "int64"),
    "double": ("float", "double"),
    "string": ("string",),
    "date": ("date32[day]",),
    "timestamp": ("timestamp[us]",),
    "timestamptz": ("timestamp[us, tz=UTC]",),
    "uuid": ("arrow.uuid",),
    "decimal": ("string",),  # read as its text; that it is a numeric is asked of the catalogue
}
_SHARED = re.compile(r"[0-9A-F]+(-[0-9A-F]+)+")


class PostgresSource:
    """A PostgreSQL database; see `remit.ports.Source`.

    Args:
        uri: for libpq, with the password.
        label: the same without credentials.
        schema: the default one.
    """

    def __init__(self, uri: str, *, label: str, schema: str) -> None:
        self.label = label
        self._uri = uri
        self._schema = schema
        self._statements = PostgresStatements(schema)

    def describe(self, schemas: Collection[str] = ()) -> Mapping[Relation, Sequence[SourceColumn]]:
        """The live schema, from the catalogue. Raises: Unavailable."""
        with self._session() as session:
            return Catalogue(session, self._statements, self._schema).describe(schemas)

    def account(self, relations: Collection[Relation]) -> Account:
        """The account that logged in, from the catalogue. Raises: Unavailable."""
        with self._session() as session:
            return AccountCheck(session, self._statements, self._schema, relations).account()

    @contextmanager
    def snapshot(self, shared: str | None = None) -> Iterator[PostgresSnapshot]:
        """One consistent state, or the one that another connection shares. Raises: Unavailable."""
        with self._session(shared) as session:
            catalogue = Catalogue(session, self._statements, self._schema)
            yield PostgresSnapshot(session, self._statements, catalogue)

    def sql(self, query: TableQuery) -> str:
        """What `stream` runs. Raises: Refused."""
        return self._statements.select(query)

    @contextmanager
    def _session(self, shared: str | None = None) -> Iterator[Session]:
        with translating(*FAILURES, into=lambda error: _unconnected(error, self.label)):
            connection = driver.connect(self._uri, autocommit=True)
        session = Session(
            connection,
            lambda error, query: _explain(error, query, self.label, connection),
            _OPTIONS,
        )
        try:
            session.run("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            if shared is not None:
                self._join(session, shared)
            session.run(
                # Literals are written for this; a server may still have the old default.
                "SET LOCAL standard_conforming_strings TO on",
                # No operator or function of somebody else's schema is picked by the statements.
                "SET LOCAL search_path TO pg_catalog",
                "SET LOCAL TimeZone TO 'UTC'",
                # Rows come in the order of the file, wherever another reader of it may be.
                "SET LOCAL synchronize_seqscans TO off",
                "SELECT 1",  # the state is that of the first query
            )
            yield session
        finally:
            session.close()

    def _join(self, session: Session, shared: str) -> None:
        if _SHARED.fullmatch(shared) is None:
            raise UsageError("not the name of a state that PostgreSQL shares")
        try:
            session.run(f"SET TRANSACTION SNAPSHOT '{shared}'")
        except Refused:
            raise Unavailable(self.label, "the state that was shared is no longer open") from None


class PostgresSnapshot:
    """One state of the database, as long as its transaction lasts; one stream at a time."""

    def __init__(
        self, session: Session, statements: PostgresStatements, catalogue: Catalogue
    ) -> None:
        self._session, self._statements = session, statements
        self._catalogue = catalogue

    def count(self, query: TableQuery) -> int:
        """Rows that meet the limits. Raises: Unavailable, Refused."""
        return self.totals(query, ()).rows

    def totals(self, query: TableQuery, summed: Sequence[str]) -> Totals:
        """Those rows, and the sums of columns over them. Raises: Unavailable, Refused."""
        statement = self._statements.totals(query, summed)
        self._require(query)
        [(rows, *sums)] = self._session.rows(statement, query)
        return totals(query, rows, dict(zip(summed, sums, strict=True)))

    def share(self) -> str:
        """The name of this state for other connections. Raises: Unavailable."""
        [(name,)] = self._session.rows("SELECT pg_export_snapshot()")
        return str(name)

    def divide(self, query: TableQuery, parts: int) -> list[Part]:
        """Ranges of blocks of a table's file; of a view or a partitioned table, of its window."""
        blocks = self._catalogue.blocks(query.relation)
        if blocks is not None:
            inner = sorted({str(blocks * n // parts) for n in range(1, parts)} - {"0"}, key=int)
            return contiguous("blocks", inner)
        return contiguous("window", cuts(query.window, parts)) if query.window else []

    def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        """Those rows. Raises: Unavailable, Refused."""
        statement = self._statements.select(query)
        self._require(query)
        live = self._catalogue.columns(query.relation)
        require_decimals(query, live)
        padded = {name for name, _ in query.columns if is_padded(live[name].native_type)}
        for batch in self._session.batches(statement, query):
            yield conform(batch, query, _ARRIVES, padded)

    def _require(self, query: TableQuery) -> None:
        require_present(query, self._catalogue.columns)
        require_types(query, self._catalogue.columns)


_PHRASES = {  # of libpq, in English only: elsewhere the message is just less exact
    "connection refused": "connection refused",
    "could not translate host name": "unknown host",
    "password authentication failed": "wrong user or password",
    "no password supplied": "a password is needed",
    "certificate": "TLS could not be agreed",
    "no pg_hba.conf entry": "the server does not admit this account from here",
    "does not exist": "no such database or user",
    "timeout expired": "no answer in time",
    "ssl": "TLS could not be agreed",
    "too many": "too many connections",
}


def _unconnected(error: BaseException, label: str) -> Unavailable:
    text = str(error).lower()
    reason = next((ours for theirs, ours in _PHRASES.items() if theirs in text), "")
    return Unavailable(label, f"no connection ({reason})" if reason else "no connection")


def _explain(
    error: BaseException, query: TableQuery | None, label: str, connection: dbapi.Connection
) -> RemitError:
    state = str(getattr(error, "sqlstate", None) or _state_of_stream(error, connection))
    place = query.table if query else label
    if state == "42501":
        other = ", or one that its rows are found in" if query and query.through else ""
        return Refused(
            "source-denied",
            place,
            f"the account may not read the table{other}.",
            "have the controller grant it SELECT on the table, or leave the table out.",
        )
    if state in ("42P01", "42703"):
        return absent(place)
    # 22: data, 42: statement and 0A: feature fail again each time; the rest is the server's state.
    if state[:2] in ("22", "42", "0A"):
        return Refused(
            "source-query-failed",
            place,
            f"the database cannot answer the query (SQLSTATE {state}).",
            "run the statement of the plan at the source to see why.",
        )
    return Unavailable(label, f"the connection or the query was cut (SQLSTATE {state})")


def _state_of_stream(error: BaseException, connection: dbapi.Connection) -> str:
    """A SQLSTATE for an error within a stream, which bears none: is the server still there?"""
    if "canceling statement" in str(error):
        return "57014"
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except dbapi.Error as later:  # with a state: the transaction has failed, the server has not
        return "22000" if later.sqlstate else "08006"
    return "22000"
