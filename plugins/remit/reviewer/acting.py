"""Where acts on the pages are recorded, and in whose name."""

from __future__ import annotations

from remit.alerts.office import Office
from remit.errors import Unavailable, UsageError, one_line
from remit.people import Identity
from remit.reviewer.reading import ledger
from remit.wiring import Settings, open_office


def office() -> Office:
    """Where acts are recorded. It needs the processor's signing key, which reading does not.

    Raises:
        Unavailable: nothing was recorded yet, the ledger does not answer, or the key is not here.
        Refused: the key's file is open to others.
    """
    log = ledger()
    try:
        return open_office(Settings.from_environment(), log)
    except UsageError:
        where = "the processor's signing key"
        raise Unavailable(where, "this server has none; act by the command line.") from None


def acting_by(identity: Identity) -> str:
    """The principal in whose name an act on a page is recorded."""
    return one_line(f"airflow-user:{identity.account}")[:200]
