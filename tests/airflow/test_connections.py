"""From the fields of an Airflow connection to what remit opens."""

from __future__ import annotations

import asyncio
import json
import traceback
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from remit import hpke
from remit.adapters.s3 import S3Place
from remit.adapters.sftp import SftpPlace
from remit.columns import ColumnType
from remit.errors import Unavailable, UsageError
from remit.operators.connections import address, looked_up, resolve
from remit.ports import TableQuery
from remit.testing.mariadb import MariaDBServer, connect
from remit.wiring import Settings, open_keys, open_landing, open_source, open_staging


def connection(**fields: Any) -> Any:
    from airflow.sdk import Connection

    return Connection.from_json(json.dumps(fields), conn_id="lis")


def test_postgres_with_every_field() -> None:
    fields = {"host": "db.example", "port": 6432, "schema": "lis/x", "login": "durand@site"}
    made = connection(
        conn_type="postgres", **fields, password="p@ss/:?#", extra={"sslmode": "verify-full"}
    )
    assert address(made) == (
        "postgresql://durand%40site:p%40ss%2F%3A%3F%23@db.example:6432/lis%2Fx?sslmode=verify-full"
    )


def test_postgres_with_little() -> None:
    made = connection(conn_type="postgres", host="::1", schema="lis", login="reader")
    assert address(made) == "postgresql://reader@[::1]:5432/lis"


def test_what_postgres_is_made_of_can_be_opened_again() -> None:
    made = connection(
        conn_type="postgres", host="h", schema="lis", login="u", password="a%b c/é", extra={}
    )
    assert open_source(address(made)).label == "postgresql://h:5432/lis"


def test_sqlite_and_folders() -> None:
    assert address(connection(conn_type="sqlite", host="/data/lis.db")) == "sqlite:////data/lis.db"
    landing = connection(conn_type="fs", extra={"path": "/srv/kalisil"})
    assert address(landing) == "/srv/kalisil"


def test_bucket_with_every_field() -> None:
    s3 = {"bucket_name": "remit-staging", "prefix": "/site one/", "endpoint_url": "https://s3.here"}
    made = connection(
        conn_type="aws",
        login="AKIA/1",
        password="p@ss/+:?#%",
        extra={
            "region_name": "eu-west-3",
            "endpoint_url": "https://elsewhere",
            "aws_session_token": "t+/=&",
            "service_config": {"s3": s3},
        },
    )
    place = S3Place.parse(address(made))

    assert place.label == "https://s3.here/remit-staging/site one"
    assert place.region == "eu-west-3"
    assert place.credentials == {
        "aws_access_key_id": "AKIA/1",
        "aws_secret_access_key": "p@ss/+:?#%",
        "aws_session_token": "t+/=&",
    }


def test_bucket_with_credentials_that_the_machine_has() -> None:
    extra = {"service_config": {"s3": {"bucket_name": "remit-staging"}}}
    place = S3Place.parse(address(connection(conn_type="aws", extra=extra)))
    assert (place.label, place.credentials) == ("s3://remit-staging", {})


KEY = {"path": "/in/durand", "key_file": "/keys/durand"}
SFTP = {"conn_type": "sftp", "host": "sftp.kalisil.example", "login": "durand", "extra": KEY}


@pytest.mark.parametrize("kind", ["sftp", "ssh"])
def test_sftp_server_with_its_key(kind: str) -> None:
    place = address(connection(**SFTP | {"conn_type": kind, "port": 2222}))
    assert place == SftpPlace(
        "durand", "sftp.kalisil.example", "/in/durand", 2222, key_file="/keys/durand"
    )
    zone = open_landing("conn:kalisil", lambda _: place)
    assert zone.label == "sftp://durand@sftp.kalisil.example:2222/in/durand"
    with pytest.raises(UsageError, match="nothing else"):
        open_source("conn:kalisil", lambda _: place)


def test_sftp_key_in_the_connection_is_shown_nowhere() -> None:
    extra = {"path": "/in", "private_key": "a secret", "private_key_passphrase": "another"}
    place = address(connection(**SFTP | {"extra": extra}))
    assert (place.key, place.passphrase, place.port) == ("a secret", "another", 22)
    assert "secret" not in repr(place) + place.label + place.specification
    assert "another" not in repr(place)


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "secret"},
        {"login": ""},
        {"host": ""},
        {"extra": {"path": "/in"}},
        {"extra": KEY | {"private_key": "secret"}},
        {"extra": KEY | {"no_host_key_check": True}},
        {"extra": {"key_file": "/keys/durand"}},
        {"extra": KEY | {"path": "in"}},
        {"extra": KEY | {"path": "/in/../secret"}},
    ],
)
def test_sftp_with_what_is_not_understood_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        address(connection(**SFTP | fields))
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_staging_in_a_connection() -> None:
    s3 = {"bucket_name": "remit-staging", "prefix": "lis"}
    made = connection(conn_type="aws", extra={"service_config": {"s3": s3}})
    assert open_staging("conn:lis", lambda _: address(made)).label == "s3://remit-staging/lis"
    folder = connection(conn_type="fs", extra={"path": "/srv/staging"})
    assert open_staging("conn:lis", lambda _: address(folder)).label == "/srv/staging"
    for spec in ("relative/folder", "gs://bucket/prefix", "conn:lis"):
        with pytest.raises(UsageError):
            open_staging(spec)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"extra": {"bucket": "hidden"}},
        {"extra": {"service_config": {"s3": {}}}},
        {"extra": {"service_config": {"s3": {"bucket_name": "b-1"}}, "role_arn": "hidden"}},
        {"extra": {"service_config": {"s3": {"bucket_name": "b-1"}}, "verify": False}},
        {"extra": {"service_config": {"s3": {"bucket_name": "b-1", "verify": False}}}},
        {"login": "hidden", "extra": {"service_config": {"s3": {"bucket_name": "b-1"}}}},
    ],
)
def test_bucket_with_what_is_not_understood_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="needs bucket_name") as caught:
        address(connection(conn_type="aws", **fields))
    assert "hidden" not in str(caught.value)


def mysql(**fields: Any) -> Any:
    return connection(conn_type="mysql", extra={"client": "mysql-connector-python"}, **fields)


def test_database_of_any_other_type_is_reached_through_its_own_hook() -> None:
    with MariaDBServer() as server:
        url = urlsplit(server.url)
        made = mysql(
            host=url.hostname,
            port=url.port,
            schema="remit",
            login=url.username,
            password=url.password,
        )
        with closing(connect(server.url)) as database, database.cursor() as cursor:
            cursor.execute("CREATE TABLE t (x decimal(9,4), y varchar(9))")
            cursor.execute("INSERT INTO t VALUES (1.25, '007')")
        source = open_source("conn:lis", lambda _: address(made))
        assert source.label == f"mysql://127.0.0.1:{server.port}/remit"
        assert source.account([]).name == "remit"
        columns = (("x", ColumnType.parse("decimal(9,4)")), ("y", ColumnType("string")))
        with source.snapshot() as snapshot:
            [batch] = snapshot.stream(TableQuery("t", columns))
        assert batch.to_pylist() == [{"x": Decimal("1.2500"), "y": "007"}]


def test_hook_that_cannot_connect_is_unavailable_without_its_password() -> None:
    unreachable = mysql(host="127.0.0.1", port=1, login="u", password="hidden-4", schema="s")
    clientless = connection(conn_type="mysql", host="127.0.0.1", password="hidden-4", schema="s")
    for made, told in ((unreachable, "connection refused"), (clientless, "library installed")):
        with pytest.raises(Unavailable, match=told) as caught:
            open_source("conn:lis", lambda _, made=made: address(made)).describe()
        assert "hidden" not in "".join(traceback.format_exception(caught.value))


def test_database_is_no_landing_zone() -> None:
    made = mysql(host="127.0.0.1", schema="s", password="hidden-5")
    with pytest.raises(UsageError, match="conn:lis is a database"):
        open_landing("conn:lis", lambda _: address(made))


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "https://h/fhir", "password": "t/k"}, "https://:t%2Fk@h/fhir"),
        ({"host": "h", "schema": "http", "port": 80, "password": "t"}, "http://:t@h:80"),
        (
            {"host": "h/a/b", "password": "t", "extra": {"ca": "/c.pem"}},
            "https://:t@h/a/b?ca=%2Fc.pem",
        ),
    ],
)
def test_fhir_server_of_a_connection(fields: dict[str, Any], url: str) -> None:
    assert address(connection(conn_type="http", **fields)) == url


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"conn_type": "http", "host": "h"}, "bearer token"),
        ({"conn_type": "http", "host": "h", "login": "a", "password": "hidden-1"}, "no login"),
        ({"conn_type": "http", "host": "h", "password": "x", "extra": {"b": 1}}, "other extra"),
        (
            {"conn_type": "http", "host": "h", "password": "x", "extra": {"ca": "b"}},
            "absolute path",
        ),
        ({"conn_type": "nonsense", "password": "hidden-3"}, "type nonsense"),
        ({"conn_type": "postgres", "host": "h", "password": "hidden-2"}, "database as schema"),
        ({"conn_type": "sqlite", "host": "relative.db"}, "absolute path"),
        ({"conn_type": "fs", "extra": {"path": "landing"}}, "absolute path"),
        ({"conn_type": "fs"}, "absolute path"),
    ],
)
def test_what_cannot_be_opened_is_refused_without_its_values(
    fields: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        address(connection(**fields))
    assert "hidden" not in str(caught.value)


def test_password_of_a_connection_is_the_keyrings_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a task, in a trigger, which looks up beforehand, and nowhere but in Airflow."""
    environment = {"REMIT_HOME": str(tmp_path), "REMIT_KEYRING_SECRET": "conn:ring"}
    settings = Settings.from_environment(environment)
    monkeypatch.setenv(
        "AIRFLOW_CONN_RING", json.dumps({"conn_type": "generic", "password": "p" * 32})
    )
    monkeypatch.setenv("AIRFLOW_CONN_EMPTY", json.dumps({"conn_type": "generic"}))
    known = asyncio.run(looked_up(settings.secret_connections()))

    sealed = hpke.seal(b"secret", open_keys(settings, resolve).create("run-1"), b"")

    assert open_keys(settings, known).open("run-1", sealed, b"") == b"secret"
    assert not (tmp_path / "keys").exists()
    assert resolve.password("empty") == ""
    with pytest.raises(Unavailable, match="connection absent: Airflow has none"):
        resolve.password("absent")
    with pytest.raises(UsageError, match="conn:ring needs Airflow"):
        open_keys(settings).open("run-1", sealed, b"")


@pytest.mark.parametrize(
    ("keys", "secret", "named"),
    [
        ("", "", set()),
        ("", "file:/secret", set()),
        ("", "conn:ring", {"ring"}),
        ("vault:https://v.example/transit?token=conn:vault&ca=/ca", "conn:ring", {"ring", "vault"}),
        ("vault:https://v.example/transit?ca=/ca&token=file:/token", "", set()),
    ],
)
def test_connections_that_a_key_store_needs(keys: str, secret: str, named: set[str]) -> None:
    environment = {"REMIT_HOME": "/x", "REMIT_KEYS": keys, "REMIT_KEYRING_SECRET": secret}

    assert Settings.from_environment(environment).secret_connections() == named
