"""The one place where remit's outcomes become Airflow's.

Guarantee: only `Unavailable` is tried again; everything else fails at once. Airflow logs an
exception with its whole chain, and texts of dependencies hold rows and passwords, so what leaves a
task is a new exception with no cause, no context and no text but ours.

It is done here and not by a `retry_policy`, so that it holds for every operator whatever policy a
DAG's author sets, and because a policy still lets Airflow log the original.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from remit.errors import Refused, RemitError, Unavailable, describe_unexpected
from remit.operators.telling import logged, tell_failure

if TYPE_CHECKING:
    from airflow.sdk.types import Logger


def guarded(work: Callable[[], None], log: Logger) -> None:
    """Do the work; what it raises is told in the log, and leaves as Airflow's exception for it.

    Raises:
        AirflowException: something did not answer; Airflow may try again.
        AirflowFailException: all else; trying again would not help.
    """
    failure: AirflowException | None = None
    try:
        work()
    except Exception as error:  # noqa: BLE001 - whatever it is, its text must not be logged
        tell_failure(log, error, in_words(error))
        failure = _failure(error)
    # Raised after the handler: inside it, Python would attach the original as the context.
    if failure is not None:
        raise failure


def in_words(error: Exception) -> str:
    """What may be said of an error: all of our own, no text of anybody else's."""
    if isinstance(error, Refused):
        return f"Refused ({error.code}) at {error.where}: {error.message} Way out: {error.way_out}"
    if isinstance(error, RemitError):
        return f"{type(error).__name__}: {error}"
    return describe_unexpected(error)


def _failure(error: Exception) -> AirflowException:
    kind = AirflowException if isinstance(error, Unavailable) else AirflowFailException
    return kind(logged(in_words(error)))  # Airflow writes it into the log as well
