"""PostgreSQL: COPY in binary through ADBC, in one REPEATABLE READ, READ ONLY transaction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_manager import dbapi
from adbc_driver_postgresql import dbapi as driver

from remit.adapters.sql_source.conform import conform
from remit.adapters.sql_source.session import FAILURES, Session
from remit.adapters.sql_source.statements import PostgresStatements
from remit.columns import ColumnType
from remit.errors import Refused, RemitError, Unavailable, translating
from remit.ports import SourceColumn, TableQuery

_OPTIONS = {"adbc.postgresql.batch_size_hint_bytes": str(4 << 20)}  # the fastest measured

_NATIVE = {
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "real": "double",
    "double precision": "double",
    "text": "string",
    "character varying": "string",
    "character": "string",
    "bpchar": "string",
    "boolean": "boolean",
    "date": "date",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "uuid": "uuid",
}
_LENGTH = re.compile(r"\(\d+\)")

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
    "uuid": ("string",),
    "decimal": ("numeric",),
}

# A text column whose collation is not deterministic compares unlike texts as equal, which would
# widen a membership: it is described as of no known type.
_DESCRIBE = sa.text("""
SELECT CAST(c.relname AS text), CAST(a.attname AS text), format_type(a.atttypid, a.atttypmod),
       NOT a.attnotnull, coalesce(l.collisdeterministic, true)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid
LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum
""")


class PostgresSource:
    """A PostgreSQL database; see `remit.ports.Source`.

    Args:
        uri: for libpq, with the password.
        label: the same without credentials.
        schema: where its tables and views are; those of other schemas are not seen.
    """

    def __init__(self, uri: str, *, label: str, schema: str) -> None:
        self.label = label
        self._uri = uri
        self._schema = schema
        self._statements = PostgresStatements(schema)

    def describe(self) -> Mapping[str, Sequence[SourceColumn]]:
        """The live schema, from the catalogue. Raises: Unavailable."""
        sql = self._statements.render(_DESCRIBE.bindparams(schema=self._schema))
        tables: dict[str, list[SourceColumn]] = {}
        with self._session() as session:
            for table, name, native, nullable, bytewise in session.rows(sql):
                declared = _declared(native) if bytewise else None
                tables.setdefault(table, []).append(SourceColumn(name, native, declared, nullable))
        return tables

    @contextmanager
    def snapshot(self) -> Iterator[PostgresSnapshot]:
        """One consistent state. Raises: Unavailable."""
        with self._session() as session:
            yield PostgresSnapshot(session, self._statements)

    def sql(self, query: TableQuery) -> str:
        """What `stream` runs. Raises: Refused."""
        return self._statements.select(query)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with translating(*FAILURES, into=lambda error: _unconnected(error, self.label)):
            connection = driver.connect(self._uri, autocommit=True)
        session = Session(
            connection,
            lambda error, query: _explain(error, query, self.label, connection),
            _OPTIONS,
        )
        try:
            session.run(
                "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
                # Literals are written for this; a server may still have the old default.
                "SET LOCAL standard_conforming_strings TO on",
                # No operator or function of somebody else's schema is picked by the statements.
                "SET LOCAL search_path TO pg_catalog",
                "SET LOCAL TimeZone TO 'UTC'",
                "SELECT 1",  # the state is that of the first query
            )
            yield session
        finally:
            session.close()


class PostgresSnapshot:
    """One state of the database, as long as its transaction lasts; one stream at a time."""

    def __init__(self, session: Session, statements: PostgresStatements) -> None:
        self._session = session
        self._statements = statements

    def count(self, query: TableQuery) -> int:
        """Rows that meet the limits. Raises: Unavailable, Refused."""
        return int(self._session.rows(self._statements.count(query), query)[0][0])

    def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        """Those rows. Raises: Unavailable, Refused."""
        for batch in self._session.batches(self._statements.select(query), query):
            yield conform(batch, query, _ARRIVES)


def _declared(native: str) -> ColumnType | None:
    """The declared type of what format_type says; user types never bear these bare names."""
    known = _NATIVE.get(_LENGTH.sub("", native))
    if known:
        return ColumnType(known)
    if native == "numeric":
        return ColumnType(
            "decimal"
        )  # any; what does not fit the declared one is refused on reading
    if not native.startswith("numeric("):
        return None
    try:
        return ColumnType.parse(native.replace("numeric", "decimal"))
    except ValueError:  # a precision above 38, or a scale that is negative or above the precision
        return None


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
        return Refused(
            "source-denied",
            place,
            "the account may not read the table.",
            "have the controller grant it SELECT on the table, or leave the table out.",
        )
    if state in ("42P01", "42703"):
        return Refused(
            "column-missing",
            place,
            "the table, or one of the columns asked for, is not there.",
            "plan again: the source's schema is not what the instruction was made for.",
        )
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
