"""The in-memory DuckDB of `remit.adapters.gx.duck` in the form of a SQLAlchemy engine.

Import this only where rules are judged: it imports SQLAlchemy and DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import duckdb  # noqa: TID253  (this module is imported where rules are judged, never above)
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql.compiler import IdentifierPreparer, SQLCompiler

from remit.adapters.gx.duck import Duck


class Cursor:
    """A DBAPI cursor that holds its rows: DuckDB drops results when the next query starts."""

    arraysize = 1
    rowcount = -1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Sequence[Any] | None = None

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Run a query.

        Raises:
            duckdb.Error: without the text of what happened, and chained to nothing.
        """
        answer = self._connection.duck.query(statement, parameters)
        self.description, self._rows = answer.description, answer.rows

    def fetchone(self) -> Any:
        """The next row."""
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = arraysize) -> list[Any]:
        """The next rows."""
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def fetchall(self) -> list[Any]:
        """The remaining rows."""
        rows, self._rows = self._rows, []
        return rows

    def close(self) -> None:
        """Forget the rows."""
        self._rows = []


class Connection:
    """A DBAPI connection around one that somebody else opens and closes."""

    def __init__(self, duck: Duck) -> None:
        self.duck = duck

    def cursor(self) -> Cursor:
        """Start a query."""
        return Cursor(self)

    def commit(self) -> None:
        """Do nothing: there are only reads."""

    def rollback(self) -> None:
        """Do nothing: there are only reads."""

    def close(self) -> None:
        """Do nothing: GX closes engines at moments of its own."""


class _Dbapi:
    paramstyle = "qmark"
    Error = duckdb.Error


class _Compiler(SQLCompiler):
    def visit_custom_op_binary(
        self, element: sa.BinaryExpression[Any], operator: Any, **kw: Any
    ) -> str:
        """Spell GX's regex operators out: in DuckDB `~` has meant both a part and the whole."""
        negation = {"~": "", "!~": "NOT "}.get(operator.opstring)
        if negation is None:
            return str(super().visit_custom_op_binary(element, operator, **kw))  # type: ignore[no-untyped-call]
        left, right = self.process(element.left, **kw), self.process(element.right, **kw)
        return f"({negation}regexp_matches({left}, {right}))"


class _Preparer(IdentifierPreparer):
    def _requires_quotes(self, value: str) -> bool:  # noqa: ARG002
        """Quote all names: what SQLAlchemy and DuckDB reserve is not the same."""
        return True


class _Declared(sa.types.UserDefinedType[Any]):
    """A declared type; one subclass for each, for GX asks for the class."""

    cache_ok = True
    declared = ""

    def get_col_spec(self, **kw: Any) -> str:  # noqa: ARG002
        return self.declared


class _Dialect(DefaultDialect):
    name = "duckdb"
    driver = "duckdb"  # SQLAlchemy asks for it where it logs, and every query would fail
    statement_compiler = _Compiler
    preparer = _Preparer
    supports_native_boolean = True
    supports_native_decimal = True
    supports_statement_cache = False

    def __init__(self, columns: Sequence[tuple[str, _Declared]]) -> None:
        super().__init__(dbapi=_Dbapi)  # type: ignore[arg-type]
        self._columns = columns

    def get_columns(self, *args: Any, **kw: Any) -> Any:  # noqa: ARG002
        """The columns of the extract, under their declared types."""
        return [
            {"name": name, "type": declared, "nullable": True, "default": None}
            for name, declared in self._columns
        ]

    def get_pk_constraint(self, *args: Any, **kw: Any) -> Any:  # noqa: ARG002
        """None."""
        return {"constrained_columns": [], "name": None}


def types_module(types: Iterable[str]) -> ModuleType:
    """What GX takes for a module of a SQLAlchemy dialect: types by name, PostgreSQL's regex.

    GX asks the module, not the dialect's name, whether there are regular expressions. Were the
    dialect itself called ``postgresql``, GX would compare names of columns without their case.
    """
    module = ModuleType("remit_declared_types")
    module.dialect = postgresql.dialect  # type: ignore[attr-defined]
    for declared in types:
        setattr(module, declared, type(declared, (_Declared,), {"declared": declared}))
    return module


def engine(connection: Connection, types: Mapping[str, str], module: ModuleType) -> sa.Engine:
    """A SQLAlchemy engine on the one connection, its columns typed from `module`."""
    columns = [(name, getattr(module, declared)()) for name, declared in types.items()]
    return sa.Engine(
        StaticPool(lambda: connection),  # type: ignore[arg-type]
        _Dialect(columns),
        sa.make_url("duckdb://"),
        hide_parameters=True,  # or the arguments of a failed query are in its message
    )
