"""What MariaDB's and MySQL's error numbers mean; their texts hold values and are never copied."""

from __future__ import annotations

from remit.adapters.sql_source.presence import absent
from remit.errors import Refused, RemitError, Unavailable
from remit.ports import TableQuery

_CONNECTING = {
    1040: "too many connections",
    1044: "the account may not use the database",
    1045: "wrong user or password",
    1049: "no such database",
    1130: "the server does not admit this account from here",
    1203: "too many connections",
    1698: "wrong user or password",
    2002: "connection refused",
    2003: "connection refused, unknown host, or not the TLS that is asked for",
    2005: "unknown host",
    2026: "TLS could not be agreed",
}
_DENIED = (1044, 1142, 1143, 1227, 1356, 1370)
_ABSENT = (1051, 1054, 1146)
# Locks, limits of the server's, shutting down, and definitions changed since the snapshot.
_PASSING = (
    1028,
    1037,
    1041,
    1053,
    1135,
    1152,
    1159,
    1161,
    1205,
    1213,
    1317,
    1412,
    1927,
    1969,
    3024,
)


def unconnected(error: BaseException, label: str) -> Unavailable:
    """The refusal of the server, or of the client before it."""
    number = _number(error)
    reason = _CONNECTING.get(number)
    if reason is None and not number:
        reason = f"{type(error).__name__} in the client; is its library installed?"
    return Unavailable(label, f"no connection ({reason})" if reason else "no connection")


def explain(error: BaseException, query: TableQuery | None, label: str) -> RemitError:
    """What came of a statement."""
    number = _number(error)
    place = query.table if query else label
    if number in _DENIED:
        other = ", or one that its rows are found in" if query and query.through else ""
        return Refused(
            "source-denied",
            place,
            f"the account may not read the table{other}.",
            "have the controller grant it SELECT on the table, or leave the table out.",
        )
    if number in _ABSENT:
        return absent(place)
    # Below 2000 and above 3000 the server speaks: the statement would fail again each time.
    if number and number not in _PASSING and not 2000 <= number < 3000:
        return Refused(
            "source-query-failed",
            place,
            f"the database cannot answer the query (error {number}).",
            "run the statement of the plan at the source to see why.",
        )
    return Unavailable(label, f"the connection or the query was cut (error {number})")


def _number(error: BaseException) -> int:
    """The error's number: an attribute with MySQL's connector, the first argument elsewhere."""
    number = getattr(error, "errno", None)
    if number is None and error.args:
        number = error.args[0]
    return number if isinstance(number, int) and number > 0 else 0
