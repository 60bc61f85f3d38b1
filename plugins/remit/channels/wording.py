"""What a notice says, fit for a header, a mail and a body: hostile names stay the text that they are."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from remit import canonical
from remit.errors import one_line
from remit.wiring import clock

if TYPE_CHECKING:
    from remit.ports import Notice

_LONGEST_SUBJECT = 200


def subject_of(notice: Notice) -> str:
    """One line of at most 200 characters."""
    line = one_line(notice.subject)
    return line if len(line) <= _LONGEST_SUBJECT else f"{line[: _LONGEST_SUBJECT - 1]}…"


def text_of(notice: Notice) -> str:
    """The text, its lines kept and every other control character replaced."""
    return "\n".join(one_line(line) for line in notice.text.split("\n"))


def id_of(notice: Notice) -> str:
    """The same for the same notice on the same day: a receiver knows by it what came twice.

    Of the text nothing counts: it says how late it is, which is another time when it comes again.
    A person who is told of the alert again, days later, gets another.
    """
    today = clock().date().isoformat()
    said = [today, notice.alert, str(notice.tier), notice.email, subject_of(notice)]
    whole = canonical.dumps([one_line(text) for text in said])
    return hashlib.sha256(whole).hexdigest()[:32]
