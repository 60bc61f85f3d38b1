"""From an Airflow connection to what remit's adapters open.

    conn_type  fields                                           becomes
    postgres   host, port, schema, login, password, extra       postgresql://... (extra: sslmode, ...)
    sqlite     host: the file's absolute path                   sqlite:////path
    fs         extra: {"path": "/absolute/folder"}              the folder's path

No provider package is needed: the fields are read, no hook is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from remit.errors import Unavailable, UsageError

if TYPE_CHECKING:
    from airflow.sdk import Connection


def resolve(connection_id: str) -> str:
    """The URL or path behind a connection; inside a task."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

    try:
        connection = BaseHook.get_connection(connection_id)
    except (AirflowNotFoundException, AirflowRuntimeError):
        raise _not_found(connection_id) from None
    return address(connection)


async def resolve_async(connection_id: str) -> str:
    """The URL or path behind a connection; inside a trigger."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

    try:
        connection = await BaseHook.aget_connection(connection_id)
    except (AirflowNotFoundException, AirflowRuntimeError):
        raise _not_found(connection_id) from None
    return address(connection)


def resolve_stored(connection_id: str) -> str:
    """The URL or path behind a connection; on the command line, which may read the database."""
    from airflow.models.connection import Connection as Stored
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection = Stored.get_connection_from_secrets(connection_id)
    except AirflowNotFoundException:
        raise UsageError(f"Airflow has no connection {connection_id}.") from None
    return address(connection)


def address(connection: Connection) -> str:
    """The URL or path that the connection's fields make.

    Raises:
        UsageError: the type is none of ours, or a field is missing. No field's value is repeated.
    """
    name = connection.conn_id
    if connection.conn_type == "postgres":
        return _postgres(connection)
    if connection.conn_type == "sqlite":
        return f"sqlite:///{_absolute(connection.host, name, 'its host')}"
    if connection.conn_type == "fs":
        return _absolute(connection.extra_dejson.get("path"), name, "path in its extra")
    raise UsageError(
        f"connection {name} is of type {connection.conn_type}; remit reads postgres and sqlite as "
        f"sources and fs as a landing zone."
    )


def _postgres(connection: Connection) -> str:
    if not connection.host or not connection.schema:
        raise UsageError(f"connection {connection.conn_id} needs a host, and a database as schema.")
    host = f"[{connection.host}]" if ":" in connection.host else connection.host
    login = quote(connection.login or "", safe="")
    password = f":{quote(connection.password, safe='')}" if connection.password else ""
    place = f"{host}:{connection.port or 5432}/{quote(connection.schema, safe='')}"
    extra = urlencode(connection.extra_dejson, quote_via=quote)
    return f"postgresql://{login}{password}@{place}" + (f"?{extra}" if extra else "")


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
