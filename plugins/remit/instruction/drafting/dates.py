"""Which date of a table is that of an event: a collection, a visit, a validation."""

from __future__ import annotations

import re
from collections.abc import Sequence

from remit.column_names.words import word_set, words
from remit.ports import SourceColumn

# Names are compared without what separates words, since many systems write none: visitdate.
_EVENT = re.compile(
    r"collect|receiv|reciev|recept|recvd|rcvd|entered|entry|result|observ|\Aobs|encounter|visit|order"
    r"|releas|complet|sampl|prelev|validat|verified|perform|analys|reported|activity|admission|started"
    r"|prescri|onset|diagnos|enrol"
)
_TECHNICAL = re.compile(
    r"updat|modif|creat|insert|chang|timestamp\Z|\A_?ts\Z|sync|import|index|\Alast|validfrom"
    r"|validuntil|access|print"
)
_NEVER = re.compile(
    r"birth|naiss|nasc|nacim|geburt|\Adob\Z|death|dead|dece|died|expir|expdate|password|passwd|active"
    r"|retir|void|delet|merg|schedul|next|deadline|needed|estimat|planned|feeding|value"
    r"|threshold|lock|archiv|holiday"
)
_NUMBERED = re.compile(r"[a-z]{1,3}\d+", re.IGNORECASE)  # dt1, d2: nobody knows what they hold
_EVENTS_AFTER_ALL = word_set("registration")
_KINDS = ("date", "timestamp", "timestamptz")
_FIRST, _LAST = 0, 2


def event_dates(columns: Sequence[SourceColumn]) -> list[SourceColumn]:
    """The columns that may date a row, those of an event first, technical ones last."""
    dated = [c for c in columns if c.type is not None and c.type.name in _KINDS]
    fit = [c for c in dated if not _NEVER.search(_run(c.name)) and not _NUMBERED.fullmatch(c.name)]
    return sorted(fit, key=lambda column: _rank(column.name))


def is_technical(name: str) -> bool:
    """Whether a date says when a row was written, not when something happened."""
    return _rank(name) == _LAST


def dated(columns: Sequence[SourceColumn]) -> SourceColumn | None:
    """The date of an event, if the table has one."""
    found = event_dates(columns)
    return found[0] if found and not is_technical(found[0].name) else None


def _rank(name: str) -> int:
    run = _run(name)
    if not _EVENTS_AFTER_ALL.isdisjoint(words(name)):
        return 1
    if _TECHNICAL.search(run):
        return _LAST
    return _FIRST if _EVENT.search(run) else 1


def _run(name: str) -> str:
    return "".join(words(name))
