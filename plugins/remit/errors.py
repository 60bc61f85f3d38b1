"""Everything remit raises on purpose, as one tree.

    RemitError
    ├── UsageError        exit 2  the command or the settings are wrong
    ├── Refused           exit 3  a rule forbids it; nothing was let through
    ├── Unavailable       exit 4  something outside did not answer; trying again may help
    └── EvidenceBroken    exit 5  the evidence does not verify

Messages are shown to reviewers and kept in evidence: they name rules, places and counts, never a
value of a data subject. Texts of dependencies' exceptions hold rows and passwords, so they are
never copied into these; an adapter translates them with `translating`.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self


def one_line(text: str) -> str:
    """The text without control characters: a hostile name must not write lines into a log."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


_LAYOUT = frozenset("\n\u00a0\u202f")
"""Ends of lines, and the spaces at which no line ends."""


def visible(text: str) -> str:
    """The text, its lines kept, without what moves a cursor, hides, or turns the writing around."""
    shown = (c if c.isprintable() or c in _LAYOUT else "\ufffd" for c in text)
    return "".join(shown)


class RemitError(Exception):
    """Base of everything that remit raises on purpose."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class UsageError(RemitError):
    """The command line or a setting is wrong; nothing was attempted."""

    exit_code = 2


class Refused(RemitError):
    """A rule forbids the step.

    Args:
        code: the rule, as listed in docs/refusals.md (kebab-case).
        where: the place, such as ``results.comment`` or a file name; never a value.
        message: what is wrong there.
        way_out: what the reader can do about it.
    """

    exit_code = 3

    def __init__(self, code: str, where: str, message: str, way_out: str) -> None:
        where, message, way_out = one_line(where), one_line(message), one_line(way_out)
        super().__init__(f"{code} at {where}: {message} Way out: {way_out}")
        self.code = code
        self.where = where
        self.message = message
        self.way_out = way_out

    @classmethod
    def from_json(cls, fields: Mapping[str, str]) -> Self:
        """Read what `as_json` gave, in another process."""
        return cls(**fields)

    def as_json(self) -> dict[str, str]:
        """The refusal as reports and evidence carry it."""
        return {
            "code": self.code,
            "where": self.where,
            "message": self.message,
            "way_out": self.way_out,
        }


class Unavailable(RemitError):
    """Something outside did not answer or gave out; a later try may succeed.

    Args:
        where: the system or place.
        message: what did not work.
    """

    exit_code = 4

    def __init__(self, where: str, message: str) -> None:
        self.where, self.message = one_line(where), one_line(message)
        super().__init__(f"{where}: {message}")


class Undeliverable(Unavailable):
    """A channel answers, and does not take this one notice; it may take another."""


class EvidenceBroken(RemitError):
    """The evidence does not verify.

    Args:
        where: the record, checkpoint or field.
        message: what does not hold there.
    """

    exit_code = 5

    def __init__(self, where: str, message: str) -> None:
        self.where, self.message = one_line(where), one_line(message)
        super().__init__(f"evidence broken at {where}: {message}")


def describe_unexpected(error: BaseException) -> str:
    """What may be said of an error that is not ours: its type and place, never its text."""
    frames = traceback.extract_tb(error.__traceback__)
    package = str(Path(__file__).parent)
    ours = [frame for frame in frames if frame.filename.startswith(package)]
    places = [f"{Path(f.filename).name}:{f.lineno}" for f in [*ours[-1:], *frames[-1:]]]
    return (
        f"Unexpected {type(error).__name__} at {' > '.join(dict.fromkeys(places))}. Its text is not "
        "shown, because it may hold rows. This is a defect of remit: please report the place and type."
    )


@contextmanager
def translating(
    *kinds: type[BaseException], into: Callable[[BaseException], RemitError]
) -> Iterator[None]:
    """Replace a dependency's exception, whose text may hold a value, by one of ours.

    The original is not shown with it: no traceback or log prints a suppressed context.
    """
    try:
        yield
    except kinds as error:
        ours = into(error)
        ours.__suppress_context__ = True
        raise ours from None
