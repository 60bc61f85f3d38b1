"""From an Airflow connection to what remit's adapters open.

    conn_type  fields                                           becomes
    postgres   host, port, schema, login, password, extra       postgresql://... (extra: sslmode, ...)
    sqlite     host: the file's absolute path                   sqlite:////path
    fs         extra: {"path": "/absolute/folder"}              the folder's path
    aws        login, password; extra: region_name,             s3://bucket/prefix?...
               endpoint_url, aws_session_token, service_config:
               {"s3": {"bucket_name", "prefix", "endpoint_url"}}
    http       host, schema (https), port, password: the    https://:token@host/base?ca=...
               bearer token; extra: {"ca": "/file.pem"}
    sftp, ssh  host, port, login; extra: path, and key_file     an SFTP server, and the key that opens it
               or private_key, private_key_passphrase
    any other  whatever its hook reads                          a database that the hook connects to

For the named types no provider package is needed: the fields are read, no hook is opened. The hook
of any other must be one for databases (DbApiHook).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from remit.errors import Unavailable, UsageError

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from remit.adapters.sftp import SftpPlace
    from remit.adapters.sql_source import Database

    Address = str | Database | SftpPlace

_PORTS = {"mysql": 3306, "mssql": 1433, "oracle": 1521}


class Airflows:
    """The connections that Airflow looks up in one way; a `remit.wiring.Connections`."""

    def __init__(self, get: Callable[[str], Connection]) -> None:
        self._get = get

    def __call__(self, connection_id: str) -> Address:
        """What is behind the connection."""
        return address(self.connection(connection_id))

    def password(self, connection_id: str) -> str:
        """The connection's password; empty if it has none."""
        return self.connection(connection_id).password or ""

    def connection(self, connection_id: str) -> Connection:
        """The connection itself. Raises: Unavailable, UsageError."""
        return self._get(connection_id)


def _in_task(connection_id: str) -> Connection:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

    try:
        return BaseHook.get_connection(connection_id)
    except (AirflowNotFoundException, AirflowRuntimeError):
        raise _not_found(connection_id) from None


def _stored(connection_id: str) -> Connection:
    from airflow.models.connection import Connection as Stored
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return Stored.get_connection_from_secrets(connection_id)
    except AirflowNotFoundException:
        raise UsageError(f"Airflow has no connection {connection_id}.") from None


resolve = Airflows(_in_task)
"""Looks connections up inside a task."""

resolve_stored = Airflows(_stored)
"""Looks connections up on the command line, which may read Airflow's database."""


async def looked_up(connection_ids: Collection[str]) -> Airflows:
    """These connections, looked up inside a trigger, whose threads cannot do it themselves.

    One that is not there is missed when it is asked for.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

    known = {}
    for name in connection_ids:
        with contextlib.suppress(AirflowNotFoundException, AirflowRuntimeError):
            known[name] = await BaseHook.aget_connection(name)

    def get(name: str) -> Connection:
        if name not in known:
            raise _not_found(name)
        return known[name]

    return Airflows(get)


async def resolve_async(connection_id: str) -> Address:
    """What is behind a connection; inside a trigger."""
    return (await looked_up([connection_id]))(connection_id)


def address(connection: Connection) -> Address:
    """The URL or path that the connection's fields make, its SFTP server, or the database of its hook.

    Raises:
        UsageError: there is no hook for it, the hook is none for databases, or a field is missing.
            No field's value is repeated.
    """
    name = connection.conn_id
    if connection.conn_type == "postgres":
        return _postgres(connection)
    if connection.conn_type == "sqlite":
        return f"sqlite:///{_absolute(connection.host, name, 'its host')}"
    if connection.conn_type == "fs":
        return _absolute(connection.extra_dejson.get("path"), name, "path in its extra")
    if connection.conn_type == "aws":
        return _bucket(connection)
    if connection.conn_type == "http":
        return _fhir(connection)
    if connection.conn_type in ("sftp", "ssh"):
        return _sftp(connection)
    if connection.conn_type == "ftp":
        return f"ftp://{connection.host}"  # which is refused, by its rule and on record
    return _database(connection)


def _postgres(connection: Connection) -> str:
    if not connection.host or not connection.schema:
        raise UsageError(f"connection {connection.conn_id} needs a host, and a database as schema.")
    host = f"[{connection.host}]" if ":" in connection.host else connection.host
    login = quote(connection.login or "", safe="")
    password = f":{quote(connection.password, safe='')}" if connection.password else ""
    place = f"{host}:{connection.port or 5432}/{quote(connection.schema, safe='')}"
    extra = urlencode(connection.extra_dejson, quote_via=quote)
    return f"postgresql://{login}{password}@{place}" + (f"?{extra}" if extra else "")


def _database(connection: Connection) -> Database:
    from remit.adapters.sql_source import Database

    hook = _hook(connection)
    # The connection that was looked up is the one that is used.
    hook.get_connection = lambda _connection_id: connection
    try:
        driver = str(hook.sqlalchemy_url.drivername)
    except (AttributeError, NotImplementedError):  # a hook that says nothing about SQLAlchemy
        driver = connection.conn_type or ""
    except Exception:  # noqa: BLE001 - its text may hold the password
        raise UsageError(f"the hook of connection {connection.conn_id} has no URL.") from None
    kind = driver.partition("+")[0]
    host, port = connection.host or connection.conn_id, connection.port or _PORTS.get(kind)
    place = f"{host}:{port}" if port else host
    name = quote(connection.schema or "", safe="")
    return Database(hook.get_conn, driver, f"{kind}://{place}/{name}")


def _hook(connection: Connection) -> Any:
    """Its hook, which must be one for databases."""
    told = (
        f"connection {connection.conn_id} is of type {connection.conn_type}; remit reads postgres,"
        " sqlite and every type with a DbApiHook as sources, and fs, aws and sftp as landing zones."
    )
    try:
        from airflow.providers.common.sql.hooks.sql import DbApiHook

        hook = connection.get_hook()  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - the provider is missing or fails; its text may hold fields
        raise UsageError(f"{told} No such hook can be had here.") from None
    if not isinstance(hook, DbApiHook):
        raise UsageError(told)
    return hook


def _bucket(connection: Connection) -> str:
    """Fields as Airflow's own provider names them; one that is not known here is not passed over."""
    known, s3 = dict(connection.extra_dejson), {}
    if set(known.get("service_config") or {}) == {"s3"}:
        s3 = dict(known.pop("service_config")["s3"])
    bucket, prefix = s3.pop("bucket_name", ""), s3.pop("prefix", "").strip("/")
    options = {
        "endpoint": s3.pop("endpoint_url", None) or known.get("endpoint_url"),
        "region": known.pop("region_name", None),
        "session_token": known.pop("aws_session_token", None),
    }
    known.pop("endpoint_url", None)
    login, password = connection.login or "", connection.password or ""
    if not bucket or known or s3 or bool(login) != bool(password):
        raise UsageError(
            f"connection {connection.conn_id} needs bucket_name in service_config.s3 of its extra; login "
            "and password together or not at all; and no other extra than region_name, endpoint_url, "
            "aws_session_token and service_config.s3 (bucket_name, prefix, endpoint_url)."
        )
    keys = f"{quote(login, safe='')}:{quote(password, safe='')}@" if login else ""
    query = urlencode({name: value for name, value in options.items() if value})
    return f"s3://{keys}{bucket}/{quote(prefix)}" + (f"?{query}" if query else "")


def _fhir(connection: Connection) -> str:
    """A FHIR base, its bearer token, and the file of the authority that is pinned, if one is."""
    extra, host = dict(connection.extra_dejson), connection.host or ""
    authority = extra.pop("ca", None)
    scheme, _, place = host.rpartition("://")
    if not place or not connection.password or connection.login or extra:
        raise UsageError(
            f"connection {connection.conn_id} needs a host, a bearer token as its password, no login, and "
            "no other extra than ca, the file of the authority that is trusted."
        )
    host, slash, path = place.partition("/")
    port = f":{connection.port}" if connection.port else ""
    token = quote(connection.password, safe="")
    query = ""
    if authority is not None:
        query = f"?{urlencode({'ca': _absolute(authority, connection.conn_id, 'ca in its extra')})}"
    scheme = scheme or connection.schema or "https"
    return f"{scheme}://:{token}@{host}{port}{slash}{path}{query}"


def _sftp(connection: Connection) -> SftpPlace:
    from remit.adapters.sftp import SftpPlace

    extra = dict(connection.extra_dejson)
    name, path = connection.conn_id, _absolute(extra.pop("path", None), connection.conn_id, "path")
    key_file, key = extra.pop("key_file", None), extra.pop("private_key", None)
    passphrase = extra.pop("private_key_passphrase", None)
    one_key = bool(key_file) != bool(key)
    if connection.password or extra or not one_key or not connection.host or not connection.login:
        raise UsageError(
            f"connection {name} needs a host and a login; no password, because its key alone opens it; "
            "path and either key_file or private_key in its extra, with private_key_passphrase if the key "
            "has one; and no other extra."
        )
    return SftpPlace.checked(
        SftpPlace(
            connection.login,
            connection.host,
            path,
            connection.port or 22,
            key_file,
            key,
            passphrase,
        )
    )


def _absolute(path: str | None, name: str, field: str) -> str:
    """A path that means the same in every process."""
    if not path or not path.startswith("/"):
        raise UsageError(f"connection {name} needs an absolute path as {field}.")
    return path


def _not_found(connection_id: str) -> Unavailable:
    # Airflow gives the same answer when its API server could not be asked, so it is worth a retry.
    return Unavailable(
        f"connection {connection_id}", "Airflow has none of this id, or could not look it up."
    )
