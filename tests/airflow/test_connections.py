"""From the fields of an Airflow connection to what remit opens."""

from __future__ import annotations

import json
from typing import Any

import pytest

from remit.adapters.s3 import S3Place
from remit.errors import UsageError
from remit.operators.connections import address


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
    from remit.wiring import open_source

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


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"conn_type": "mysql", "host": "h", "password": "hidden-1"}, "type mysql"),
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
