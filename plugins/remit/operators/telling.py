"""Tells a task's part of the run's story in its log, for a reviewer who has not read the code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from remit.errors import Refused, Unavailable, one_line

if TYPE_CHECKING:
    from airflow.sdk.types import Logger

    from remit.evidence import Record

_ALARMING = {"invalid", "stopped", "undeleted"}
_TOLD_AS_FAILURE = {"refused", "interrupted"}
_FOLD = re.compile("::(?=(?:end)?group::)")
"""Where Airflow's pages begin or end a fold, wherever in a line it stands, and show nothing of the line."""


def logged(text: str) -> str:
    """A text for the log that can neither begin a line nor fold any: names come from outside."""
    return _FOLD.sub(": :", one_line(text))


def tell_records(log: Logger, records: Sequence[Record]) -> None:
    """Each record as a folded group of sentences; warnings and what went wrong stay unfolded.

    A refusal is left to `tell_failure`, which also knows those that come before any record.
    """
    from remit.narrative import tell, title, warns

    for record in records:
        if record.kind in _TOLD_AS_FAILURE:
            continue
        alarming = record.kind in _ALARMING
        write = log.error if alarming else log.info
        name = logged(title(record))
        write(f"{name}:" if alarming else f"::group::{name}")
        log.info("Evidence record %d of %s, by %s.", record.seq, record.at, logged(record.by))
        warnings = [sentence for sentence in tell(record) if warns(sentence)]
        for sentence in tell(record):
            if sentence not in warnings:
                write(logged(sentence))
        if not alarming:
            log.info("::endgroup::")
        for sentence in warnings:
            log.warning(logged(sentence))


def tell_next(log: Logger, records: Sequence[Record]) -> None:
    """What happens after this."""
    from remit.narrative import what_next

    log.info(what_next(records))


def tell_failure(log: Logger, error: Exception, words: str) -> None:
    """Why the task ends here, and what the reader can do about it.

    Args:
        words: what may be said of the error.
    """
    if isinstance(error, Refused):
        log.error("Refused by the rule %s.", error.code)
        log.error("Where: %s", logged(error.where))
        log.error("What: %s", logged(error.message))
        log.error("Way out: %s", logged(error.way_out))
        return
    log.error(logged(words))
    if isinstance(error, Unavailable):
        log.warning("This may pass; Airflow tries again while the task has retries left.")
