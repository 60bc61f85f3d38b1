"""Which ``mysql://`` urls are sources, and what is said of those that are not."""

from __future__ import annotations

import sys

import pytest

from remit.adapters.sql_source import open_source
from remit.columns import ColumnType
from remit.errors import UsageError
from remit.ports import Membership, TableQuery


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("mysql://u:p%40ss@db.example/lis", "mysql://db.example:3306/lis"),
        ("mariadb://u@[::1]:3307/l%2Fis", "mysql://[::1]:3307/l%2Fis"),
        ("mysql://u@h/lis?ssl_ca=/etc/ca.pem", "mysql://h:3306/lis"),
    ],
)
def test_source_is_called_by_its_place_alone(url: str, label: str) -> None:
    assert open_source(url).label == label


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:hidden@h",
        "mysql://u:hidden@h:port/lis",
        "mysql://u:hid/den@h/lis",
        "mysql://u:hid#den@h/lis",
        "mysql://u:hidden@h/lis?local_infile=1",
        "mysql:///lis",
    ],
)
def test_other_urls_are_refused_without_their_text(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_source(url)
    assert "hid" not in str(caught.value)


def test_missing_drivers_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    monkeypatch.setitem(sys.modules, "mysql.connector", None)
    with pytest.raises(UsageError, match="install PyMySQL or mysql-connector-python"):
        open_source("mysql://u:hidden@h/lis")


def test_statement_for_the_reviewer_needs_no_server() -> None:
    limits = (Membership("site", ("LYO1", "it's\\")),)
    query = TableQuery(
        "results", (("value", ColumnType.parse("decimal(12,4)")),), memberships=limits
    )
    assert open_source("mysql://u@h/lis").sql(query).splitlines() == [
        "SELECT CAST(`results`.`value` AS BINARY) AS `value` ",
        "FROM `results` ",
        "WHERE `results`.`site` IN ('LYO1', 'it''s\\\\')"
        " AND CAST(convert(`results`.`site` USING utf8mb4) AS BINARY) IN ('LYO1', 'it''s\\\\')",
    ]
