from __future__ import annotations

import traceback

import pytest

from remit.errors import EvidenceBroken, Refused, Unavailable, UsageError, translating


def test_hostile_names_stay_on_one_line() -> None:
    refusal = Refused("rule", "table.a\n::endgroup::\x1b[31m", "bad\u2028line.", "see\r docs.")

    assert len(str(refusal).splitlines()) == 1
    assert "\x1b" not in str(refusal)


def test_a_translated_error_shows_nothing_of_the_original() -> None:
    with (
        pytest.raises(Unavailable) as caught,
        translating(ValueError, into=lambda _: Unavailable("here", "gone.")),
    ):
        raise ValueError("the row of Marie Curie")

    shown = "".join(traceback.format_exception(caught.value))
    assert "Marie" not in shown


def test_exit_codes_are_those_of_the_command_line() -> None:
    assert [kind.exit_code for kind in (UsageError, Refused, Unavailable, EvidenceBroken)] == [
        2,
        3,
        4,
        5,
    ]
