"""What sources behind a DB-API connection refuse."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from remit.adapters.sql_source import Database, open_database
from remit.columns import ColumnType
from remit.errors import Refused
from remit.ports import TableQuery
from remit.testing.mariadb import MariaDBServer, connect
from remit.wiring import open_source


@pytest.mark.vector("source-no-snapshot")
@pytest.mark.slow
def test_table_of_an_engine_without_transactions_is_refused() -> None:
    with MariaDBServer() as server:
        with closing(connect(server.url)) as database, database.cursor() as cursor:
            cursor.execute("CREATE TABLE results (x int) ENGINE=MyISAM")
        query = TableQuery("results", (("x", ColumnType("integer")),))
        with open_source(server.url).snapshot() as snapshot, pytest.raises(Refused) as caught:
            snapshot.count(query)
    assert (caught.value.code, caught.value.where) == ("source-no-snapshot", "results")
    assert "InnoDB" in caught.value.way_out


@pytest.mark.vector("source-no-snapshot")
def test_database_whose_dialect_has_no_consistent_state_is_refused() -> None:
    source = open_database(Database(lambda: sqlite3.connect(":memory:"), "sqlite", "lite"))
    with pytest.raises(Refused) as caught, source.snapshot():
        pass
    assert (caught.value.code, caught.value.where) == ("source-no-snapshot", "lite")
